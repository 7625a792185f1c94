"""Codex, Gemini CLI, Copilot CLI and Claude Code, as they run: found, followed, told in one story without an unknown line."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.room import ANSWER, Room, copilot_command, gemini_command
from tests.support.model_server import Call, Model, Turn
from tests.support.waiting import eventually

CODEX_CONFIG = """
model = "{name}"
model_provider = "scripted"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.scripted]
name = "scripted"
base_url = "{url}/v1"
wire_api = "responses"
"""
UNTIL = "until [ -e go ]; do sleep 0.1; done"  # the agent waits for the case, not the case for the agent
Command = tuple[list[str], Mapping[str, str]]


def codex_command(room: Room, program: Path, model: Model, prompt: str, name: str = "scripted") -> Command:
    """`codex exec`, with a home of its own in the case's user home. `name`: of the model, which says what tools it has."""
    home = room.home.user / ".codex"
    home.mkdir()
    (home / "config.toml").write_text(CODEX_CONFIG.format(url=model.url, name=name), encoding="utf-8")
    return [str(program), "exec", "--skip-git-repo-check", "--json", prompt], {"CODEX_HOME": str(home)}


def story(room: Room, name: str, least: int = 0, *, priced: bool = False) -> dict[str, Any]:
    """What `controlroom show NAME --json` tells of an agent's own log, once there are so many calls in it, and its cost."""
    if name not in [row["name"] for row in room.json("agents")]:
        return {}
    [row] = room.json("show", name)
    told: dict[str, Any] = row["story"]
    ready = len(calls(told)) >= least and (not priced or told["spending"]["usd"] is not None)
    return told if ready else {}


def calls(told: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in told["rows"] if row["kind"] == "call"]


@pytest.mark.parametrize(
    ("kind", "command", "tools", "wait"),
    [
        (
            "gemini",
            gemini_command,
            (Call("run_shell_command", {"command": "touch ran"}), Call("write_file", {"file_path": "b.txt", "content": "b"})),
            Call("run_shell_command", {"command": UNTIL}),
        ),
        (
            "copilot",
            copilot_command,
            (Call("bash", {"command": "touch ran", "description": "t"}), Call("bash", {"command": "no", "description": "n"})),
            Call("bash", {"command": UNTIL, "description": "w"}),
        ),
    ],
)
def test_an_agent_without_a_gate_here_is_followed_by_its_own_log(
    room: Room,
    request: pytest.FixtureRequest,
    kind: str,
    command: Callable[[Room, Path, Model, str], Command],
    tools: tuple[Call, Call],
    wait: Call,
) -> None:
    """Launched by us; no hook of it speaks. Its log is found; its calls are told without a gate, not as alarms."""
    program = request.getfixturevalue(kind)
    room.start()
    with Model({"main": [[tools[0]], [tools[1]], [wait], "all done"]}) as model:
        run = room.held(kind, *command(room, program, model, "[[main]] please do it"))
        eventually(lambda: story(room, kind, least=2), 3 * ANSWER, "its first calls are told while it runs")
        (room.workspace / "go").touch()
        run.wait(3 * ANSWER)
        told = eventually(lambda: story(room, kind, least=3), ANSWER, "all is told")
    assert (room.workspace / "ran").exists()
    assert told["unknown"] == {}
    assert [row["text"].split()[0] for row in calls(told)][:2] == [tool.tool for tool in tools]
    assert {row["gate"] for row in calls(told)} == {"no gate"}
    assert told["spending"]["models"]
    assert told["spending"]["usd"] is None
    [agent] = [row for row in room.json("agents") if row["name"] == kind]
    assert agent["kind"] == kind
    assert agent["tokens"] > 0
    assert agent["doubts"] == []


def test_the_story_of_claude_code_has_each_call_with_its_receipt(room: Room) -> None:
    room.start()
    turns: list[Turn] = [
        [Call("Bash", {"command": "touch ran", "description": "t"})],
        [Call("NoSuchTool", {})],
        "all done",
    ]
    with Model({"main": turns}, thinks=True) as model:
        run = room.supervised(model, "[[main]] please do it")
        eventually(lambda: story(room, "claude", least=2), 2 * ANSWER, "it is followed")
        model.go_on()
        run.wait()
        told = eventually(lambda: story(room, "claude", priced=True), ANSWER, "it is told, with its cost")
    assert told["unknown"] == {}
    touch, missing = calls(told)[:2]
    assert (touch["gate"], touch["outcome"]) == ("allowed by policy, T1", "done")
    assert (missing["gate"], missing["outcome"]) == ("no gate record", "did not run")
    [receipt] = [row for row in room.json("receipts") if row["id"] == touch["receipt"]]
    assert receipt["call"] == touch["call"]
    assert receipt["log"] == {"outcome": "done", "doubts": []}
    assert "claude-sonnet-4-5" in told["spending"]["models"]


def test_a_claude_code_that_is_adopted_without_hooks_is_told_once_and_cleared_by_a_person(room: Room) -> None:
    """Nothing of ours is in its settings: its log is found by its folder, and one alarm says that no hook has spoken."""
    room.start()
    touch = [Call("Bash", {"command": f"touch {name}", "description": "t"}) for name in ("one", "two")]
    wait = [Call("Bash", {"command": UNTIL, "description": "w"})]
    with Model({"main": [wait, [touch[0]], [touch[1]], "done"]}, thinks=True) as model:
        run = room.plain(model, "[[main]] go")
        room.cli("adopt", str(run.process.pid))
        [agent] = room.json("agents")
        eventually(
            lambda: [row for row in calls(story(room, agent["name"])) if UNTIL in row["text"]], ANSWER, "its log is followed"
        )
        (room.workspace / "go").touch()
        eventually(lambda: (room.workspace / "two").exists(), ANSWER, "both ran")
        [doubt] = eventually(lambda: room.json("agents")[0]["doubts"], ANSWER, "it is told")
        assert "UNGATED" in doubt
        assert "no hook of this agent has spoken" in doubt
        marked = eventually(
            lambda: [row for row in calls(story(room, agent["name"])) if row["doubt"]][1:], ANSWER, "every call is marked"
        )
        assert {row["gate"] for row in marked} == {"UNGATED"}
        assert "1 cleared" in room.cli("clear", agent["name"])
        assert room.json("agents")[0]["doubts"] == []
        run.kill()
