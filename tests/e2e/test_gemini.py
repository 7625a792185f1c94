"""The real Gemini CLI with its gate installed: held, denied with the reason, allowed, undone; and that a broken gate denies."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.room import ANSWER, Room, Run, alarms, gemini_command, gemini_settings
from tests.support.model_server import Call, Model, Turn, call_id
from tests.support.waiting import eventually, never

SHELL = "run_shell_command"
REMOVE = Call(SHELL, {"command": "rm -rf build", "description": "clean"})
TOUCH = Call(SHELL, {"command": "touch ran", "description": "touch"})
FIRST = call_id("main", 0)
ONE_PROCESS = {"GEMINI_CLI_NO_RELAUNCH": "true"}  # it starts itself anew for more memory, which takes as long again


def script(*calls: Call) -> Model:
    """A model that makes these calls in one turn, and then is done."""
    return Model({"main": [list(calls), "done"]})


def started(room: Room, program: Path, model: Model) -> Run:
    """`controlroom run -- gemini ...`, which holds it; the hooks are the installed ones."""
    words, environment = gemini_command(room, program, model, "[[main]] go")
    return room.held("gemini", words, {**environment, **ONE_PROCESS})


def alone(room: Room, program: Path, model: Model) -> Run:
    """`gemini ...` as its user starts it."""
    words, environment = gemini_command(room, program, model, "[[main]] go")
    return room.alone(words, {**environment, **ONE_PROCESS})


@pytest.fixture
def gated(other_room: Room) -> Room:
    """A room with a daemon and the gate in Gemini CLI's settings, beside its user's own."""
    other_room.start()
    gemini_settings(other_room)
    other_room.cli("install", "gemini", "--yes")
    return other_room


def ended(room: Room, count: int) -> list[dict[str, Any]]:
    rows = [row for row in room.json("receipts") if row["outcome"]]
    return rows if len(rows) == count else []


def told(room: Room, least: int) -> list[dict[str, Any]]:
    """The calls that its own log has told, once so many of them are over."""
    [row] = room.json("show", "gemini")
    found = [row for row in row["story"]["rows"] if row["kind"] == "call"]
    return found if len([one for one in found if one["outcome"]]) >= least else []


def test_a_destructive_call_waits_runs_only_once_it_is_allowed_and_is_undone(gated: Room, gemini: Path) -> None:
    with Model({"main": [[TOUCH, REMOVE], [REMOVE], "done"]}) as model:
        run = started(gated, gemini, model)
        [request] = gated.pending()
        assert request["action"]["tool"] == SHELL
        never(lambda: not (gated.workspace / "build").exists() or not run.alive, 1.0, "the call runs without an answer")
        gated.deny(request, 'the only copy: clean "cache/" instead')
        [request] = eventually(lambda: [row for row in gated.pending() if row["id"] != request["id"]], ANSWER, "it asks again")
        assert (gated.workspace / "build" / "release.tar").exists()
        gated.allow(request)
        assert run.wait() == 0
    assert 'the only copy: clean "cache/" instead' in json.loads(model.results[call_id("main", 0, 1)].text)["error"]
    assert not (gated.workspace / "build").exists()
    assert (gated.workspace / "ran").exists()
    receipts = eventually(lambda: ended(gated, 2), ANSWER, "both calls that ran are told to be over")
    assert {row["outcome"]["ok"] for row in receipts} == {True}
    rows = eventually(lambda: told(gated, 3), ANSWER, "its log tells of all")
    assert [row["outcome"] for row in rows] == ["done", "did not run", "done"]
    assert {row["receipt"] for row in rows} == {row["id"] for row in gated.json("receipts")}
    assert alarms(gated) == []
    [removed] = [row["id"] for row in receipts if "rm -rf" in row["action"]["input"]]
    gated.cli("undo", removed, "--yes")
    assert (gated.workspace / "build" / "release.tar").read_text(encoding="utf-8") == "the only copy"


def test_what_it_writes_and_reads_is_judged_and_what_fits_no_tool_alarms_nobody(gated: Room, gemini: Path) -> None:
    own = str(gated.workspace / ".gemini" / "settings.json")
    turns: list[Turn] = [
        [Call("write_file", {"file_path": "a.txt", "content": "a\n"})],
        [
            Call("replace", {"file_path": "a.txt", "instruction": "i", "old_string": "a", "new_string": "b"}),
            Call("read_file", {"file_path": "a.txt"}),
            Call("no_such_tool", {"x": 1}),
            Call("read_file", {"file_path": "/etc/hostname"}),
            Call("read_file", {"file_path": "missing.txt"}),
        ],
        [Call("write_file", {"file_path": own, "content": "{}\n"})],
        "done",
    ]
    with Model({"main": turns}) as model:
        run = started(gated, gemini, model)
        [request] = gated.pending()
        assert [target["path"] for target in request["targets"]] == [own]
        assert request["tier"] == "T3"
        gated.deny(request, "no settings")
        assert run.wait() == 0
    assert (gated.workspace / "a.txt").read_text(encoding="utf-8") == "b\n"
    assert not Path(own).exists()
    rows = eventually(lambda: told(gated, 7), ANSWER, "its log tells of all")
    outcomes = [row["outcome"] for row in rows]
    assert outcomes == ["done", "done", "done", "did not run", "did not run", "failed", "did not run"]
    assert [row["gate"].split()[0] for row in rows] == ["allowed"] * 3 + ["no"] * 2 + ["allowed", "denied"]
    never(lambda: alarms(gated), 2.5, "a call is taken for one past the gate")


def test_calls_of_a_subagent_are_held_too(gated: Room, gemini: Path) -> None:
    helper = {"agent_name": "generalist", "prompt": "[[sub]] go"}
    with Model({"main": [[Call("invoke_agent", helper)], "done"], "sub": [[REMOVE], "done"]}) as model:
        run = started(gated, gemini, model)
        [request] = gated.pending()
        assert "rm -rf build" in request["action"]["input"]
        gated.deny(request, "no")
        eventually(lambda: call_id("sub", 0) in model.results, ANSWER, "the subagent is told")
        run.kill()
    assert (gated.workspace / "build" / "release.tar").exists()
    assert alarms(gated) == []


def test_a_daemon_that_is_started_again_knows_which_calls_came_to_the_gate(gated: Room, gemini: Path) -> None:
    wait = Call(SHELL, {"command": "touch waits; until [ -e go ]; do sleep 0.1; done", "description": "wait"})
    again = Call(SHELL, {"command": "touch again", "description": "touch"})
    last = Call(SHELL, {"command": "touch last; until [ -e end ]; do sleep 0.1; done", "description": "wait"})
    with Model({"main": [[TOUCH], [wait], [again], [last], "done"]}) as model:
        run = started(gated, gemini, model)
        eventually(lambda: (gated.workspace / "waits").exists(), ANSWER, "the second call runs")
        gated.cli("daemon", "stop")
        gated.start()
        (gated.workspace / "go").touch()
        eventually(lambda: (gated.workspace / "last").exists(), ANSWER, "the fourth call runs, by the new daemon's word")
        rows = eventually(lambda: told(gated, 3), ANSWER, "the log is read by it")
        never(lambda: alarms(gated), 2.5, "a call that came to a gate is taken for another")
        (gated.workspace / "end").touch()
        assert run.wait() == 0
    assert (gated.workspace / "again").exists()
    assert [row["gate"].split()[0] for row in rows[:3]] == ["allowed"] * 3
    assert all(row["receipt"] for row in rows[:3])


@pytest.mark.parametrize("killed", ["client", "client and shell", "shell, then the daemon"])
def test_a_part_of_the_gate_that_dies_while_a_call_waits_is_a_denial(gated: Room, gemini: Path, killed: str) -> None:
    again = Call(SHELL, {"command": "rm -rf build", "description": "again"})
    turns: list[Turn] = [[REMOVE], [again], [TOUCH], "done"] if "daemon" in killed else [[REMOVE], "done"]
    with Model({"main": turns}, thinks=True) as model:  # the agent lives on until its end was looked at
        run = started(gated, gemini, model)
        [request] = gated.pending()
        shells, clients = gated.wrappers(), gated.hooks()
        assert (len(shells), len(clients)) == (1, 1)
        for pid in shells * ("shell" in killed) + clients * ("client" in killed):
            os.kill(pid, signal.SIGKILL)
        if "client" in killed:  # an agent whose hook died without an answer stands still until somebody looks
            eventually(lambda: gated.state("gemini") == "paused", ANSWER, "the agent is frozen")
            gated.cli("resume", "gemini")
        else:  # the client goes on by itself, and so does the question
            gated.deny(request, "no")
            eventually(lambda: waits(gated, "again"), ANSWER, "the next call waits")
            os.kill(int(gated.json("daemon", "status")["pid"]), signal.SIGKILL)
        model.go_on()
        assert run.wait() == 0
    assert (gated.workspace / "build" / "release.tar").exists()
    assert not (gated.workspace / "ran").exists(), "without a daemon"
    for turn in range(3 if "daemon" in killed else 1):
        assert json.loads(model.results[call_id("main", turn)].text)["error"].startswith("Tool execution blocked: ")


def waits(room: Room, says: str) -> bool:
    """Whether a call waits that says this of itself."""
    return any(row["state"] == "pending" and row["says"] == says for row in room.json("pending"))


@pytest.mark.parametrize("broken", ["no interpreter", "estop"])
def test_a_gate_that_is_not_there_is_a_denial(gated: Room, gemini: Path, broken: str) -> None:
    if broken == "estop":
        gated.cli("estop")
        gated.cli("daemon", "stop")
    else:
        text = gemini_settings(gated).read_text(encoding="utf-8")
        python = text.partition(">&2; ")[2].split()[0]
        gemini_settings(gated).write_text(text.replace(f"{python} -I -S", "/nonexistent/python3 -I -S"), encoding="utf-8")
    with script(TOUCH) as model:
        run = alone(gated, gemini, model)
        assert run.wait() == 0
    assert not (gated.workspace / "ran").exists()
    said = {"estop": "emergency stop is latched", "no interpreter": "gate unavailable"}
    assert json.loads(model.results[FIRST].text)["error"].startswith("Tool execution blocked: ")
    assert said[broken] in model.results[FIRST].text


def test_what_another_hook_made_of_a_call_after_ours_judged_it_is_told(gated: Room, gemini: Path) -> None:
    """Measured: Gemini CLI runs what the other hook made of it; its hook after the call and its log tell the new input."""
    answer = json.dumps({"hookSpecificOutput": {"tool_input": {"command": "touch other"}}})
    own = gated.workspace / ".gemini" / "settings.json"
    own.parent.mkdir()
    add_hook(gemini_settings(gated), f"echo '{answer}'")
    with script(TOUCH) as model:
        run = alone(gated, gemini, model)
        eventually(lambda: [row for row in alarms(gated) if "OTHER INPUT" in row], ANSWER, "it is told")
        run.wait()
    assert (gated.workspace / "other").exists()


def add_hook(file: Path, command: str) -> None:
    """One more hook before calls in the user's settings."""
    head, _, text = file.read_text(encoding="utf-8").partition("\n")
    found = json.loads(text)
    found["hooks"]["BeforeTool"].append({"hooks": [{"type": "command", "command": command}]})
    file.write_text(f"{head}\n{json.dumps(found)}", encoding="utf-8")


def test_a_call_past_a_gate_that_was_taken_out_is_told(gated: Room, gemini: Path) -> None:
    _, _, text = gemini_settings(gated).read_text(encoding="utf-8").partition("\n")
    found = json.loads(text)
    del found["hooks"]["BeforeTool"]
    gemini_settings(gated).write_text(json.dumps(found), encoding="utf-8")
    wait = Call(SHELL, {"command": "until [ -e end ]; do sleep 0.1; done", "description": "wait"})
    with Model({"main": [[TOUCH], [wait], "done"]}) as model:
        run = alone(gated, gemini, model)
        [row, *_] = eventually(lambda: alarms(gated), ANSWER, "it is told")
        (gated.workspace / "end").touch()
        run.wait()
    assert "UNGATED" in row


def test_how_strong_it_is_and_that_nothing_is_left_of_it(other_room: Room, gemini: Path) -> None:
    room = other_room
    room.start()
    file = gemini_settings(room)
    before = file.read_bytes()
    room.cli("install", "gemini", "--yes")
    assert "is up to date" in room.cli("install", "gemini", "--yes")
    assert f"ok    gemini BeforeTool hook in {file}: denies, and the daemon answers it" in room.cli("doctor", expect=None)
    with script(REMOVE) as model:
        run = started(room, gemini, model)
        [request] = room.pending()
        gate = eventually(lambda: proved(room), ANSWER, "its gate is proved")
        assert gate["strength"] == "open on failure"
        room.deny(request, "no")
        run.wait()
    room.cli("uninstall", "gemini", "--yes")
    assert file.read_bytes() == before


def proved(room: Room) -> dict[str, str]:
    [agent] = room.json("agents")
    gate: dict[str, str] = agent["gate"] or {}
    return gate if gate.get("state") == "proved" else {}
