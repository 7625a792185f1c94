"""When a part of the gate fails while the real Claude Code waits at it, the call does not run."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.room import ANSWER, Room
from tests.support.model_server import Call, Model, call_id
from tests.support.waiting import eventually

FIRST = call_id("main", 0)


REMOVE = Call("Bash", {"command": "rm -rf build", "description": "clean"})


def removing() -> Model:
    return Model({"main": [[REMOVE], "done"]})


def assert_it_did_not_run(room: Room, model: Model) -> None:
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[FIRST].error


def test_the_daemon_is_killed_while_the_call_waits(room: Room) -> None:
    daemon = room.start()
    with removing() as model:
        run = room.supervised(model, "[[main]] clean up")
        room.pending()
        os.kill(daemon, signal.SIGKILL)
        run.wait()
    assert_it_did_not_run(room, model)


def test_there_is_no_daemon(room: Room) -> None:
    room.cli("install", "claude-code", "--yes")
    with removing() as model:
        room.plain(model, "[[main]] clean up").wait()
    assert_it_did_not_run(room, model)
    assert "controlroom" in model.results[FIRST].text


@pytest.mark.row("E11")
@pytest.mark.parametrize("wrapper", [False, True], ids=["the client", "the client and the shell around it"])
def test_the_hook_client_is_killed_while_the_call_waits(room: Room, wrapper: bool) -> None:
    """The call is lost, and the agent is frozen: without its hook it may try anything. Resumed, it hears a refusal."""
    room.start()
    with Model({"main": [[REMOVE], "done"]}, thinks=True) as model:
        run = room.supervised(model, "[[main]] clean up")
        room.pending()
        victims = [*(room.wrappers() if wrapper else []), *room.hooks()]
        assert len(victims) == 1 + wrapper
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: room.state() == "paused", ANSWER, "the agent that lost its gate is frozen")
        assert room.json("pending") == []
        room.cli("resume", "claude")
        model.go_on()
        run.wait()
    assert_it_did_not_run(room, model)


def test_the_hook_file_is_missing(room: Room) -> None:
    room.start()
    room.cli("install", "claude-code", "--yes")
    settings = room.home.user / ".claude" / "settings.json"
    installed = settings.read_text(encoding="utf-8")
    assert "hook.py" in installed
    settings.write_text(installed.replace("hook.py", "hook-that-is-gone.py"), encoding="utf-8")
    with removing() as model:
        room.plain(model, "[[main]] clean up").wait()
    assert_it_did_not_run(room, model)


def test_the_projects_settings_switch_all_hooks_off(room: Room) -> None:
    project(room, {"disableAllHooks": True})
    assert_held_and_denied(room)


def test_the_projects_settings_set_the_environment(room: Room) -> None:
    """Measured: a project's `env` reaches the hook process. Nothing in it may lead the hook elsewhere or replace its Python."""
    trap = room.workspace / "trap"
    trap.mkdir()
    for name in ("python3", "python", "sh", "env"):
        (trap / name).write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        (trap / name).chmod(0o755)
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "socket.py"):
        (trap / name).write_text("import os\nos._exit(0)\n", encoding="utf-8")
    project(
        room,
        {
            "env": {
                "CONTROLROOM_HOME": str(trap),
                "XDG_RUNTIME_DIR": str(trap),
                "HOME": str(trap),
                "PATH": f"{trap}:{os.environ['PATH']}",
                "PYTHONPATH": str(trap),
                "PYTHONHOME": str(trap),
                "PYTHONSTARTUP": str(trap / "sitecustomize.py"),
            }
        },
    )
    assert_held_and_denied(room)


def project(room: Room, settings: dict[str, object]) -> None:
    """The settings that a cloned repository brings along."""
    path = room.workspace / ".claude" / "settings.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(settings), encoding="utf-8")


def assert_held_and_denied(room: Room) -> None:
    room.start()
    with removing() as model:
        run = room.supervised(model, "[[main]] clean up")
        room.deny(room.pending()[0], "still held")
        run.wait()
    assert_it_did_not_run(room, model)
    assert "still held" in model.results[FIRST].text


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    "content",
    [None, b"{}", b'{\r\n\t"model" : "opus",\n\n  "hooks": {"PreToolUse": [ ] } }  \n', '{"env":{"NAME":"\u00fc"}}'.encode()],
    ids=["no file", "empty object", "odd layout and hooks of its own", "not ascii, no line end"],
)
def test_install_and_uninstall_leave_the_bytes_as_they_were(room: Room, content: bytes | None) -> None:
    folder = room.home.user / ".claude"
    if content is not None:
        folder.mkdir()
        (folder / "settings.json").write_bytes(content)
    before = snapshot(room.home.user)
    room.cli("install", "claude-code", "--yes")
    assert "hook.py" in (folder / "settings.json").read_text(encoding="utf-8")
    room.cli("uninstall", "claude-code", "--yes")
    assert snapshot(room.home.user) == before


def test_a_call_of_an_installed_agent_is_held_too(room: Room) -> None:
    room.start()
    room.cli("install", "claude-code", "--yes")
    with removing() as model:
        run = room.plain(model, "[[main]] clean up")
        room.deny(room.pending()[0], "held without a launch")
        run.wait()
    assert_it_did_not_run(room, model)
    assert "held without a launch" in model.results[FIRST].text
