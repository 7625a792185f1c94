"""The real Codex as `controlroom run -- codex` starts it: held, denied with the reason, allowed; and what gets past nothing."""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.room import ANSWER, Room, Run, alarms
from tests.e2e.test_stories import codex_command
from tests.support.model_server import Call, Model, Turn, call_id
from tests.support.waiting import eventually, never

REMOVE = Call("exec_command", {"cmd": "rm -r build"})
TOUCH = Call("exec_command", {"cmd": "touch ran"})
FIRST = call_id("main", 0)
PATCHES, SCRIPTS = "gpt-5.5", "gpt-6-sol"  # models to which it offers `apply_patch`, and nothing but scripts


def script(*calls: Call) -> Model:
    """A model that makes these calls in one turn, and then is done."""
    return Model({"main": [list(calls), "done"]})


def started(room: Room, program: Path, model: Model, name: str = "scripted") -> Run:
    """`controlroom run -- codex exec`: the hooks go with the launch."""
    return room.held("codex", *codex_command(room, program, model, "[[main]] go", name))


@pytest.fixture
def gated(other_room: Room) -> Room:
    """A room with a daemon."""
    other_room.start()
    return other_room


def calls(room: Room) -> list[dict[str, Any]]:
    """The calls of its story."""
    if "codex" not in [row["name"] for row in room.json("agents")]:
        return []
    [row] = room.json("show", "codex")
    return [row for row in row["story"]["rows"] if row["kind"] == "call"]


def recorded(room: Room, least: int) -> list[dict[str, Any]]:
    """The first calls of its story, once each is over and has its receipt."""
    found = calls(room)[:least]
    return found if len(found) == least and all(one["outcome"] and one["receipt"] for one in found) else []


def test_a_destructive_call_waits_and_runs_once_it_is_allowed(gated: Room, codex: Path) -> None:
    with script(TOUCH, REMOVE) as model:
        run = started(gated, codex, model)
        [request] = gated.pending()
        assert request["action"]["tool"] == "exec_command"
        never(lambda: not (gated.workspace / "build").exists() or not run.alive, 3.0, "the call runs without an answer")
        gated.allow(request)
        assert run.wait() == 0
    assert not (gated.workspace / "build").exists()
    assert (gated.workspace / "ran").exists()
    told = eventually(lambda: recorded(gated, 2), ANSWER, "both calls are told to be over")
    assert {row["gate"].split()[0] for row in told} == {"allowed"}
    assert alarms(gated) == []


def test_a_denied_call_does_not_run_and_the_model_is_told_why(gated: Room, codex: Path) -> None:
    with script(REMOVE) as model:
        run = started(gated, codex, model)
        gated.deny(gated.pending()[0], 'the only copy: clean "cache/" instead')
        assert run.wait() == 0
    assert (gated.workspace / "build" / "release.tar").exists()
    assert 'the only copy: clean "cache/" instead' in model.results[FIRST].text


def test_a_command_is_judged_in_the_folder_that_its_model_gave_it(gated: Room, codex: Path) -> None:
    other = gated.home.user / "data"
    (other / "build").mkdir(parents=True)
    with script(Call("exec_command", {"cmd": "rm -r build", "workdir": str(other)})) as model:
        run = started(gated, codex, model)
        [request] = gated.pending()
        assert [target["path"] for target in request["targets"]] == [str(other / "build")]
        gated.deny(request, "not there")
        assert run.wait() == 0
    assert (other / "build").exists()
    assert alarms(gated) == []


def test_what_it_patches_is_judged_as_that(gated: Room, codex: Path) -> None:
    add = "*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch\n"
    drop = "*** Begin Patch\n*** Delete File: build/release.tar\n*** End Patch\n"
    turns: list[Turn] = [[Call("apply_patch", {"input": add})], [Call("apply_patch", {"input": drop})], "done"]
    with Model({"main": turns}) as model:
        run = started(gated, codex, model, PATCHES)
        [request] = gated.pending()
        assert [target["path"] for target in request["targets"]] == [str(gated.workspace / "build" / "release.tar")]
        gated.deny(request, "the only copy")
        assert run.wait() == 0
    assert (gated.workspace / "a.txt").read_text(encoding="utf-8") == "a\n"
    assert (gated.workspace / "build" / "release.tar").exists()
    assert alarms(gated) == []


def test_calls_of_a_script_that_its_model_wrote_are_held_one_by_one(gated: Room, codex: Path) -> None:
    code = """
const run = async cmd => { try { text(JSON.stringify(await tools.exec_command({cmd}))) } catch (e) { text(`${e}`) } };
await run("touch ran");
await run("rm -r build");
await tools.apply_patch("*** Begin Patch\\n*** Add File: a.txt\\n+a\\n*** End Patch\\n");
"""
    with script(Call("functions/exec", {"input": code})) as model:
        run = started(gated, codex, model, SCRIPTS)
        [request] = gated.pending()
        assert json.loads(request["action"]["input"]) == {"cmd": "rm -r build"}
        gated.deny(request, "the only copy")
        assert run.wait() == 0
    assert (gated.workspace / "ran").exists()
    assert (gated.workspace / "a.txt").exists()
    assert (gated.workspace / "build" / "release.tar").exists()
    assert "the only copy" in model.results[FIRST].text
    told = eventually(lambda: recorded(gated, 2), ANSWER, "what ran is told")
    assert [row["text"].split()[0] for row in told] == ["exec_command", "apply_patch"]
    assert alarms(gated) == []


def test_nothing_can_be_typed_into_a_process_past_the_gate(gated: Room, codex: Path) -> None:
    """Measured: no hook is asked of `write_stdin`. A shell that was allowed ends at once, as its input is closed."""
    code = """
const shell = await tools.exec_command({cmd: "bash", tty: true, yield_time_ms: 2000});
text(JSON.stringify(shell));
const typed = {session_id: shell.session_id ?? 0, chars: "touch typed\\n"};
try { text(JSON.stringify(await tools.write_stdin(typed))) } catch (e) { text(`${e}`) }
"""
    with script(Call("functions/exec", {"input": code})) as model:
        run = started(gated, codex, model, SCRIPTS)
        assert run.wait() == 0
    assert "exit_code" in model.results[FIRST].text
    assert not (gated.workspace / "typed").exists()


SERVER = """
import json, pathlib, sys
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = {"tools": [{"name": "drop", "inputSchema": {"type": "object", "properties": {"table": {"type": "string"}}}}]}
    if asked["method"] == "initialize":
        result = {"protocolVersion": asked["params"]["protocolVersion"], "capabilities": {"tools": {}},
                  "serverInfo": {"name": "db", "version": "1"}}
    if asked["method"] == "tools/call":
        pathlib.Path("dropped").write_text(asked["params"]["arguments"]["table"])
        result = {"content": [{"type": "text", "text": "dropped"}]}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


def test_calls_of_a_server_are_held(gated: Room, codex: Path) -> None:
    with Model({"main": [[Call("mcp__db/drop", {"table": name})] for name in ("users", "logs")] + ["done"]}) as model:
        command, environment = codex_command(gated, codex, model, "[[main]] go")
        server = f"mcp_servers.db={{command={json.dumps(sys.executable)}, args=['-c', {json.dumps(SERVER)}]}}"
        run = gated.held("codex", [*command[:1], "-c", server, *command[1:]], environment)
        [request] = gated.pending()
        assert request["action"]["tool"] == "mcp__db__drop"
        gated.deny(request, "not this one")
        [second] = eventually(
            lambda: [row for row in gated.pending() if row["id"] != request["id"]], ANSWER, "the second waits"
        )
        assert not (gated.workspace / "dropped").exists()
        gated.allow(second)
        assert run.wait() == 0
    assert (gated.workspace / "dropped").read_text(encoding="utf-8") == "logs"
    assert "not this one" in model.results[FIRST].text
    eventually(lambda: [row["outcome"] for row in calls(gated)] == ["did not run", "done"], ANSWER, "both are told to be over")
    assert alarms(gated) == []


def test_calls_of_a_subagent_are_held_too(gated: Room, codex: Path) -> None:
    spawn = Call("multi_agent_v1/spawn_agent", {"message": "[[sub]] go", "agent_type": "default"})
    with Model({"main": [[spawn], [Call("exec_command", {"cmd": "until [ -e go ]; do sleep 0.1; done"})], "done"],
                "sub": [[REMOVE], "done"]}) as model:  # fmt: skip
        run = started(gated, codex, model)
        [request] = gated.pending()
        assert request["subagent"]
        gated.deny(request, "no")
        (gated.workspace / "go").touch()
        assert run.wait() == 0
    assert (gated.workspace / "build" / "release.tar").exists()
    assert alarms(gated) == []


def test_a_daemon_that_is_started_again_knows_which_calls_came_to_the_gate(gated: Room, codex: Path) -> None:
    wait = Call("exec_command", {"cmd": "touch waits; until [ -e go ]; do sleep 0.1; done", "yield_time_ms": 30_000})
    again = Call("exec_command", {"cmd": "touch again"})
    with Model({"main": [[TOUCH], [wait], [again], "done"]}, thinks=True) as model:
        run = started(gated, codex, model)
        eventually(lambda: (gated.workspace / "waits").exists(), ANSWER, "the second call runs")
        gated.cli("daemon", "stop")
        gated.start()
        (gated.workspace / "go").touch()
        eventually(lambda: (gated.workspace / "again").exists(), ANSWER, "the third call runs, by the new daemon's word")
        told = eventually(lambda: recorded(gated, 3), ANSWER, "it reads the log, and knows the calls by the journal")
        never(lambda: alarms(gated), 3.0, "a call that came to a gate is taken for another")
        model.go_on()
        assert run.wait() == 0
    assert {row["gate"].split()[0] for row in told} == {"allowed"}


@pytest.mark.parametrize("killed", ["client", "daemon"])
def test_a_part_of_the_gate_that_dies_while_a_call_waits_is_a_denial(gated: Room, codex: Path, killed: str) -> None:
    with Model({"main": [[REMOVE], "done"]}, thinks=True) as model:
        run = started(gated, codex, model)
        gated.pending()
        living: dict[str, Callable[[], list[int]]] = {
            "client": gated.hooks,
            "daemon": lambda: [int(gated.json("daemon", "status")["pid"])],
        }
        for pid in living[killed]():
            os.kill(pid, signal.SIGKILL)
        if killed == "client":  # an agent whose hook died without an answer stands still until somebody looks
            eventually(lambda: gated.state("codex") == "paused", ANSWER, "the agent is frozen")
            gated.cli("resume", "codex")
        model.go_on()
        assert run.wait() == 0
    assert (gated.workspace / "build" / "release.tar").exists()


def test_how_strong_it_is_is_told_and_a_launch_that_would_leave_it_out_is_refused(gated: Room, codex: Path) -> None:
    with script(REMOVE) as model:
        run = started(gated, codex, model)
        gated.pending()
        gate = eventually(lambda: proved(gated), ANSWER, "its gate is proved")
        assert gate["strength"] == "open on failure"
        gated.deny(gated.pending()[0], "no")
        assert run.wait() == 0
    assert "start it without --ephemeral" in gated.told("run", "--", str(codex), "exec", "--ephemeral", "go")
    assert "needs no installation" in gated.told("install", "codex", "--yes")


def proved(room: Room) -> dict[str, Any]:
    """Its gate, once a call has come to it."""
    [row] = [row for row in room.json("agents") if row["name"] == "codex"]
    gate: dict[str, Any] = row["gate"] or {}
    return gate if gate.get("state") == "proved" else {}
