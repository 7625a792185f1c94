"""The daemon's start, end and death: who may run it, and what a crash leaves."""

import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.client.rpc import NoDaemon
from controlroom.storage.segments import read
from controlroom.storage.verify import verify
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually


def _fails(home: Home) -> str:
    """What a daemon that cannot start says."""
    done = subprocess.run(
        [sys.executable, "-m", "controlroom.daemon"], env=home.env, capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 1, done.stderr
    return done.stderr


@pytest.mark.row("J12")
def test_of_many_daemons_started_at_once_exactly_one_runs(home: Home) -> None:
    started = [daemons.launch(home) for _ in range(8)]
    try:
        eventually(lambda: sum(p.poll() is not None for p in started) == 7, 20, "seven gave up")
        assert [p.poll() for p in started].count(1) == 7
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(10)


@pytest.mark.row("J12")
def test_a_second_daemon_names_the_first(daemon: Daemon) -> None:
    assert str(daemon.process.pid) in _fails(daemon.home)


@pytest.mark.row("S01")
def test_a_socket_path_that_somebody_prepared_is_not_followed(home: Home) -> None:
    run = home.path / "run"
    run.mkdir(mode=0o700)
    victim = home.path.parent / "victim"
    victim.write_text("keep")
    (run / "gate.sock").symlink_to(victim)
    daemon = daemons.start(home)
    try:
        assert victim.read_text() == "keep"
        found = os.lstat(daemon.places.gate_sock)
        assert (found.st_mode & 0o170000, found.st_mode & 0o777) == (0o140000, 0o600)
    finally:
        daemons.stop(daemon)


@pytest.mark.row("S01")
@pytest.mark.parametrize("folder", ["run", "state", "config"])
def test_a_folder_that_others_may_write_is_refused_by_name(home: Home, folder: str) -> None:
    path = home.path / folder
    path.mkdir()
    path.chmod(0o777)
    assert str(path) in _fails(home)


@pytest.mark.row("S01")
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to give a folder to another user")
def test_a_folder_of_another_user_is_refused_by_name(home: Home) -> None:
    path = home.path / "run"
    path.mkdir(mode=0o700)
    os.chown(path, 60001, 60001)
    assert str(path) in _fails(home)


@pytest.mark.row("S01")
def test_a_folder_that_is_a_link_is_refused_by_name(home: Home) -> None:
    (home.path / "elsewhere").mkdir(mode=0o700)
    (home.path / "run").symlink_to(home.path / "elsewhere")
    assert str(home.path / "run") in _fails(home)


def test_a_bad_configuration_is_refused_with_file_and_key(home: Home) -> None:
    config = home.path / "config"
    config.mkdir(mode=0o700)
    (config / "config.toml").write_text("[hold]\nsecond = 5\n")
    told = _fails(home)
    assert "config.toml" in told
    assert "second" in told


def test_the_end_denies_what_is_pending_and_leaves_a_whole_journal(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    daemon.pending()
    daemon.process.terminate()
    assert daemon.process.wait(10) == 0
    assert asker.answer()[0] == "deny"
    assert verify(daemon.places.journal).ok


@pytest.mark.row("S05")
def test_an_operator_who_drops_out_allows_nothing(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    with daemon.operator() as operator:
        operator.call("subscribe")
    (row,) = daemon.pending()
    assert row["state"] == "pending"


def test_a_killed_daemon_answers_nobody_and_forgets_what_was_pending(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    daemon.kill()
    assert asker.answer() == ("", "")
    daemon.process = daemons.start(daemon.home).process
    with pytest.raises(Exception, match="no request"):
        daemon.call("allow", id=row["id"], digest=row["digest"])
    assert verify(daemon.places.journal).ok


@pytest.mark.row("J07")
def test_what_was_allowed_and_not_seen_to_end_is_interrupted_after_a_crash(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    daemon.call("allow", id=row["id"], digest=row["digest"])
    assert asker.answer()[0] == "allow"
    daemon.kill()
    daemon.process = daemons.start(daemon.home).process
    (receipt,) = [r for r in daemon.call("receipts") if r["id"] == row["id"]]
    assert "is not known" in receipt["note"], "whether it began to run may not be on the disk"
    assert "nobody told how it ended" in receipt["gaps"]
    (alarm,) = [alarm for alarm in daemon.call("view")["alarms"] if alarm["kind"] == "interrupted"]
    assert "rm -rf build" in alarm["text"]
    assert "is not known" in _session_start(daemon), "the agent is told as well"
    assert receipt["stage"] == "interrupted"
    assert not daemon.call("pending"), "it is not released again"


def test_an_agent_is_told_at_its_start_what_was_denied_here(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    daemon.call("deny", id=row["id"], reason="the cache is in use")
    told = _session_start(daemon)
    assert "rm -rf build" in told
    assert "the cache is in use" in told


def _session_start(daemon: Daemon) -> str:
    """What another process, as the hook of another agent's session start, is told."""
    done = subprocess.run(
        [sys.executable, "-c", STARTER, str(daemon.places.gate_sock), str(daemon.workspace)],
        capture_output=True, text=True, timeout=20, check=True, start_new_session=True,
    )  # fmt: skip
    return done.stdout


STARTER = """
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
head = {"v": 1, "nonce": "0" * 32, "kind": "hook", "agent": "claude-code", "event": "SessionStart"}
body = {"session_id": "n", "transcript_path": "/t", "cwd": sys.argv[2], "hook_event_name": "SessionStart", "source": "startup"}
s.sendall(json.dumps(head).encode() + b"\\n" + json.dumps(body).encode() + b"\\n")
data = b""
while part := s.recv(65536):
    data += part
print(data.decode())
"""


@pytest.mark.row("J04")
@pytest.mark.serial
@pytest.mark.skipif(os.getuid() != 0, reason="needs root to mount a small tmpfs")
def test_a_full_disk_denies_everything_keeps_stops_and_goes_on_when_there_is_room(home: Home) -> None:
    state = home.path / "state"
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "none", str(state)], check=True, timeout=10)
    try:
        daemon = daemons.start(home)
        try:
            assert daemon.bash("ls -la").answer()[0] == "allow"
            assert "nearly full" in daemon.bash("rm -rf build").answer()[1], "less than 100 MiB are free"
            _fill(state / "ballast")
            eventually(lambda: _asked(daemon) == "deny", 20, "a read that is denied")
            assert daemon.call("status")["journal"] != "ok"
            assert daemon.call("estop")["stop_id"]
            assert daemon.call("status")["latched"]
            eventually(lambda: b'"kind":"latched"' in (daemon.places.journal / "reserve").read_bytes(), 20, "the stop on disk")
            (state / "ballast").unlink()
            eventually(lambda: "written again" in daemon.call("status")["journal"], 20, "a journal that is written again")
            assert daemon.call("status")["unjournalled"] == 0
            assert "emergency stop" in daemon.bash("ls").answer()[1], "room alone resumes nothing"
            command = [sys.executable, "-m", "controlroom", "audit", "accept", "--yes"]
            said = subprocess.run(command, env=home.env, capture_output=True, text=True, timeout=50, check=True).stdout
            assert "No space left on device" in said
            assert daemon.call("status")["journal"] == "ok"
        finally:
            daemons.stop(daemon)
        assert verify(daemon.places.journal).ok
        assert [one.kind for one in read(daemon.places.journal)].count("latched") == 1
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True, timeout=10)


def _asked(daemon: Daemon) -> str:
    return daemon.bash(f"ls -la {secrets.token_hex(4)}").answer()[0]


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return


@pytest.mark.row("G02")
def test_a_hung_daemon_releases_nothing(daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    daemon.pending()
    os.kill(daemon.process.pid, signal.SIGSTOP)
    with pytest.raises(TimeoutError):
        asker.answer(1.0)
    os.kill(daemon.process.pid, signal.SIGCONT)
    daemon.pending()


def test_without_a_daemon_nothing_answers(home: Home) -> None:
    dead = daemons.Daemon(home, subprocess.Popen(["true"]), home.path)
    dead.process.wait()
    with pytest.raises(NoDaemon):
        dead.call("status")
