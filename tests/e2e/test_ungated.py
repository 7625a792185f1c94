"""The real Claude Code without its gate, but with its other hooks: what it runs is told as UNGATED from its own transcript."""

import json

import pytest

from tests.e2e.room import ANSWER, LINGER, Room
from tests.support.model_server import Call, Model, Turn
from tests.support.waiting import eventually, never

TOUCH = Call("Bash", {"command": "touch ran", "description": "touch"})


def ungated(room: Room) -> list[str]:
    """The texts of the alarms, from the journal."""
    rows = map(json.loads, room.cli("audit", "export", "--format", "jsonl").splitlines())
    bodies = [row.get("body") or row.get("data", {}) for row in rows]
    return [str(body) for body in bodies if "UNGATED" in str(body)]


@pytest.mark.row("G06")
def test_a_call_past_a_gate_that_was_taken_out_is_told(room: Room) -> None:
    room.start()
    room.cli("install", "claude-code", "--yes")
    settings = room.home.user / ".claude" / "settings.json"
    installed = json.loads(settings.read_text(encoding="utf-8"))
    del installed["hooks"]["PreToolUse"]
    settings.write_text(json.dumps(installed), encoding="utf-8")
    with Model({"main": [[TOUCH], [LINGER], "done"]}) as model:
        run = room.plain(model, "[[main]] go")
        eventually(lambda: (room.workspace / "ran").exists(), ANSWER, "it really ran")
        told = eventually(lambda: ungated(room), ANSWER, "it is told")
        run.wait()
    assert any("Bash" in text for text in told)


def test_calls_that_come_to_the_gate_are_never_told_as_ungated(room: Room) -> None:
    room.start()
    agent = Call("Agent", {"description": "helper", "prompt": "[[sub]] go", "subagent_type": "general-purpose"})
    turns: dict[str, list[Turn]] = {
        "main": [[TOUCH], [agent], [LINGER], "done"],
        "sub": [[Call("Bash", {"command": "ls", "description": "l"})], "done"],
    }
    with Model(turns) as model:
        run = room.supervised(model, "[[main]] go")
        run.wait(2 * ANSWER)
    never(lambda: ungated(room), 2.5, "a gated call is told as ungated")
    assert (room.workspace / "ran").exists()
