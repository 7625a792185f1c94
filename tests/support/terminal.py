"""A program on a terminal of its own: a pty of a given size, an emulated screen on its far side, a person's hands.

Nothing sleeps for a fixed time but `quiet`, which is about silence. What was read is kept whole in `output`.
"""

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from tests.support.emulator import Screen

# The pty becomes the controlling terminal of the program; nothing is forked inside this (threaded) process.
_TAKE_TERMINAL = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"


class Terminal:
    """A running program and the terminal it is on."""

    def __init__(self, process: "subprocess.Popen[bytes]", master: int, screen: Screen) -> None:
        self.process = process
        self.screen = screen
        self.output = b""
        self.heard = 0.0  # when the last of it came (time.perf_counter): before it was drawn on `screen`
        self.answering = True  # whether the terminal answers what the program asks it
        self._master = master

    @property
    def pid(self) -> int:
        """The program's process id."""
        return self.process.pid

    @property
    def lines(self) -> int:
        """The descriptor of its line, for its modes."""
        return self._master

    # Hands

    def type(self, keys: str | bytes) -> None:
        """Press these keys, as fast as a pipe: one write. The program may have ended: then nobody reads them."""
        os.write(self._master, keys.encode() if isinstance(keys, str) else keys)

    def paste(self, text: str) -> None:
        """Paste, with brackets where the program asked for them, as a terminal does."""
        bracketed = 2004 in self.screen.modes
        self.type(f"\x1b[200~{text}\x1b[201~" if bracketed else text)

    def resize(self, columns: int, rows: int) -> None:
        """Change the window; the program gets SIGWINCH."""
        self.screen.resize(columns, rows)
        _set_size(self._master, columns, rows)

    def hang_up(self) -> None:
        """Close the window: the program gets SIGHUP."""
        os.close(self._master)
        self._master = -1

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program."""
        self.process.send_signal(number)

    # Eyes

    def read(self, seconds: float) -> bytes:
        """What the program wrote until it said something, or until `seconds` passed, or it ended (b"")."""
        if self._master < 0 or not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return b""
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: the last process on the terminal is gone
            return b""
        self.heard = time.perf_counter()
        self.output += data
        self.screen.feed(data)
        answers = self.screen.replies()
        if answers and self.answering:
            self.type(answers)
        return data

    def until(self, look: Callable[[Screen], object], what: str, seconds: float = 10.0) -> None:
        """Read until `look` says so of a whole frame, as a person sees it. Raises AssertionError with `what` and the screen."""
        end = time.monotonic() + seconds

        def seen() -> object:
            return self.screen.whole and look(self.screen)

        while not seen():
            left = end - time.monotonic()
            over = left <= 0 or (not self.read(min(left, 0.1)) and self.process.poll() is not None and not self.read(0))
            assert not over or seen(), f"never {what}; exit {self.process.poll()}; on screen:\n{self.screen.text}"

    def shows(self, text: str, seconds: float = 10.0) -> None:
        """Read until this text is on screen."""
        self.until(lambda screen: text in screen.text, f"{text!r} on screen", seconds)

    def hides(self, text: str, seconds: float = 10.0) -> None:
        """Read until this text is no longer on screen."""
        self.until(lambda screen: text not in screen.text, f"without {text!r} on screen", seconds)

    def quiet(self, seconds: float = 0.3, within: float = 10.0) -> None:
        """Read until the program has said nothing for so long."""
        end = time.monotonic() + within
        while self.read(seconds):
            assert time.monotonic() < end, f"the program never fell silent; on screen:\n{self.screen.text}"

    def ended(self, seconds: float = 10.0) -> int:
        """Read until the program has ended; its exit code, negative for a signal."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, f"the program never ended; on screen:\n{self.screen.text}"
            if not self.read(0.05):
                time.sleep(0.01)
        while self.read(0.05):
            pass
        code = self.process.poll()
        assert code is not None
        return code


@contextmanager
def run(argv: Sequence[str], *, columns: int, rows: int, env: Mapping[str, str], cwd: str = "/") -> Iterator[Terminal]:
    """Run a program on a new terminal of this size. `env` is all it gets, with TERM. It is killed at the end."""
    master, slave = os.openpty()
    _set_size(master, columns, rows)
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *argv],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={"TERM": "xterm-256color", "LANG": "C.UTF-8", **env},
        cwd=cwd,
    )
    os.close(slave)
    terminal = Terminal(process, master, Screen(columns, rows))
    try:
        yield terminal
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        if terminal._master >= 0:
            terminal.hang_up()


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
