"""The real Copilot CLI with its gate installed: held, denied with the reason, allowed; and that a broken gate denies."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.room import ANSWER, Room, Run, alarms, copilot_command
from tests.support.model_server import Call, Model, Turn, call_id
from tests.support.waiting import eventually, never

REMOVE = Call("bash", {"command": "rm -rf build", "description": "clean"})
TOUCH = Call("bash", {"command": "touch ran", "description": "touch"})
FIRST = call_id("main", 0)


def script(*calls: Call) -> Model:
    """A model that makes these calls in one turn, and then is done."""
    return Model({"main": [list(calls), "done"]})


def started(room: Room, program: Path, model: Model) -> Run:
    """`controlroom run -- copilot ...`, which holds it; the hooks are the installed ones."""
    return room.held("copilot", *copilot_command(room, program, model, "[[main]] go"))


def hook_file(room: Room) -> Path:
    return room.home.user / ".copilot" / "hooks" / "controlroom.json"


@pytest.fixture
def gated(other_room: Room) -> Room:
    """A room with a daemon and the gate in Copilot CLI's hooks."""
    other_room.start()
    other_room.cli("install", "copilot", "--yes")
    return other_room


def test_a_destructive_call_waits_and_runs_once_it_is_allowed(gated: Room, copilot: Path) -> None:
    with script(TOUCH, REMOVE) as model:
        run = started(gated, copilot, model)
        [request] = gated.pending()
        assert request["action"]["tool"] == "bash"
        # The log tells of both calls of the turn at once, and the second comes to the gate after the first: none is ungated.
        never(lambda: not (gated.workspace / "build").exists() or not run.alive, 3.0, "the call runs without an answer")
        gated.allow(request)
        assert run.wait() == 0
    assert not (gated.workspace / "build").exists()
    assert (gated.workspace / "ran").exists()
    receipts = eventually(lambda: _ended(gated, 2), ANSWER, "both calls are told to be over")
    assert {row["outcome"]["ok"] for row in receipts} == {True}
    assert alarms(gated) == []


def _ended(room: Room, count: int) -> list[dict[str, Any]]:
    rows = [row for row in room.json("receipts") if row["outcome"]]
    return rows if len(rows) == count else []


def test_a_denied_call_does_not_run_and_the_model_is_told_why(gated: Room, copilot: Path) -> None:
    with script(REMOVE) as model:
        run = started(gated, copilot, model)
        gated.deny(gated.pending()[0], 'the only copy: clean "cache/" instead')
        assert run.wait() == 0
    assert (gated.workspace / "build" / "release.tar").exists()
    assert 'the only copy: clean "cache/" instead' in model.results[FIRST].text


def test_what_it_writes_and_reads_is_judged_as_that(gated: Room, copilot: Path) -> None:
    hooks = str(gated.workspace / ".github" / "hooks" / "x.json")
    turns: list[Turn] = [
        [Call("create", {"path": "a.txt", "file_text": "a\n"})],
        [Call("edit", {"path": "a.txt", "old_str": "a", "new_str": "b"}), Call("view", {"path": "a.txt"})],
        [Call("create", {"path": hooks, "file_text": "{}\n"})],
        "done",
    ]
    with Model({"main": turns}) as model:
        run = started(gated, copilot, model)
        [request] = gated.pending()
        assert [target["path"] for target in request["targets"]] == [hooks]
        assert request["tier"] == "T3"
        gated.deny(request, "no hooks")
        assert run.wait() == 0
    assert (gated.workspace / "a.txt").read_text(encoding="utf-8") == "b\n"
    assert not Path(hooks).exists()
    assert alarms(gated) == []


def test_calls_of_a_subagent_are_held_too(gated: Room, copilot: Path) -> None:
    helper = {"description": "helper", "prompt": "[[sub]] go", "agent_type": "general-purpose", "name": "helper"}
    with Model({"main": [[Call("task", helper)], "done"], "sub": [[REMOVE], "done"]}) as model:
        run = started(gated, copilot, model)
        [request] = gated.pending()
        assert request["subagent"]
        gated.deny(request, "no")
        assert run.wait() == 0
    assert (gated.workspace / "build" / "release.tar").exists()
    assert alarms(gated) == []


def test_a_daemon_that_is_started_again_knows_which_calls_came_to_the_gate(gated: Room, copilot: Path) -> None:
    wait = Call("bash", {"command": "touch waits; until [ -e go ]; do sleep 0.1; done", "description": "wait"})
    again = Call("bash", {"command": "touch again", "description": "touch"})
    with Model({"main": [[TOUCH], [wait], [again], [wait], "done"]}) as model:
        run = started(gated, copilot, model)
        eventually(lambda: (gated.workspace / "waits").exists(), ANSWER, "the second call runs")
        gated.cli("daemon", "stop")
        gated.start()
        (gated.workspace / "go").touch()
        eventually(lambda: (gated.workspace / "again").exists(), ANSWER, "the third call runs, by the new daemon's word")
        eventually(lambda: _recorded(gated, 3), ANSWER, "it reads the log, and knows the calls by the journal")
        never(lambda: alarms(gated), 3.0, "a call that came to a gate is taken for another")
        run.wait()


def _recorded(room: Room, least: int) -> bool:
    """Whether the first calls of its story are over, and each has the receipt of an allow."""
    [row] = room.json("show", "copilot")
    found = [row for row in row["story"]["rows"] if row["kind"] == "call"][:least]
    return len(found) == least and all(one["outcome"] and one["receipt"] and one["gate"].startswith("allowed") for one in found)


@pytest.mark.parametrize("killed", ["client", "client and shell", "daemon"])
def test_a_part_of_the_gate_that_dies_while_a_call_waits_is_a_denial(gated: Room, copilot: Path, killed: str) -> None:
    with Model({"main": [[REMOVE], "done"]}, thinks=True) as model:  # the agent lives on until it was looked at
        run = started(gated, copilot, model)
        gated.pending()
        living: dict[str, Callable[[], list[int]]] = {
            "client": gated.hooks,
            "client and shell": lambda: [*gated.wrappers(), *gated.hooks()],
            "daemon": lambda: [int(gated.json("daemon", "status")["pid"])],
        }
        pids = living[killed]()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if killed != "daemon":  # an agent whose hook died without an answer stands still until somebody looks
            eventually(lambda: gated.state("copilot") == "paused", ANSWER, "the agent is frozen")
            gated.cli("resume", "copilot")
        model.go_on()
        assert run.wait() == 0
    assert len(pids) == 1 + (killed == "client and shell")
    assert (gated.workspace / "build" / "release.tar").exists()


@pytest.mark.parametrize("broken", ["no daemon", "no interpreter", "estop"])
def test_a_gate_that_is_not_there_is_a_denial(gated: Room, copilot: Path, broken: str) -> None:
    if broken == "estop":
        gated.cli("estop")
    gated.cli("daemon", "stop")
    if broken == "no interpreter":
        text = hook_file(gated).read_text(encoding="utf-8")
        whole = json.loads(text)
        python = whole["hooks"]["preToolUse"][0]["bash"].split()[0]
        hook_file(gated).write_text(text.replace(python, "/nonexistent/python3"), encoding="utf-8")
    with script(TOUCH) as model:
        run = gated.alone(*copilot_command(gated, copilot, model, "[[main]] go"))
        assert run.wait() == 0
    assert not (gated.workspace / "ran").exists()
    assert "Denied by preToolUse hook" in model.results[FIRST].text


def test_what_another_hook_made_of_a_call_after_ours_judged_it_is_told(gated: Room, copilot: Path) -> None:
    """Measured: Copilot CLI runs what the other hook made of it, its log goes on telling the old input."""
    answer = {"permissionDecision": "allow", "modifiedArgs": {"command": "touch other", "description": "x"}}
    only_touch = f"grep -q 'touch ran' && echo '{json.dumps(answer)}' || echo '{{}}'"
    for name in ("a.json", "z.json"):  # in which order hook files are read is the file system's
        other = {"version": 1, "hooks": {"preToolUse": [{"type": "command", "bash": only_touch}]}}
        hook_file(gated).with_name(name).write_text(json.dumps(other), encoding="utf-8")
    with script(TOUCH) as model:
        run = gated.alone(*copilot_command(gated, copilot, model, "[[main]] go"))
        eventually(lambda: alarms(gated), ANSWER, "it is told")
        run.wait()
    assert (gated.workspace / "other").exists()


def test_a_call_past_a_gate_that_was_taken_out_is_told(gated: Room, copilot: Path) -> None:
    installed = json.loads(hook_file(gated).read_text(encoding="utf-8"))
    del installed["hooks"]["preToolUse"]
    hook_file(gated).write_text(json.dumps(installed), encoding="utf-8")
    with Model({"main": [[TOUCH], "done"]}, thinks=True) as model:
        run = gated.alone(*copilot_command(gated, copilot, model, "[[main]] go"))
        told = eventually(lambda: alarms(gated), ANSWER, "it is told")
        model.go_on()
        run.wait()
    assert "UNGATED" in told[0]


def test_without_its_gate_it_is_said_at_the_launch_and_nothing_is_alarmed(other_room: Room, copilot: Path) -> None:
    other_room.start()
    with script(TOUCH) as model:
        run = started(other_room, copilot, model)
        assert run.wait() == 0
    assert (other_room.workspace / "ran").exists()
    said = run.output.read_text(encoding="utf-8", errors="replace")
    assert "copilot has no gate in its settings, so its calls are not held: controlroom install copilot" in said
    assert alarms(other_room) == []


def test_how_strong_it_is_and_that_nothing_is_left_of_it(other_room: Room, copilot: Path) -> None:
    room = other_room
    room.start()
    other = room.home.user / ".copilot" / "hooks" / "own.json"
    other.parent.mkdir(parents=True)
    other.write_text('{"version": 1, "hooks": {}}\n', encoding="utf-8")
    room.cli("install", "copilot", "--yes")
    assert "is up to date" in room.cli("install", "copilot", "--yes")
    assert f"ok    copilot preToolUse hook in {hook_file(room)}: denies, and the daemon answers it" in room.cli(
        "doctor", expect=None
    )
    with script(REMOVE) as model:
        run = started(room, copilot, model)
        room.pending()
        gate = eventually(lambda: _proved(room), ANSWER, "its gate is proved")
        assert gate["strength"] == "closed except timeout"
        room.deny(room.pending()[0], "no")
        run.wait()
    room.cli("uninstall", "copilot", "--yes")
    assert [path.name for path in other.parent.iterdir()] == ["own.json"]
    with script(REMOVE) as model:
        assert room.alone(*copilot_command(room, copilot, model, "[[main]] go")).wait() == 0
    assert not (room.workspace / "build").exists()


def _proved(room: Room) -> dict[str, str]:
    [agent] = room.json("agents")
    gate: dict[str, str] = agent["gate"] or {}
    return gate if gate.get("state") == "proved" else {}
