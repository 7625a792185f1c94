"""`estop` and `reset`: the stop holds with the daemon alive, dead or hung, and with a disk that takes nothing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from controlroom.cli import estop
from controlroom.containment import processes
from controlroom.model.agent import Handle, Rung
from controlroom.storage import handles, latchfile
from tests.cli.conftest import CONTROLROOM, Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

SLEEPER = ("--", "sleep", "300")


def states(cli: Cli) -> dict[str, str]:
    return {row["name"]: row["state"] for row in cli.json("agents")}


def latched(daemon: Daemon) -> str:
    found = latchfile.read_any(daemon.places)
    return found.stop_id if found else ""


@pytest.mark.row("E5")
def test_everything_is_stopped_through_the_daemon_and_latched(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    said = cli.ok("estop")
    assert "a: paused" in said and "proof: " in said
    assert "Not covered: work handed to tmux, containers, cron or remote hosts" in said
    assert latched(daemon) in said
    assert cli.json("daemon", "status")["latched"] is True
    assert states(cli) == {"a": "paused"}


@pytest.mark.row("E2")
def test_pending_requests_are_denied_by_it(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "x").touch()
    asker = daemon.ask(paths=("x",))
    daemon.pending()
    cli.run("estop")
    assert asker.answer()[0] == "deny"


@pytest.mark.row("G17", "E7", "K11")
def test_it_works_with_the_daemon_dead(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    daemon.kill()
    said = cli.ok("estop")
    assert "a: paused" in said and "proof: " in said
    assert latched(daemon)
    assert "EMERGENCY STOP" in cli.fails(1, "run", "--", "true")
    cli.ok("reset", "--yes")
    assert not latched(daemon)
    cli.ok("daemon", "start")


@pytest.mark.row("G02", "E7", "K11")
def test_it_works_with_the_daemon_hung(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    os.kill(daemon.process.pid, signal.SIGSTOP)
    done = cli.run("estop")
    assert done.returncode == 0, done.stderr
    assert "a: paused" in done.stdout and "stopping without it" in done.stderr
    told = re.search(r"a: paused after (\d+) ms", done.stdout)
    assert told and int(told[1]) >= estop.HELLO_SECONDS * 1000, "the wait for the daemon counts"
    os.kill(daemon.process.pid, signal.SIGCONT)
    eventually(lambda: cli.json("daemon", "status")["latched"], 20, "the daemon sees the latch")


@pytest.mark.row("E4", "K05")
def test_what_cannot_be_frozen_is_killed(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", "--contain", "none", *SLEEPER)
    daemon.kill()
    assert "a: stopped" in cli.ok("estop")


@pytest.mark.row("E8")
def test_what_the_latch_alone_had_stopped_is_told_too(cli: Cli, daemon: Daemon) -> None:
    """The daemon looks for the latch by itself, and may be faster than the call that follows it."""
    cli.ok("run", "--detach", "--name", "a", "--contain", "none", *SLEEPER)
    latchfile.write_both(daemon.places, "ab12", "operator:me", time.time_ns())
    eventually(lambda: states(cli) == {"a": "stopped"}, 20, "the daemon has seen the latch")
    said = cli.ok("estop")
    assert "a: stopped after " in said and "proof: ECHILD" in said


@pytest.mark.row("E8", "K08")
def test_a_session_that_cannot_be_proved_stopped_is_not_confirmed(cli: Cli) -> None:
    agents = cli.home.path / "state" / "agents"
    agents.mkdir(parents=True, mode=0o700)
    agents.parent.chmod(0o700)
    process = subprocess.Popen(["sleep", "300"])
    handles.save(agents, Handle("s1", "ghost", Rung.SUBREAPER, processes.identify(process.pid)))
    done = cli.run("estop")
    assert process.wait(10) == -signal.SIGKILL
    assert done.returncode == 1
    assert "ghost: STOP NOT CONFIRMED" in done.stdout
    assert "STOP NOT CONFIRMED" in done.stderr


def test_a_handle_that_cannot_be_read_is_said_and_hides_no_other(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    daemon.kill()
    (daemon.places.agents / "broken.json").write_text("{")
    done = cli.run("estop")
    assert done.returncode == 1
    assert "a: paused" in done.stdout and "broken.json" in done.stderr and "NOT CONFIRMED" in done.stderr


@pytest.mark.row("E7")
@pytest.mark.parametrize("lost", [">/dev/full", ">/dev/full 2>/dev/full", "| :"], ids=["full", "both full", "nobody reads"])
def test_it_stops_although_nobody_takes_what_it_says(cli: Cli, daemon: Daemon, lost: str) -> None:
    """Exit code 0 is the kernel's proof; bash, for the exit code of a pipe's first part."""
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    daemon.kill()
    line = ["bash", "-c", f'"$@" {lost}; exit ${{PIPESTATUS[0]}}', "bash", *CONTROLROOM, "estop"]
    done = subprocess.run(line, env=cli.home.env, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "") and "Traceback" not in done.stderr
    assert latched(daemon)


def test_a_terminal_that_goes_away_does_not_end_it(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    os.kill(daemon.process.pid, signal.SIGSTOP)  # it waits a second for this one, with the latch written
    pulled = cli.start("estop")
    eventually(lambda: latched(daemon), 20, "the latch is written")
    pulled.send_signal(signal.SIGHUP)
    said, _ = pulled.communicate(timeout=50)
    assert pulled.returncode == 0 and "a: paused" in said


@pytest.mark.row("E7")
def test_a_full_disk_does_not_keep_it_from_latching(cli: Cli, daemon: Daemon) -> None:
    """No file may grow by a byte: an empty latch is one."""
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    daemon.kill()
    full = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *CONTROLROOM, "estop"]
    done = subprocess.run(full, env=cli.home.env, capture_output=True, text=True, timeout=50, check=False)
    assert "a: paused" in done.stdout
    assert latched(daemon) == latchfile.UNREADABLE


@pytest.mark.row("E7")
@pytest.mark.parametrize("what", ["config/config.toml", "state/journal"])
def test_no_file_of_ours_that_is_broken_keeps_it_from_stopping(cli: Cli, daemon: Daemon, what: str) -> None:
    """No daemon can start with it, and none is needed."""
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    daemon.kill()
    broken = daemon.home.path / what
    broken.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    if broken.is_dir():
        shutil.rmtree(broken)
    broken.write_text("{ this is no such file")
    cli.fails(1, "daemon", "start")
    assert "a: paused" in cli.ok("estop")
    assert latched(daemon)


@pytest.mark.row("E7")
def test_a_latch_that_cannot_be_written_stops_the_agents_all_the_same(
    cli: Cli, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise latchfile.NotLatched("no space left on device")

    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    daemon.kill()
    monkeypatch.setenv("CONTROLROOM_HOME", str(cli.home.path))
    monkeypatch.setattr(latchfile, "write_both", broken)
    assert estop.main(["estop"]) == 1
    said = capsys.readouterr()
    assert "a: paused" in said.out
    assert "THE LATCH COULD NOT BE WRITTEN: no space left" in said.err


def test_a_second_pull_keeps_the_first_stop_id(cli: Cli, daemon: Daemon) -> None:
    cli.ok("estop")
    first = latched(daemon)
    cli.ok("estop")
    assert latched(daemon) == first


def test_a_slip_of_the_finger_does_not_keep_it_from_stopping(cli: Cli, daemon: Daemon) -> None:
    cli.run("estop", "--now!!")
    assert latched(daemon)


@pytest.mark.row("E6", "E9")
def test_reset_resumes_nothing(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    cli.ok("estop")
    assert "latched" in cli.run("resume", "a").stdout
    cli.ok("reset", "--yes")
    assert states(cli) == {"a": "paused"}
    cli.ok("resume", "a")
    assert states(cli) == {"a": "running"}


@pytest.mark.row("E6")
def test_reset_needs_the_operators_word(cli: Cli, daemon: Daemon) -> None:
    cli.ok("estop")
    assert "--yes" in cli.fails(1, "reset")
    assert latched(daemon)


@pytest.mark.row("E7", "J04")
def test_a_stop_that_was_pulled_on_a_full_disk_can_be_reset(cli: Cli, daemon: Daemon) -> None:
    cli.ok("estop")
    stop = cli.json("daemon", "status")["stop_id"]
    for path in (daemon.places.latch, daemon.places.gate_latch):  # where nothing can be written an empty file latches
        path.write_bytes(b"")
    assert f"EMERGENCY STOP {stop}, pulled by" in cli.ok("reset", "--yes")
    assert not latched(daemon)


def test_reset_of_nothing_is_fine(cli: Cli) -> None:
    assert cli.ok("reset") == "No emergency stop is on.\n"


@pytest.mark.row("S04")
def test_an_agent_cannot_reset_although_it_needs_no_daemon_for_it(cli: Cli, daemon: Daemon) -> None:
    script = 'until [ -e go ]; do sleep 0.05; done; exec "$0" -m controlroom reset --yes'
    agent = cli.start("run", "--", "sh", "-c", script, sys.executable)
    eventually(lambda: states(cli), 20, "the agent runs")
    daemon.kill()
    latchfile.write_both(daemon.places, "stop1", "operator:ann", 1)
    (cli.cwd / "go").touch()
    _, said = agent.communicate(timeout=30)
    assert agent.returncode == 1 and "operator's alone" in said
    assert latched(daemon) == "stop1"
