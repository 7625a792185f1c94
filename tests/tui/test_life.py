"""The life of a room with real processes on a real terminal: how it begins, what it survives, how it ends (S05, S06, D16)."""

import fcntl
import os
import signal
import subprocess
import termios
import time
from pathlib import Path

import pytest

from controlroom.model.clock import SECOND
from controlroom.tui import bell, memory
from controlroom.tui.reach import badge
from tests.support import daemon as daemons
from tests.support import terminal
from tests.support.daemon import Asker, Daemon
from tests.support.home import Home
from tests.support.panes import PACE
from tests.support.seat import CONTROLROOM, PATIENCE, live, sit
from tests.support.terminal import Terminal
from tests.support.waiting import eventually

PTY_BYTES = 70_000  # more than a terminal takes while nobody reads: the kernel's 64 KiB and 4 KiB


def asked(daemon: Daemon) -> Asker:
    """A T2 that waits: a file in the workspace, to be deleted."""
    file = daemon.workspace / "old.txt"
    file.write_text("x", encoding="utf-8")
    asker = daemon.ask(paths=(str(file),))
    daemon.pending()
    return asker


def armed(seat: Terminal) -> Terminal:
    """Waits until the focused request can be allowed."""
    seat.shows("allow once", PATIENCE)
    return seat


# It begins


@pytest.mark.row("E1", "E2", "E3")
def test_one_key_on_a_terminal_of_one_cell_stops_what_runs(daemon: Daemon) -> None:
    beat = daemon.home.path / "beat"
    words = [
        "run",
        "--detach",
        "--workspace",
        str(daemon.workspace),
        "--",
        "sh",
        "-c",
        'while :; do date +%N > "$0"; done',
        str(beat),
    ]
    subprocess.run([CONTROLROOM, *words], env=daemon.home.env, check=True, capture_output=True, timeout=60)
    eventually(beat.exists, 20, "it works")
    with sit(daemon.home, columns=1, rows=1) as seat:
        seat.until(lambda screen: not screen.untouched, "the room", PATIENCE)
        seat.quiet(0.5, PATIENCE)
        seat.type("\x1c")
        eventually(lambda: daemon.call("status")["latched"], PATIENCE, "the stop is latched")
        eventually(lambda: daemon.call("agents")[0]["state"] != "stopping", PATIENCE, "it is held")
    try:
        before = beat.stat().st_mtime_ns
        time.sleep(0.5)  # the silence window of a heart that beats as fast as it can
        assert beat.stat().st_mtime_ns == before
        assert daemon.call("agents")[0]["state"] in ("paused", "stopped")
    finally:
        daemon.call("kill", name="all")


def test_it_starts_the_daemon_where_none_runs_and_leaves_it_running(home: Home) -> None:
    with sit(home) as seat:
        live(seat).type("q")
        assert seat.ended(PATIENCE) == 0
        assert seat.screen.untouched
    controlroom = [CONTROLROOM, "daemon"]
    try:
        status = subprocess.run([*controlroom, "status"], env=home.env, capture_output=True, text=True, timeout=30, check=False)
        assert status.returncode == 0, status.stderr
    finally:
        subprocess.run([*controlroom, "stop"], env=home.env, capture_output=True, timeout=30, check=False)


@pytest.mark.row("U01")
def test_what_was_typed_before_the_room_was_there_answers_nothing(daemon: Daemon) -> None:
    asker = asked(daemon)
    with sit(daemon.home) as seat:
        seat.type("aAaAa")
        armed(seat)
        assert len(daemon.call("pending")) == 1
        seat.type("a")
        assert asker.answer(PATIENCE)[0] == "allow"


def test_it_tells_what_happened_while_nobody_looked(daemon: Daemon) -> None:
    asker = asked(daemon)
    [row] = daemon.call("pending")
    daemon.call("deny", id=row["id"], reason="no")
    assert asker.answer()[0] == "deny"
    memory.save(daemon.places, memory.Memory(time.time_ns() - 7200 * SECOND))
    with sit(daemon.home) as seat:
        seat.shows("While you were away (2h): 1 denied (operator 1)", PATIENCE)


@pytest.mark.row("U13")
def test_who_else_can_press_keys_here_is_said(daemon: Daemon) -> None:
    with sit(daemon.home, TMUX="/tmp/tmux-0/default,1,0") as seat:
        seat.shows("answers here are ADVISORY: keys can be typed for you by tmux", PATIENCE)


@pytest.mark.row("U13")
@pytest.mark.skipif(not badge({}), reason="sysctl dev.tty.legacy_tiocsti is not 1: nobody can push keys")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root pushes keys into a terminal that is not its own")
def test_a_process_that_pushes_keys_into_this_terminal_is_warned_of_and_two_at_once_answer_nothing(daemon: Daemon) -> None:
    asker = asked(daemon)
    with sit(daemon.home) as seat, Path(f"/proc/{seat.pid}/fd/0").open("rb") as terminal:
        armed(seat).shows("keys can be typed for you by TIOCSTI")
        # The room stands still meanwhile: else it may be our turn to wait between the two, and they are no longer two at once.
        seat.signal(signal.SIGSTOP)
        eventually(lambda: ") T " in Path(f"/proc/{seat.pid}/stat").read_text(), PATIENCE, "the room stands still")
        for key in (b"n", b"a"):
            fcntl.ioctl(terminal, termios.TIOCSTI, key)
        seat.signal(signal.SIGCONT)
        seat.shows("keys came faster than a person types", PATIENCE)
        assert len(daemon.call("pending")) == 1
        armed(seat)
        time.sleep(PACE)  # one key by itself, as a person presses it
        fcntl.ioctl(terminal, termios.TIOCSTI, b"a")
        assert asker.answer(PATIENCE)[0] == "allow"


def test_over_ssh_the_mouse_stays_with_the_terminal_and_colours_are_short(daemon: Daemon) -> None:
    with sit(daemon.home, SSH_CONNECTION="10.0.0.1 1 10.0.0.2 22") as seat:
        live(seat).shows("STOP")
        assert not seat.screen.modes & {1000, 1002, 1003, 1006}
        assert seat.screen.look_of("STOP").ink.startswith("38;5;")
    with sit(daemon.home) as seat:
        live(seat).shows("STOP")
        assert 1000 in seat.screen.modes
        assert seat.screen.look_of("STOP").ink.startswith("38;2;")


def test_a_terminal_that_cannot_be_drawn_on_is_told_what_to_use(home: Home) -> None:
    with sit(home, TERM="dumb") as seat:
        seat.shows("TERM=dumb")
        assert seat.ended(PATIENCE) == 2
        assert seat.screen.untouched


def test_a_locale_that_lacks_our_signs_does_not_move_what_is_drawn(daemon: Daemon) -> None:
    asked(daemon)
    with sit(daemon.home, PYTHONIOENCODING="ascii") as seat:
        armed(live(seat))
        assert "STOP ctrl+\\" in seat.screen.text.splitlines()[0]
        assert "\\u" not in seat.screen.text


def test_a_new_request_rings_once_for_many(daemon: Daemon) -> None:
    with sit(daemon.home) as seat:
        assert live(seat).screen.bells == 0
        begun = time.monotonic()
        asked(daemon)
        armed(seat)
        assert seat.screen.bells == 1
        for number in range(3):
            daemon.ask(paths=(str(daemon.workspace / f"new-{number}"),))
        daemon.pending(4)
        seat.shows("4 pending", PATIENCE)
        assert seat.screen.bells <= 1 + (time.monotonic() - begun) // bell.QUIET


# It goes on


@pytest.mark.row("S06")
def test_it_finds_a_daemon_that_was_restarted_and_arms_everything_anew(daemon: Daemon) -> None:
    asked(daemon)
    with sit(daemon.home) as seat:
        armed(seat)
        daemon.kill()
        seat.shows("no daemon", PATIENCE)
        seat.type("a")  # to nobody
        again = daemons.start(daemon.home)
        try:
            live(seat)
            assert again.call("pending") == []  # the asker's connection died with the daemon: denied, and gone
            other = asked(again)
            armed(seat).type("d")
            assert other.answer(PATIENCE)[0] == "deny"
        finally:
            daemons.stop(again)


@pytest.mark.row("S05")
def test_a_terminal_that_reads_nothing_holds_neither_daemon_nor_deadlines(home: Home) -> None:
    (home.path / "config").mkdir(mode=0o700)
    (home.path / "config" / "config.toml").write_text("[hold]\nseconds = 3\n", encoding="utf-8")
    daemon = daemons.start(home)
    try:
        with sit(home) as seat:
            armed_late = asked(daemon)
            read = len(live(seat).output)
            for call in range(40):  # much to draw, and nobody reads it
                seat.resize(120 - call % 2, 40)
                assert daemon.bash(f"echo {call}", call=f"toolu_{call}").answer(PATIENCE)[0] != ""
            assert armed_late.answer(PATIENCE)[0] == "deny"
            assert daemon.call("pending") == []
            seat.shows("echo 39", PATIENCE)
            assert len(seat.output) - read > PTY_BYTES, "the room had to wait for its terminal"
            seat.type("q")
            assert seat.ended(PATIENCE) == 0
    finally:
        daemons.stop(daemon)


# It ends


@pytest.mark.row("S05", "D16")
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it_the_terminal_is_whole_and_the_request_waits(daemon: Daemon, number: signal.Signals) -> None:
    asker = asked(daemon)
    with sit(daemon.home) as seat:
        armed(seat).signal(number)
        assert seat.ended(PATIENCE) == 128 + number
        assert seat.screen.untouched
    assert len(daemon.call("pending")) == 1
    asker.hang_up()


@pytest.mark.row("S05")
def test_a_closed_window_leaves_the_request_waiting(daemon: Daemon) -> None:
    asker = asked(daemon)
    with sit(daemon.home) as seat:
        armed(seat).hang_up()
        seat.ended(PATIENCE)
    assert len(daemon.call("pending")) == 1
    asker.hang_up()


@pytest.mark.row("S05")
def test_a_signal_ends_it_also_while_its_terminal_reads_nothing(daemon: Daemon) -> None:
    with sit(daemon.home, columns=200, rows=60) as seat:
        live(seat)
        for call in range(40):
            daemon.bash(f"echo {call}", call=f"toolu_{call}").answer(PATIENCE)
        seat.signal(signal.SIGTERM)
        eventually(lambda: seat.process.poll() is not None, PATIENCE, "the room has ended")


@pytest.mark.row("D16")
def test_after_kill_9_the_terminal_is_repaired_by_a_command(daemon: Daemon) -> None:
    into, repair = daemon.workspace, f"{CONTROLROOM} --reset-terminal"
    script = f"stty -a > {into}/before; {CONTROLROOM}; {repair}; stty -a > {into}/after"
    env = {**daemon.home.env, "TERM": "xterm-256color"}
    with terminal.run(["sh", "-c", script], columns=120, rows=40, env=env) as seat:
        live(seat)
        [room] = [pid for pid, line in daemon.home.processes().items() if line.endswith("bin/controlroom")]
        os.kill(room, signal.SIGKILL)
        assert seat.ended(PATIENCE) == 0
        assert seat.screen.untouched
    before, after = ((into / name).read_text(encoding="utf-8").split() for name in ("before", "after"))
    for word in ("icanon", "echo", "isig", "icrnl"):
        assert word in before
        assert word in after
