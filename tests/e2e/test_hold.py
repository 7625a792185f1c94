"""A destructive call of the real Claude Code is held, and runs only when an operator said yes to exactly it."""

from pathlib import Path

from tests.e2e.room import Room
from tests.support.model_server import Call, Model, call_id
from tests.support.waiting import never

REMOVE = Call("Bash", {"command": "rm -rf build", "description": "clean"})
FIRST = call_id("main", 0)


def script(*calls: Call) -> Model:
    """A model that makes these calls in one turn, and then is done."""
    return Model({"main": [list(calls), "done"]})


def test_without_controlroom_the_same_script_removes_the_folder(room: Room) -> None:
    """The control: what the other cases hold would really have run."""
    with script(REMOVE) as model:
        assert room.plain(model, "[[main]] clean up").wait() == 0
    assert not (room.workspace / "build").exists()


def test_a_destructive_call_waits_and_runs_once_it_is_allowed(room: Room) -> None:
    room.start()
    with script(REMOVE) as model:
        run = room.supervised(model, "[[main]] clean up")
        [request] = room.pending()
        never(lambda: not (room.workspace / "build").exists() or not run.alive, 1.0, "the call runs without an answer")
        room.allow(request)
        assert run.wait() == 0
    assert not (room.workspace / "build").exists()
    assert not model.results[FIRST].error
    assert room.json("pending") == []


def test_a_denied_call_does_not_run_and_the_agent_is_told_why(room: Room) -> None:
    room.start()
    with script(REMOVE) as model:
        run = room.supervised(model, "[[main]] clean up")
        room.deny(room.pending()[0], "this is the only copy, clean cache/ instead")
        assert run.wait() == 0
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[FIRST].error
    assert "this is the only copy, clean cache/ instead" in model.results[FIRST].text


def test_a_wrong_digest_is_refused_and_leaves_the_call_waiting(room: Room) -> None:
    room.start()
    with script(REMOVE) as model:
        run = room.supervised(model, "[[main]] clean up")
        [request] = room.pending()
        room.allow({**request, "digest": "0" * 64}, expect=1)
        assert [left["id"] for left in room.pending()] == [request["id"]]
        room.deny(request, "no")
        run.wait()
    assert (room.workspace / "build" / "release.tar").exists()


def test_an_expired_hold_is_a_denial(room: Room) -> None:
    room.configure("[hold]\nseconds = 2\n")
    room.start()
    with script(REMOVE) as model:
        run = room.supervised(model, "[[main]] clean up")
        assert run.wait() == 0
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[FIRST].error
    [receipt] = room.json("receipts")
    assert (receipt["verdict"], receipt["by"]) == ("deny", "expiry")
    assert "again" in model.results[FIRST].text  # it may ask again


def test_a_script_rewritten_after_it_was_shown_does_not_run(room: Room) -> None:
    """What was judged is what runs: the script as it was then, and nothing of the line it stands in."""
    script_file = room.workspace / "prepare.sh"
    script_file.write_text("echo ready\n", encoding="utf-8")
    room.start()
    with script(Call("Bash", {"command": "sh prepare.sh && rm -rf build", "description": "clean"})) as model:
        run = room.supervised(model, "[[main]] clean up")
        [request] = room.pending()
        script_file.write_text("touch evil\n", encoding="utf-8")
        room.allow(request, expect=1)
        assert run.wait() == 0
    assert not (room.workspace / "evil").exists()
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[FIRST].error


def test_a_script_that_the_agent_wrote_itself_is_held_when_it_runs_it(room: Room) -> None:
    """The destructive line put into a file first: the write passes, the run asks, a rewrite is not run."""
    cleaner = room.workspace / "clean.sh"
    write = Call("Write", {"file_path": str(cleaner), "content": "rm -rf build\n"})
    room.start()
    with Model({"main": [[write], [Call("Bash", {"command": "sh clean.sh", "description": "clean"})], "done"]}) as model:
        run = room.supervised(model, "[[main]] clean up")
        [request] = room.pending()
        assert str(room.workspace / "build") in {target["path"] for target in request["targets"]}  # it was looked into
        cleaner.write_text("touch evil\n", encoding="utf-8")
        room.allow(request, expect=1)
        assert run.wait() == 0
    assert not (room.workspace / "evil").exists()
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[call_id("main", 1)].error


def test_a_write_to_the_agents_settings_is_held_with_its_diff(room: Room) -> None:
    settings = room.workspace / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{\n  "model": "a"\n}\n', encoding="utf-8")
    room.start()
    change = Call("Write", {"file_path": str(settings), "content": '{\n  "model": "b"\n}\n'})
    with Model({"main": [[Call("Read", {"file_path": str(settings)})], [change], "done"]}) as model:
        run = room.supervised(model, "[[main]] change the model")
        [request] = room.pending()
        shown = room.cli("show", request["id"])
        assert '-  "model": "a"' in shown
        assert '+  "model": "b"' in shown
        assert request["tier"] == "T3"
        assert '"a"' in settings.read_text(encoding="utf-8")
        room.allow(request)
        assert run.wait() == 0
    assert '"b"' in settings.read_text(encoding="utf-8")


def test_an_emergency_stop_while_a_call_waits(room: Room) -> None:
    """The call is denied, the agent stands still, nothing is allowed any more; the reset resumes nothing."""
    room.start()
    with Model({"main": [[REMOVE], "done"]}, thinks=True) as model:
        run = room.supervised(model, "[[main]] clean up")
        [request] = room.pending()
        room.cli("estop")
        assert room.json("daemon", "status")["latched"] is True
        assert room.json("pending") == []
        room.allow(request, expect=1)
        assert room.state() == "paused"
        room.cli("reset", "--yes")
        assert room.state() == "paused"
        never(lambda: not (room.workspace / "build" / "release.tar").exists(), 1.0, "the call runs after the stop")
        room.cli("resume", "claude")
        model.go_on()
        assert run.wait() == 0
    assert (room.workspace / "build" / "release.tar").exists()
    assert model.results[FIRST].error


def test_an_emergency_stop_holds_with_the_daemon_dead(room: Room) -> None:
    """The latch file alone denies: the hook looks at it before it looks for a socket."""
    room.cli("install", "claude-code", "--yes")
    room.cli("estop")
    with script(REMOVE) as model:
        room.plain(model, "[[main]] clean up").wait()
    assert (room.workspace / "build" / "release.tar").exists()
    assert "emergency stop" in model.results[FIRST].text.lower()


def test_what_was_removed_comes_back_byte_for_byte(room: Room) -> None:
    """The call is shown with its undo, runs, and is undone from the command line."""
    folder = room.workspace / "build"
    before = {p.relative_to(folder): (p.lstat().st_mode, p.lstat().st_mtime_ns, _bytes(p)) for p in folder.rglob("*")}
    room.start()
    with script(REMOVE) as model:
        run = room.supervised(model, "[[main]] clean up")
        [request] = room.pending()
        assert request["undo"] is True
        room.allow(request)
        assert run.wait() == 0
    assert not folder.exists()
    room.cli("undo", request["id"], "--yes")
    assert {p.relative_to(folder): (p.lstat().st_mode, p.lstat().st_mtime_ns, _bytes(p)) for p in folder.rglob("*")} == before


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""
