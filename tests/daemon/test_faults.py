"""Faults met by a real daemon: whatever breaks, the asker is told no at once, nothing leaks, and the others go on."""

import json
import os
import resource
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import Refused
from controlroom.storage import latchfile
from tests.support import daemon as daemons
from tests.support.daemon import Daemon, header
from tests.support.home import Home
from tests.support.waiting import eventually


def _descriptors(daemon: Daemon) -> int:
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def _alarms(daemon: Daemon) -> list[str]:
    return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm"]


def test_a_name_that_is_no_text_is_denied_at_once_and_journalled(daemon: Daemon) -> None:
    (daemon.workspace / "m").mkdir()
    Path(os.fsdecode(bytes(daemon.workspace / "m") + b"/\xff")).touch()
    verdict, reason = daemon.bash("rm m/*").answer()
    assert verdict == "deny"
    assert "not UTF-8" in reason
    eventually(lambda: [r for r in daemon.records() if r["kind"] == "intent"], 20, "the try is in the journal")


def test_a_request_whose_asker_sends_more_is_not_left_before_the_operator(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    daemon.pending()
    asker.say(b"allow")
    assert asker.answer()[0] == "deny"
    eventually(lambda: not daemon.call("pending"), 20, "no ghost is left")


def test_calls_of_one_living_process_leave_no_descriptor_behind(daemon: Daemon) -> None:
    for n in range(10):
        daemon.bash("true", f"first_{n}").answer()
    before = _descriptors(daemon)
    for n in range(100):
        asker = daemon.bash(f"ls {n}", f"then_{n}")
        assert asker.answer()[0] == "allow"
        asker.hang_up()
    eventually(
        lambda: _descriptors(daemon) <= before + 20, 20, f"about {before} descriptors"
    )  # not one a call; watches begin late


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("receipts", {"limit": "x"}),
        ("receipts", {"limit": []}),
        ("adopt", {"pid": "x"}),
        ("adopt", {"pid": 10**30}),
        ("grant", {"name": "nobody", "effects": ["delete"], "path": "/x"}),
        ("launched", {"handle": {}}),
        ("launch", {"name": "n"}),
        ("show", {}),
        ("processes", {}),
        ("no such", {}),
    ],
)
def test_a_bad_call_is_answered_and_the_connection_goes_on(daemon: Daemon, method: str, params: dict[str, Any]) -> None:
    with daemon.operator() as operator:
        with pytest.raises(Refused):
            operator.call(method, **params)
        assert operator.call("status")["pending"] == 0


def test_a_line_over_the_limit_ends_only_its_own_connection_and_is_told(daemon: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(daemon.places.operator_sock))
        sock.settimeout(10)
        try:
            sock.sendall(b"x" * (3 << 20))
            assert sock.recv(1) == b""
        except (BrokenPipeError, ConnectionResetError):
            pass  # the same end, seen while sending
    eventually(lambda: [a for a in _alarms(daemon) if "operator connection was refused" in a], 20, "an alarm tells")
    assert daemon.call("status")["pending"] == 0


def test_of_many_who_decide_at_once_exactly_one_does(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    done: list[str] = []
    lost: list[str] = []

    def decide(n: int) -> None:
        method, more = ("allow", {"digest": row["digest"]}) if n % 2 else ("deny", {})
        try:
            daemon.call(method, id=row["id"], **more)
            done.append(method)
        except Refused as e:
            lost.append(e.code)

    threads = [threading.Thread(target=decide, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    verdict, _ = asker.answer()
    assert done == [verdict]
    assert lost == ["refused"] * 59
    eventually(lambda: len([r for r in daemon.records() if r["kind"] == "decision"]) == 1, 20, "one decision is recorded")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 30)


def _no_text(path: Path) -> None:
    path.write_bytes(b"caf\xe9\n")


def _link(path: Path) -> None:
    path.symlink_to("/etc/hostname")


@pytest.mark.row("N11")
@pytest.mark.parametrize("damage", [_fifo, _folder, _huge, _no_text, _link])
def test_a_manifest_that_cannot_be_read_denies_writes_and_hangs_nothing(daemon: Daemon, damage: Any) -> None:
    damage(daemon.places.config / "never-touch")
    verdict, reason = daemon.bash("touch new").answer()
    assert verdict == "deny"
    assert "never-touch" in reason
    assert daemon.bash("ls").answer()[0] == "allow"
    assert "never-touch" in daemon.call("status")["manifest"]


@pytest.mark.parametrize("damage", [_fifo, _folder, _huge, _no_text])
@pytest.mark.parametrize("name", ["never-touch", "config.toml"])
def test_a_daemon_does_not_start_on_files_it_cannot_read_and_names_them(home: Home, name: str, damage: Any) -> None:
    (home.path / "config").mkdir(mode=0o700)
    damage(home.path / "config" / name)
    process = daemons.launch(home)
    assert process.wait(15) == 1
    said = (home.path / "daemon.log").read_text()
    assert name in said
    assert "Traceback" not in said


def test_a_hook_payload_with_a_strange_folder_is_answered(daemon: Daemon) -> None:
    file = daemon.workspace / "file"
    file.touch()
    loop = daemon.workspace / "loop"
    loop.symlink_to(loop)
    for cwd in ("/no/such/folder", str(file), str(loop), "/" + "x" * 5000, "/a\nb", "/" + "d/" * 2000, "../up", ""):
        asker = daemon.connect()
        body = {"session_id": "../../etc", "transcript_path": "/t", "cwd": cwd, "hook_event_name": "PreToolUse",
                "tool_name": "Bash", "tool_input": {"command": "rm -rf build"}, "tool_use_id": "c"}  # fmt: skip
        asker.say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())
        for row in _answered_or_held(daemon, asker):
            daemon.call("deny", id=row["id"])
            assert asker.answer()[0] == "deny"
        for row in daemon.call("agents"):  # three denials in a row pause a session
            daemon.call("resume", name=row["id"])


def _answered_or_held(daemon: Daemon, asker: daemons.Asker) -> list[dict[str, Any]]:
    def look() -> list[list[dict[str, Any]]]:
        held = daemon.call("pending")
        try:
            data = asker.sock.recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return [held] if held else []
        assert b" deny " in data, data
        return [[]]

    return eventually(look, 20, "it is held or denied")[0]


@pytest.mark.row("G04")
def test_a_stopped_daemon_releases_nothing_when_it_goes_on_late(daemon: Daemon) -> None:
    os.kill(daemon.process.pid, signal.SIGSTOP)
    asker = daemon.bash("rm -rf build")
    with pytest.raises(TimeoutError):
        asker.answer(0.5)
    asker.hang_up()
    os.kill(daemon.process.pid, signal.SIGCONT)
    eventually(lambda: daemon.call("status"), 20, "it answers again")
    eventually(lambda: not daemon.call("pending"), 20, "who hung up waits no more")
    assert not [r for r in daemon.records() if r["kind"] == "started"]


def test_two_hundred_hooks_at_once_are_all_answered(daemon: Daemon) -> None:
    askers = [daemon.connect() for _ in range(200)]
    for n, asker in enumerate(askers):
        body = {"session_id": "s", "transcript_path": "/t", "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse",
                "tool_name": "Bash", "tool_input": {"command": f"ls {n}"}, "tool_use_id": f"c{n}"}  # fmt: skip
        asker.say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())
    assert {asker.answer(30)[0] for asker in askers} == {"allow"}


@pytest.mark.row("E6")
def test_a_reset_that_cannot_take_the_latch_away_says_so(daemon: Daemon) -> None:
    daemon.places.gate_latch.mkdir()
    stop_id = eventually(lambda: daemon.call("status")["stop_id"], 20, "it counts as latched")
    with pytest.raises(Refused, match="cannot be removed"):
        daemon.call("reset", stop_id=stop_id)
    assert daemon.bash("ls").answer()[0] == "deny"


def test_no_descriptor_left_does_not_read_as_a_latch(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        found = latchfile.read(tmp_path / "latch")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert found is None
