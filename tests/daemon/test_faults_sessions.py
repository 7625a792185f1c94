"""Sessions that live on when their shim, the daemon or its folders are taken away: never forgotten, shown as they are."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import RpcError
from controlroom.containment import hold, rungs
from controlroom.model.agent import Handle, Rung
from controlroom.storage import handles, latchfile
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually, never

# It ignores the hang-up that the end of its shim's terminal means, as what was started with nohup does.
HEART = """
import signal, sys, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
while True:
    open(sys.argv[1], "w").close(); time.sleep(0.02)
"""
RUNG = rungs.probe().rung


@pytest.fixture
def agent(daemon: Daemon, home: Home) -> Iterator[Handle]:
    """A detached agent with a heartbeat, launched as an operator does."""
    command = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", "heart", "--workspace", str(daemon.workspace)]
    subprocess.run([*command, "--", sys.executable, "-c", HEART, str(_beat(home))], env=home.env, check=True, timeout=30)
    eventually(_beat(home).exists, 20, "its heart beats")
    (handle,) = handles.load_all(daemon.places.agents)
    yield handle
    hold.kill(handle)


def _beat(home: Home) -> Path:
    return home.path / "beat"


def _beats(home: Home) -> bool:
    before = _beat(home).stat().st_mtime_ns
    time.sleep(0.15)  # the silence window of a heart that beats every 20 ms
    return _beat(home).stat().st_mtime_ns != before


def _state(daemon: Daemon) -> str:
    return "".join(str(row["state"]) for row in daemon.call("agents") if row["name"] == "heart")


def _again(daemon: Daemon) -> None:
    """Another daemon in the place of a killed one; the fixture ends it."""
    daemon.process = daemons.start(daemon.home).process


def _alarms(daemon: Daemon, kind: str) -> list[dict[str, Any]]:
    return [r["body"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == kind]


@pytest.mark.row("K17")
def test_an_agent_whose_shim_is_killed_is_not_forgotten(daemon: Daemon, agent: Handle) -> None:
    assert agent.shim is not None
    os.kill(agent.shim.pid, signal.SIGKILL)
    eventually(lambda: _alarms(daemon, "shim"), 20, "operators are told")
    eventually(lambda: _beats(daemon.home), 20, "it lives")
    assert _state(daemon) == "running"
    daemon.call("kill", name="heart")
    eventually(lambda: not _beats(daemon.home), 20, "it can still be killed")
    eventually(lambda: _state(daemon) in ("stopped", "lost", "ended"), 20, "its end is seen")


@pytest.mark.row("K17")
def test_an_agent_whose_shim_died_with_the_daemon_is_met_again(daemon: Daemon, agent: Handle) -> None:
    assert agent.shim is not None
    daemon.kill()
    os.kill(agent.shim.pid, signal.SIGKILL)
    _again(daemon)
    eventually(lambda: _state(daemon) == "paused", 20, "it is frozen until somebody has looked")
    daemon.call("resume", name="heart")
    eventually(lambda: _beats(daemon.home), 20, "it lives")


@pytest.mark.row("K17")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_lived_when_the_daemon_was_ended_is_frozen_until_an_operator_looked(
    daemon: Daemon, agent: Handle, number: signal.Signals
) -> None:
    """An agent can send both. While no daemon is there its gate denies; what else it does then nobody sees."""
    os.kill(daemon.process.pid, number)
    daemon.process.wait(10)
    eventually(lambda: _beats(daemon.home), 20, "it lives")
    _again(daemon)
    eventually(lambda: _state(daemon) == "paused", 20, "the new daemon has frozen it")
    assert not _beats(daemon.home)
    (told,) = eventually(lambda: _alarms(daemon, "review"), 20, "operators are told")
    assert "heart is frozen until you look at it: the daemon before this one was ended" in told["text"]
    daemon.kill()
    _again(daemon)  # nobody has looked yet
    never(lambda: _beats(daemon.home), 0.5, "a second restart lets it go")
    daemon.call("resume", name="heart")
    eventually(lambda: _beats(daemon.home), 20, "it lives again")


@pytest.mark.row("K17")
def test_what_lives_goes_on_where_an_operator_ended_the_daemon(daemon: Daemon, agent: Handle) -> None:
    daemon.call("dismiss")
    assert daemon.process.wait(10) == 0
    _again(daemon)
    assert _state(daemon) == "running"
    eventually(lambda: _beats(daemon.home), 20, "it lives")
    daemon.kill()
    _again(daemon)  # the word was for one end only
    eventually(lambda: _state(daemon) == "paused", 20, "it is frozen")
    assert not _beats(daemon.home)


@pytest.mark.row("K17")
def test_a_paused_agent_is_paused_after_a_restart_and_can_be_resumed(daemon: Daemon, agent: Handle) -> None:
    daemon.call("pause", name="heart")
    eventually(lambda: not _beats(daemon.home), 20, "it is held")
    daemon.kill()
    _again(daemon)
    assert _state(daemon) == "paused"
    never(lambda: _beats(daemon.home), 0.5, "a restart lets it go")
    daemon.call("resume", name="heart")
    assert _state(daemon) == "running"
    eventually(lambda: _beats(daemon.home), 20, "it lives again")


@pytest.mark.skipif(RUNG is not Rung.CGROUP, reason=f"needs a cgroup v2 to freeze in; this machine offers {RUNG}")
def test_what_was_frozen_without_the_daemon_is_shown_paused_and_can_be_resumed(daemon: Daemon, agent: Handle) -> None:
    daemon.kill()
    assert hold.freeze(agent).confirmed
    _again(daemon)
    assert _state(daemon) == "paused"
    daemon.call("resume", name="heart")
    eventually(lambda: _beats(daemon.home), 20, "it lives again")


@pytest.mark.skipif(RUNG is not Rung.CGROUP, reason=f"needs a cgroup v2 to freeze in; this machine offers {RUNG}")
def test_what_was_let_go_behind_the_daemon_is_frozen_again(daemon: Daemon, agent: Handle) -> None:
    daemon.call("pause", name="heart")
    # A pause is answered before its record is on the disk (S9: a stop may be spooled).
    eventually(lambda: "paused" in [r["body"].get("state") for r in daemon.records() if r["kind"] == "session"], 20, "on disk")
    daemon.kill()
    assert hold.thaw(agent).confirmed
    _again(daemon)
    eventually(lambda: _state(daemon) == "paused", 20, "it is frozen again")
    assert not _beats(daemon.home)


@pytest.mark.row("E5", "E7")
@pytest.mark.skipif(RUNG is not Rung.CGROUP, reason=f"needs a cgroup v2 to freeze in; this machine offers {RUNG}")
def test_a_latch_that_lies_there_at_the_start_stops_what_lives_and_all_calls(daemon: Daemon, agent: Handle) -> None:
    daemon.call("dismiss")  # so that nothing but the latch would stop it
    daemon.process.wait(10)
    latchfile.write_both(daemon.places, "stop1", "operator:ann", 1)
    eventually(lambda: _beats(daemon.home), 20, "it lives")
    _again(daemon)
    eventually(lambda: _state(daemon) == "paused", 20, "it is frozen")
    assert not _beats(daemon.home)
    assert daemon.bash("ls").answer()[0] == "deny"
    assert daemon.call("status")["stop_id"] == "stop1"
    daemon.call("reset", stop_id="stop1")
    never(lambda: _beats(daemon.home), 0.5, "a reset lets it go")


def test_an_agent_that_the_journal_does_not_know_is_held_back_and_can_be_stopped(daemon: Daemon, agent: Handle) -> None:
    daemon.kill()
    shutil.move(daemon.places.journal, daemon.places.state / "journal.old")
    _again(daemon)
    eventually(lambda: _state(daemon) == "paused", 20, "it is frozen until somebody has looked")
    assert not _beats(daemon.home)
    daemon.call("kill", name="heart")
    eventually(lambda: not _beats(daemon.home), 20, "it is gone")


def test_no_agent_is_frozen_while_a_hook_is_only_starting(daemon: Daemon, home: Home) -> None:
    """One that has not come to the gate yet: frozen with it, its timer would run out, and the call would run."""
    hook = home.path.parent / "hook.py"
    hook.write_text("import time; time.sleep(60)\n")
    command = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", "heart", "--workspace", str(daemon.workspace)]
    (agent := daemon.workspace / "agent").write_text(f"{sys.executable} -I -S {hook} & echo $! > {_beat(home)}; wait; sleep 60")
    subprocess.run([*command, "--", "sh", str(agent)], env=home.env, check=True, timeout=30)
    try:
        eventually(lambda: _beat(home).exists() and _beat(home).read_text().strip(), 20, "its hook runs")
        (row,) = daemon.call("pause", name="heart")
        assert (row["state"], row["why"]) == ("running", "refused: a hook of the session still waits after its answer")
        os.kill(int(_beat(home).read_text()), signal.SIGKILL)
        (row,) = daemon.call("pause", name="heart")
        assert row["state"] == "paused"
    finally:
        daemon.call("kill", name="heart")


def test_a_session_that_ended_with_the_daemon_gets_its_end_recorded(daemon: Daemon, agent: Handle) -> None:
    daemon.kill()
    assert hold.kill(agent).confirmed
    eventually(lambda: not hold.lives(agent), 20, "all of it is gone")
    _again(daemon)
    told = eventually(lambda: [r["body"] for r in daemon.records() if r["body"].get("state") == "ended"], 20, "its end is told")
    assert told[0]["note"].startswith("exit status 137")  # its shim has left word
    eventually(lambda: not handles.load_all(daemon.places.agents), 20, "its handle goes")
    assert _state(daemon) == ""


def test_a_runtime_folder_that_is_taken_away_is_put_back_and_told(daemon: Daemon) -> None:
    held = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    daemon.places.runtime.rename(daemon.home.path / "away")
    eventually(lambda: daemon.places.gate_sock.exists() and daemon.places.operator_sock.exists(), 20, "they are back")
    eventually(lambda: _alarms(daemon, "sockets"), 20, "operators are told")
    assert daemon.places.runtime.stat().st_mode & 0o777 == 0o700
    assert daemon.bash("ls").answer()[0] == "allow"
    daemon.call("deny", id=row["id"])
    assert held.answer()[0] == "deny"


def test_a_gate_that_is_replaced_is_put_back(daemon: Daemon) -> None:
    daemon.places.gate_sock.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(daemon.places.gate_sock))
        other.listen()
        eventually(lambda: _alarms(daemon, "sockets"), 20, "operators are told")
    assert daemon.bash("ls").answer()[0] == "allow"


@pytest.mark.row("E5")
def test_a_latch_that_cannot_be_put_back_does_not_flood_the_journal(daemon: Daemon) -> None:
    stop_id = daemon.call("estop")["stop_id"]
    before = len(daemon.records())
    (daemon.home.path / "stone").touch()
    eventually(lambda: _in_the_way(daemon), 20, "something lies where the folder was")
    never(lambda: len(daemon.records()) > before + 20, 3, "a flood of records")
    daemon.places.runtime.unlink()
    eventually(daemon.places.gate_latch.exists, 20, "the latch is back")
    eventually(daemon.places.operator_sock.exists, 20, "the sockets are back")
    assert daemon.call("status")["stop_id"] == stop_id
    assert daemon.bash("ls").answer()[0] == "deny"


def _in_the_way(daemon: Daemon) -> bool:
    """A file in the place of the runtime folder; the daemon, which puts the folder back, may be faster once or twice."""
    with contextlib.suppress(FileNotFoundError):
        daemon.places.runtime.rename(daemon.home.path / f"away-{time.monotonic_ns()}")
    try:
        (daemon.home.path / "stone").rename(daemon.places.runtime)
    except IsADirectoryError:
        return False
    return True


def test_without_descriptors_everything_is_denied_and_nothing_stops_by_mistake(home: Home) -> None:
    made = daemons.start(home)
    subprocess.run(["prlimit", "--pid", str(made.process.pid), "--nofile=40:40"], check=True)
    askers = []
    try:
        for n in range(30):
            askers.append(made.bash(f"rm -rf build{n}", f"call_{n}"))
        descriptors = Path(f"/proc/{made.process.pid}/fd")
        # Where the last one went to a call that is held, the others wait to be taken in, and nobody is turned away.
        eventually(lambda: _unheard(askers) < 30 or len(os.listdir(descriptors)) >= 40, 20, "it has run out of them")
        for asker in askers:
            asker.hang_up()
        eventually(lambda: _calm(made), 60, "it answers again")  # each descriptor that was missed costs a second until the next
        assert not made.call("status")["latched"]
    finally:
        daemons.stop(made)


def _unheard(askers: list[daemons.Asker]) -> int:
    """How many have neither an answer nor an end."""
    waiting = 0
    for asker in askers:
        try:
            asker.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            waiting += 1
        except OSError:
            continue
    return waiting


def _calm(daemon: Daemon) -> bool:
    try:
        return bool(daemon.call("status")["pending"] == 0)
    except RpcError:
        return False
