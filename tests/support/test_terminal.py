"""A program on an emulated terminal: it has a real tty of the size it was given, and its end is seen."""

import signal
import sys

import pytest

from tests.support import terminal

ENV = {"PYTHONUNBUFFERED": "1"}


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_the_program_has_a_terminal_of_the_size_it_was_given() -> None:
    code = "import os, sys; print(os.get_terminal_size(), os.isatty(0), os.tcgetpgrp(0) == os.getpgrp())"
    with terminal.run(python(code), columns=77, rows=11, env=ENV) as program:
        program.shows("columns=77, lines=11")
        program.shows("True True")
        assert program.ended() == 0


def test_it_gets_the_keys_and_the_new_size() -> None:
    code = """
import os, signal, tty
tty.setraw(0)
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, b"%d %d " % tuple(os.get_terminal_size())))
os.write(1, b"ready ")
while (key := os.read(0, 9)) != b"q":
    os.write(1, key.hex().encode())
"""
    with terminal.run(python(code), columns=40, rows=5, env=ENV) as program:
        program.shows("ready")
        program.type("aé")
        program.shows("61c3a9")
        program.resize(30, 4)
        program.shows("30 4")
        program.type("q")
        assert program.ended() == 0


def test_a_paste_is_bracketed_where_the_program_asked_for_it() -> None:
    code = """
import os, tty
tty.setraw(0)
os.write(1, b"ready")
os.write(1, b"\x1b[?2004h%d" % len(os.read(0, 99)))
os.write(1, b" %d" % len(os.read(0, 99)))
"""
    with terminal.run(python(code), columns=40, rows=5, env=ENV) as program:
        program.shows("ready")
        program.paste("abc")
        program.shows("ready3")
        program.paste("abc")
        program.shows("ready3 15")


def test_the_terminal_answers_what_it_is_asked_until_told_not_to() -> None:
    code = """
import os, select, tty
tty.setraw(0)
os.write(1, b"\x1b[?2026$p")
os.write(1, os.read(0, 99)[3:] + b" more")
os.read(0, 1)
os.write(1, b"\x1b[?2026$p")
os.write(1, b" %d" % len(select.select([0], [], [], 0.2)[0]))
"""
    with terminal.run(python(code), columns=40, rows=5, env=ENV) as program:
        program.shows("2026;2$y more")
        program.answering = False
        program.type("x")
        program.shows("more 0")


def test_a_frame_is_seen_only_when_it_is_whole() -> None:
    code = """
import os, tty
tty.setraw(0)
os.write(1, b"\x1b[?2026hhalf ")
os.read(0, 1)
os.write(1, b"of it\x1b[?2026l")
os.read(0, 1)
"""
    with terminal.run(python(code), columns=40, rows=5, env=ENV) as program:
        with pytest.raises(AssertionError, match="never 'half' on screen"):
            program.shows("half", 0.5)
        assert "half" in program.screen.text
        program.type("x")
        program.shows("half of it")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_end_by_a_signal_is_seen(number: signal.Signals) -> None:
    with terminal.run(python("import time; print('up'); time.sleep(60)"), columns=40, rows=5, env=ENV) as program:
        program.shows("up")
        program.signal(number)
        assert program.ended() == -number


def test_a_closed_window_hangs_it_up() -> None:
    with terminal.run(python("import time; print('up'); time.sleep(60)"), columns=40, rows=5, env=ENV) as program:
        program.shows("up")
        program.hang_up()
        assert program.ended() == -signal.SIGHUP


def test_what_never_comes_fails_with_the_screen_and_the_exit_code() -> None:
    said = pytest.raises(AssertionError, match=r"(?s)never 'that' on screen; exit 3; .*this instead")
    with terminal.run(python("print('this instead'); raise SystemExit(3)"), columns=40, rows=5, env=ENV) as program, said:
        program.shows("that", 5)


def test_silence_is_waited_for() -> None:
    code = "import time\nfor n in range(5): print(n); time.sleep(0.05)\ntime.sleep(60)"
    with terminal.run(python(code), columns=40, rows=9, env=ENV) as program:
        program.quiet(0.4)
        assert "4" in program.screen.text
