"""The real agents behind walls, and a pause that outlasts the timer of its hook."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.agents.claude_settings import settings_json
from controlroom.agents.command import hook_file, interpreter
from controlroom.containment.rungs import bwrap_refuses
from tests.e2e.room import ANSWER, Room, Run, copilot_command, gemini_command
from tests.e2e.test_stories import Command, codex_command
from tests.support.model_server import Call, Model, call_id
from tests.support.waiting import eventually

REMOVE = Call("Bash", {"command": "rm -rf build", "description": "clean"})
# Nothing that could be read of it tells what it will do.
HIDDEN = 'getattr(__import__("o" + "s"), "re" + "move")("deep/id_ed" + "25519")\n'


@pytest.mark.row("N10")
def test_behind_walls_work_goes_on_and_what_is_never_touched_stays(room: Room) -> None:
    if bwrap_refuses():
        pytest.skip(f"needs bwrap: {bwrap_refuses()}")
    key = room.workspace / "deep" / "id_ed25519"
    key.parent.mkdir()
    key.write_text("the only key\n")
    (room.workspace / "tool.py").write_text(HIDDEN)
    room.start()
    calls = [
        REMOVE,
        Call("Bash", {"command": "python3 tool.py", "description": "tool"}),
        Call("Bash", {"command": "mv deep away"}),
    ]
    with Model({"main": [[calls[0]], [calls[1]], [calls[2]], "done"]}) as model:
        run = room.supervised(model, "[[main]] clean up", "--contain", "enforced")

        def over() -> bool:
            for request in [row for row in room.json("pending") if row["state"] == "pending"]:
                room.allow(request, expect=None)
            return not run.alive

        eventually(over, 60, "the agent ends")
        assert run.wait() == 0
    assert not (room.workspace / "build").exists()
    assert key.read_text() == "the only key\n"
    assert model.results[call_id("main", 1)].error
    assert not (room.workspace / "away").exists()
    assert list((room.home.user / ".claude" / "projects").rglob("*.jsonl"))  # its transcript is its own
    assert not (room.workspace / ".claude").exists()  # the placeholder is gone
    assert room.json("agents")[-1]["label"] == "ENFORCED"


AGENTS: dict[str, tuple[Callable[[Room, Path, Model, str], Command], Callable[[str], Call]]] = {
    "codex": (codex_command, lambda command: Call("exec_command", {"cmd": command})),
    "gemini": (gemini_command, lambda command: Call("run_shell_command", {"command": command})),
    "copilot": (copilot_command, lambda command: Call("bash", {"command": command, "description": "d"})),
}


def _done(room: Room, run: Run) -> bool:
    """Whether it has ended; whatever waits is allowed: here the walls must hold, and not the gate."""
    for request in room.json("pending"):
        room.allow(request, expect=None)
    return not run.alive


@pytest.mark.row("N10", "G05")
@pytest.mark.parametrize("kind", AGENTS)
def test_agents_of_other_makers_work_behind_walls_too(other_room: Room, kind: str, request: pytest.FixtureRequest) -> None:
    """Their own folder is on the guarded list as a whole: behind walls its settings are held, its login and logs are theirs."""
    if bwrap_refuses():
        pytest.skip(f"needs bwrap: {bwrap_refuses()}")
    room, (command, call) = other_room, AGENTS[kind]
    key = room.workspace / "deep" / "id_ed25519"
    key.parent.mkdir()
    key.write_text("the only key\n")
    own = room.home.user / f".{kind}"
    settings = own / ("config.toml" if kind == "codex" else "settings.json")
    room.start()
    with Model(
        {"main": [[call("touch made")], [call(f"echo '# weaker' >> {settings}")], [call("mv deep away")], "done"]}
    ) as model:
        words, environment = command(room, request.getfixturevalue(kind), model, "[[main]] go on")
        before = settings.read_bytes() if settings.exists() else b""
        run = room.walled(kind, words, environment)
        eventually(lambda: _done(room, run), 60, "it is done")
        assert run.wait() == 0
        assert len(model.results) == 3
    assert sorted(path.name for path in room.workspace.iterdir()) == ["build", "deep", "made"]
    assert key.read_text() == "the only key\n"
    assert (settings.read_bytes() if settings.exists() else b"") == before
    (row,) = room.json("agents")
    assert (row["label"], row["kind"]) == ("ENFORCED", kind)
    logs = {"codex": "sessions/**/*.jsonl", "gemini": "tmp/**/*.jsonl", "copilot": "session-state/**/*.jsonl"}
    assert list(own.glob(logs[kind]))  # its transcript is its own


def test_a_pause_longer_than_the_hooks_timer_runs_nothing(room: Room) -> None:
    """Measured: a hook that runs out of its time lets the call run. So what is pending is denied before anything is frozen."""
    room.start()
    agent = Path(room.home.user, "agent")  # not known by its name: the settings are ours, with a short timer
    agent.symlink_to(room.claude)
    settings = settings_json(room.home.path / "run", interpreter(), hook_file()).replace('"timeout":900', '"timeout":3')
    assert '"timeout":3,' in settings
    with Model({"main": [[REMOVE], "done"]}, thinks=True) as model:
        run = room.agent(model, [os.fspath(agent), "--settings", settings], "[[main]] clean up")
        eventually(lambda: room.call("pending"), ANSWER, "it waits")
        room.call("pause", name="claude")  # within the timer, also where a command takes long to start
        assert room.state() == "paused"
        time.sleep(6)  # no event ends a pause; the timer's own time is what is waited for
        assert (room.workspace / "build" / "release.tar").exists()
        room.cli("resume", "claude")
        model.go_on()
        assert run.wait() == 0
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[call_id("main", 0)].error
