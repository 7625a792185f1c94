"""The room on a real terminal reads keys and nothing else (D03), and outlives bytes that are no text."""

import signal
import termios
from pathlib import Path

import pytest

from controlroom.tui import keys
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.seat import PATIENCE, live, sit
from tests.support.terminal import Terminal
from tests.support.waiting import eventually
from tests.tui.test_reports import REPORTS

HELP = keys.BY_ID["help"].help


def still_reads(seat: Terminal) -> None:
    """The room takes a key and shows it: `?` opens the help, escape leaves it."""
    seat.type("?")
    seat.shows(HELP, PATIENCE)
    seat.type("\x1b")
    seat.hides(HELP, PATIENCE)


def stands(seat: Terminal) -> bool:
    """Whether the room is stopped. What it says is read meanwhile: it writes all of it before it stops by itself."""
    seat.read(0)
    return ") T " in Path(f"/proc/{seat.pid}/stat").read_text()


@pytest.mark.row("D03")
def test_what_a_terminal_answers_unasked_does_nothing(daemon: Daemon) -> None:
    """Every answer holds letters that are keys: q would leave, d would deny, x would stop."""
    asker = daemon.ask(paths=(str(daemon.workspace / "file"),))
    daemon.pending()
    with sit(daemon.home) as seat:
        live(seat).shows("digest", PATIENCE)
        for report in [*REPORTS, "\x1b]52;c;cXF4WGREYUE=\x07", "\x1bP1$rqxXdDaA\x1b\\", "\x1b]lq d a\x1b\\"]:
            seat.type(report)
            seat.type(report[:-1])
            seat.type(report[-1:])
        still_reads(seat)
        assert daemon.call("pending"), "an answer of the terminal decided"
        assert seat.screen.foreign == []
    asker.hang_up()


@pytest.mark.row("D03")
def test_the_room_asks_a_terminal_one_question_and_no_more(daemon: Daemon) -> None:
    """What is asked about colours, clipboard or title could be answered by somebody who plants the answer."""
    with sit(daemon.home) as seat:
        still_reads(live(seat))
        assert seat.screen.foreign == []


def test_bytes_that_are_no_text_do_not_end_the_room(daemon: Daemon) -> None:
    with sit(daemon.home) as seat:
        live(seat).type(b"\xff\xfe\xc3(\xe2\x82\x80\xf5\x9f\x98")
        still_reads(seat)


def test_a_key_of_several_bytes_may_come_one_by_one(daemon: Daemon) -> None:
    with sit(daemon.home) as seat:
        live(seat)
        for byte in b"\x1b[92;5u":  # ctrl+\ of the kitty protocol
            seat.type(bytes([byte]))
        seat.shows("EMERGENCY STOP", PATIENCE)


def test_on_a_terminal_that_answers_nothing_the_room_works_all_the_same(daemon: Daemon) -> None:
    with sit(daemon.home) as seat:
        seat.answering = False
        still_reads(live(seat))


def test_the_size_is_that_of_the_terminal_and_not_of_the_environment(daemon: Daemon) -> None:
    with sit(daemon.home, columns=100, rows=30, COLUMNS="60", LINES="12") as seat:
        seat.until(lambda screen: screen.lines[0].endswith("STOP ctrl+\\") and "? help" in screen.lines[29], "whole", PATIENCE)
        seat.resize(90, 25)
        seat.until(lambda screen: "? help" in screen.lines[24], "whole at the new size", PATIENCE)


@pytest.mark.row("D03")
def test_a_size_that_is_told_between_the_keys_is_not_believed(daemon: Daemon) -> None:
    with sit(daemon.home) as seat:
        live(seat).type("\x1b[48;1;1;16;8t")
        still_reads(seat)
        assert "STOP ctrl+\\" in seat.screen.lines[0]


@pytest.mark.row("D03")
@pytest.mark.parametrize("cut", [2, 9])
def test_an_answer_in_two_halves_is_none_either(daemon: Daemon, cut: int) -> None:
    """A slow line lies between the halves, or a busy machine."""
    report = "\x1b[48;1;1;16;8t"
    with sit(daemon.home) as seat:
        live(seat).type(report[:cut])
        seat.quiet(0.2)
        seat.type(report[cut:])
        still_reads(seat)
        assert "STOP ctrl+\\" in seat.screen.lines[0]


@pytest.mark.row("D02")
def test_what_is_pasted_into_a_text_field_is_shown_as_text_or_not_at_all(daemon: Daemon) -> None:
    with sit(daemon.home) as seat:
        live(seat).type("/")
        seat.shows("Filter", PATIENCE)
        seat.paste("a\x01\x9b31mb\u202egpj\u200b\x07c")
        seat.shows("a31mbgpjc", PATIENCE)
        assert seat.screen.foreign == []


@pytest.mark.row("U08")
def test_a_window_that_was_small_for_a_moment_is_drawn_whole_again(daemon: Daemon) -> None:
    """The room sees one signal and the size that it knew; what the window cut off meanwhile is gone from it."""
    with sit(daemon.home) as seat:
        live(seat).shows("drill of the emergency stop", PATIENCE)  # the last that comes by itself
        seat.quiet()
        first, last = seat.screen.lines[0], seat.screen.lines[39]
        seat.signal(signal.SIGSTOP)
        eventually(lambda: ") T " in Path(f"/proc/{seat.pid}/stat").read_text(), PATIENCE, "the room stands still")
        seat.resize(3, 2)
        seat.resize(120, 40)
        assert "STOP" not in seat.screen.text
        seat.signal(signal.SIGCONT)
        seat.until(lambda screen: (screen.lines[0], screen.lines[39]) == (first, last), "as before", PATIENCE)
        assert "controlroom install claude-code" in seat.screen.text


@pytest.mark.parametrize("stop", [signal.SIGSTOP, signal.SIGTSTP])
def test_a_room_that_was_stopped_and_goes_on_reads_keys_once_and_gives_the_terminal_back(
    daemon: Daemon, stop: signal.Signals
) -> None:
    with sit(daemon.home) as seat:
        before = termios.tcgetattr(seat.lines)
        live(seat)
        for _ in range(2):
            seat.signal(stop)
            eventually(lambda: stands(seat), PATIENCE, "the room stands still")
            if stop is signal.SIGSTOP:
                termios.tcsetattr(seat.lines, termios.TCSANOW, before)  # as a shell does that comes to the front
            seat.signal(signal.SIGCONT)
            live(seat)
            still_reads(seat)
        seat.type("q")
        assert seat.ended(PATIENCE) == 0
        assert seat.screen.untouched
        assert termios.tcgetattr(seat.lines) == before


def test_the_room_ends_when_its_terminal_is_gone(daemon: Daemon, home: Home) -> None:
    with sit(home) as seat:
        live(seat).hang_up()
        assert seat.ended(PATIENCE) == 128 + 1
    assert daemon.call("status")["pid"] == daemon.process.pid
