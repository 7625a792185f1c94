"""`controlroom run` in a terminal: the agent has it as if nothing were between, and it is given back whatever happens."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.containment import hold, processes
from controlroom.containment.rungs import Probe
from tests.support.hostile import Grove, Held, hold_session
from tests.support.hostile.terminal import Terminal, open_terminal
from tests.support.waiting import eventually

ROOT = str(Path(__file__).parents[2])
SHELL = ("bash", "--norc", "--noprofile", "--noediting", "-i")
INNER = {"PATH": os.environ["PATH"], "PS1": "inner$ ", "TERM": "dumb", "HISTFILE": ""}


@pytest.fixture
def held(probe: Probe) -> Iterator[Held]:
    """A session whose agent is an interactive shell."""
    with hold_session(probe, SHELL, env=INNER) as session:
        yield session


@pytest.fixture
def terminal(held: Held) -> Iterator[Terminal]:
    """The operator's terminal, the session running in it."""
    with open_terminal(ROOT) as opened:
        opened.run(held.argv("attached"))
        opened.expect("inner$ ")
        yield opened


def _stat(pid: int) -> processes.Stat:
    found = processes.read_stat(pid)
    assert found is not None
    return found


def _root(held: Held) -> int:
    root = held.handle().root
    assert root is not None
    return root.pid


def _shim(held: Held) -> int:
    shim = held.handle().shim
    assert shim is not None
    return shim.pid


def _in_front(held: Held) -> list[processes.Stat]:
    """The foreground job of the agent's shell."""
    front = _stat(_root(held)).foreground
    return [stat for stat in hold.members(held.handle()) if stat.group == front and stat.pid != _root(held)]


def test_the_agent_has_a_terminal_of_its_own_with_our_size(terminal: Terminal, held: Held) -> None:
    terminal.type("stty size; tty; exit 5\n")
    assert "30 90" in terminal.expect("/dev/pts/")
    terminal.expect("outer$ ")
    terminal.type("echo status $?\n")
    terminal.expect("status 5")
    assert held.nothing_left()


def test_a_new_window_size_reaches_the_agent(probe: Probe) -> None:
    code = (
        "import os,signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH]); print('ready', flush=True)\n"
        "signal.sigwait([signal.SIGWINCH]); print('changed', *os.get_terminal_size())"
    )
    with hold_session(probe, (sys.executable, "-I", "-S", "-c", code)) as held, open_terminal(ROOT) as terminal:
        terminal.run(held.argv("attached"))
        terminal.expect("ready")
        terminal.resize(44, 132)
        terminal.expect("changed 132 44")


def test_the_operators_modes_are_given_back(terminal: Terminal) -> None:
    terminal.type("exit\n")
    terminal.expect("outer$ ")
    terminal.type("stty -a\n")
    settings = terminal.expect("echoke")
    assert " icanon" in settings
    assert " echo " in settings
    assert "-opost" not in settings


def test_ctrl_c_and_ctrl_z_belong_to_the_agents_jobs(terminal: Terminal, held: Held) -> None:
    terminal.type("sleep 50\n")
    eventually(lambda: "sleep" in [stat.name for stat in _in_front(held)], 20, "sleep is in front")
    terminal.type("\x1a")
    terminal.expect("Stopped")
    terminal.type("fg\n")
    terminal.expect("sleep 50")
    eventually(lambda: [stat.state for stat in _in_front(held)] == ["S"], 20, "sleep is in front")
    terminal.type("\x03")
    terminal.expect("inner$ ")
    terminal.type("echo rest $((6*7))\n")
    terminal.expect("rest 42")


@pytest.mark.row("K14")
def test_pause_and_resume_leave_the_foreground_job_in_front(terminal: Terminal, held: Held) -> None:
    terminal.type("cat\n")
    eventually(lambda: _stat(_root(held)).foreground != _root(held), 20, "cat is in front")
    job = _stat(_root(held)).foreground

    hold.freeze(held.handle())
    terminal.type("typed while paused\n")
    assert _stat(_root(held)).foreground == job
    hold.thaw(held.handle())

    terminal.expect("typed while paused")  # its echo
    terminal.expect("typed while paused")  # cat's answer
    assert _stat(_root(held)).foreground == job
    terminal.type("\x04")
    assert "Stopped" not in terminal.expect("inner$ ")


def test_the_operators_shell_can_suspend_and_continue_the_shim(terminal: Terminal, held: Held) -> None:
    os.kill(_shim(held), signal.SIGTSTP)
    terminal.expect("Stopped")
    terminal.expect("outer$ ")
    terminal.type("stty -a\n")
    assert " icanon" in terminal.expect("echoke")
    terminal.type("fg\n")
    terminal.expect("attached")
    terminal.type("echo again $((6*7))\n")
    terminal.expect("again 42")


def test_an_agent_that_stops_itself_gives_its_terminal_to_the_operators_shell(cgroup_probe: Probe) -> None:
    with hold_session(cgroup_probe, SHELL, env=INNER) as held, open_terminal(ROOT) as terminal:
        terminal.run(held.argv("attached"))
        terminal.expect("inner$ ")
        terminal.type("kill -STOP $$\n")
        terminal.expect("Stopped")
        terminal.expect("outer$ ")
        terminal.type("fg\n")
        terminal.expect("attached")
        terminal.type("echo again $((6*7))\n")
        terminal.expect("again 42")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_given_back_when_the_shim_is_told_to_end(
    terminal: Terminal, held: Held, number: signal.Signals
) -> None:
    os.kill(_shim(held), number)

    terminal.expect("outer$ ")
    terminal.type("stty -a\n")
    assert " icanon" in terminal.expect("echoke")
    assert held.ended().status == 128 + signal.SIGHUP
    assert held.nothing_left()


def test_a_closed_window_ends_the_session(terminal: Terminal, held: Held) -> None:
    terminal.hang_up()

    assert held.ended().status == 128 + signal.SIGHUP
    assert held.nothing_left()


def test_a_lot_of_output_arrives_whole_and_in_order(terminal: Terminal) -> None:
    terminal.type("seq 1 60000; echo the-$((1))-end\n")
    lines = terminal.expect("the-1-end", 30).replace("\r\n", "\n").split("\n")

    assert [line for line in lines if line.isdigit()] == [str(number) for number in range(1, 60001)]


def test_the_last_words_of_the_agent_are_shown(probe: Probe) -> None:
    with hold_session(probe, ("seq", "1", "20000")) as held, open_terminal(ROOT) as terminal:
        terminal.run(held.argv("attached"))
        terminal.expect("\n20000\r\n", 20)
        terminal.expect("outer$ ")


def test_a_pipe_keeps_the_modes_of_the_terminal(probe: Probe) -> None:
    command = ("sh", "-c", "read line; echo got $line; test -t 0 && test -t 1 || echo piped")
    with hold_session(probe, command) as held, open_terminal(ROOT) as terminal:
        terminal.type("echo word | ")
        terminal.run(held.argv("attached"))
        terminal.expect("got word")
        terminal.expect("piped")
        terminal.expect("outer$ ")


def test_typed_lines_reach_an_agent_whose_output_is_a_pipe(probe: Probe) -> None:
    with hold_session(probe, ("cat",)) as held, open_terminal(ROOT) as terminal:
        argv = held.argv("attached")
        terminal.type(" ".join(argv) + " | tr a-z A-Z\n")
        held.handle()
        terminal.type("shout\n\x04")
        terminal.expect("SHOUT")
        terminal.expect("outer$ ")


def test_an_agent_that_closes_its_terminal_goes_on(probe: Probe, grove: Grove) -> None:
    code = "import os,sys; [os.close(n) for n in (0, 1, 2)]; os.execv(sys.argv[1], sys.argv[1:])"
    command = (grove.command("plain")[0], "-I", "-S", "-c", code, *grove.command("plain"))
    with hold_session(probe, command) as held, open_terminal(ROOT) as terminal:
        terminal.run(held.argv("attached"))
        grove.wait_for(1)
        before = _busy(_shim(held))
        grove.wait_heard(1)
        assert _busy(_shim(held)) - before < 0.1
        hold.kill(held.handle())
        terminal.expect("outer$ ")


def _busy(pid: int) -> float:
    """Seconds of CPU that it used in its own code and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
