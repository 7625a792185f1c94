"""What a child of the real Claude Code does to files that no call named is seen on disk, and stands on the receipt."""

from typing import Any

from tests.e2e.room import ANSWER, Room
from tests.support.model_server import Call, Model
from tests.support.waiting import eventually

# Made by the operator beforehand: what it does stands in no call of the agent.
TOOL = """
import os, subprocess, sys
child = "import os; open('made-by-a-child', 'w').write('12345'); os.unlink('old')"
subprocess.run([sys.executable, "-c", child], check=True)
"""


def shown(room: Room) -> dict[str, Any]:
    """`controlroom show claude --json`."""
    [row] = room.json("show", "claude")
    found: dict[str, Any] = row
    return found


def rows(room: Room) -> dict[str, dict[str, Any]]:
    if not room.json("agents"):
        return {}  # it is only being started
    return {row["path"].removeprefix(f"{room.workspace}/"): row for row in shown(room)["files"]["rows"] if row["did"] != "read"}


def test_files_that_a_child_wrote_and_deleted_are_seen_on_disk_without_a_call(room: Room) -> None:
    (room.workspace / "tool.py").write_text(TOOL, encoding="utf-8")
    (room.workspace / "old").write_text("abc", encoding="utf-8")
    room.start()
    run_it = Call("Bash", {"command": "python3 tool.py", "description": "run the tool"})
    write = Call("Write", {"file_path": str(room.workspace / "named"), "content": "by a call"})
    stay = Call("Bash", {"command": "tail -f named", "description": "wait"})
    with Model({"main": [[write], [run_it], [stay]]}) as model:
        room.supervised(model, "[[main]] go")
        eventually(lambda: {"made-by-a-child", "old", "named"} <= rows(room).keys(), 2 * ANSWER, "all of it has rows")
        told = rows(room)
        made, old, named = told["made-by-a-child"], told["old"], told["named"]
        assert (made["did"], made["size"], made["seen"]) == ("created", 5, True)
        assert (old["did"], old["size"], old["seen"]) == ("deleted", 3, True)
        assert {(row["call"], row["receipt"]) for row in (made, old)} == {("", "")}, "no call named them"
        assert named["call"].startswith("toolu_")
        eventually(lambda: ["tail", "-f", "named"] in commands(room), ANSWER, "what runs now is among the processes")
        receipt = eventually(lambda: observed(room, "tool.py"), ANSWER, "its receipt shows what was seen")
        assert seen(receipt, "made-by-a-child") and seen(receipt, "old")
        assert not any(path.endswith("made-by-a-child") for effect in receipt["effects_declared"] for path in effect["targets"])


def commands(room: Room) -> list[list[str]]:
    return [row["command"] for row in shown(room)["processes"]["rows"]]


def observed(room: Room, words: str) -> dict[str, Any] | None:
    """The receipt of the act with these words, once it tells what the sensors saw."""
    found = (r for r in room.json("receipts") if words in r["action"]["input"] and r["effects_observed"])
    return next(found, None)


def seen(receipt: dict[str, Any], name: str) -> bool:
    """Whether the sensors saw a file of this name while the act was under way."""
    return any(path.endswith(f"/{name}") for effect in receipt["effects_observed"] or () for path in effect["targets"])


def test_a_claude_that_already_runs_is_adopted_with_its_log_and_its_session(room: Room) -> None:
    room.start()
    with Model({"main": ["done"]}, thinks=True) as model:
        run = room.plain(model, "[[main]] go")
        logs = room.home.user / ".claude" / "projects"
        eventually(lambda: any(path.stat().st_size for path in logs.glob("*/*.jsonl")), 2 * ANSWER, "it writes its log")
        told = room.cli("adopt", str(run.process.pid))
        [log] = logs.glob("*/*.jsonl")
        assert f"writes {log}, its own session {log.stem}" in told
        assert [row["kind"] for row in room.json("agents")] == ["claude-code"]
