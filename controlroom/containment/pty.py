"""Terminals: the operator's (raw mode, always given back), the agent's own pty, and the bytes between them."""

import fcntl
import os
import struct
import termios
import tty
from contextlib import suppress
from pathlib import Path
from typing import Protocol

SIZE = (40, 120)  # rows, columns of an agent that no terminal shows
_LOG_BYTES = 4 << 20  # a log is moved to `.1` when it reaches this, so at most twice as much is kept
_IFLAG, _OFLAG, _LFLAG = 0, 1, 3
_CC = 6


class Sink(Protocol):
    """Where an agent's terminal output goes."""

    def fileno(self) -> int | None:
        """What to poll before a write, None where a write never has to wait."""

    def write(self, data: bytes) -> int:
        """Take some of the data, possibly none; how many bytes were taken."""

    def close(self) -> None:
        """Give back what is held."""


class LogFile:
    """A bounded log: `path` and the one before it, `path.1`."""

    def __init__(self, path: str, limit: int = _LOG_BYTES) -> None:
        """Append to `path`, made with mode 0600. Raises OSError."""
        self._path, self._limit = path, limit
        self._descriptor = self._open()
        self._size = os.fstat(self._descriptor).st_size

    def _open(self) -> int:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._path, flags, 0o600)

    def fileno(self) -> int | None:
        """A file is always ready."""
        return None

    def write(self, data: bytes) -> int:
        """Take it all. Bytes that the disk does not take are lost: the agent's run does not depend on its log."""
        if self._size >= self._limit:
            with suppress(OSError):
                Path(self._path).replace(f"{self._path}.1")
                os.close(self._descriptor)
                self._descriptor, self._size = self._open(), 0
        with suppress(OSError):
            self._size += os.write(self._descriptor, data)
        return len(data)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class Screen:
    """The operator's terminal as a sink, through a description of its own so that the shell's flags stay as they are."""

    def __init__(self, descriptor: int) -> None:
        """Reopen the terminal behind `descriptor`; where its name cannot be opened, write to it as it is, little at a time."""
        self._chunk = 65536
        try:
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
            self._descriptor = os.open(os.ttyname(descriptor), flags)
        except OSError:
            self._descriptor, self._chunk = os.dup(descriptor), 256

    def fileno(self) -> int | None:
        """The terminal."""
        return self._descriptor

    def write(self, data: bytes) -> int:
        """Write what there is room for; a terminal that is gone swallows everything."""
        try:
            return os.write(self._descriptor, data[: self._chunk])
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def close(self) -> None:
        """Close our description of it."""
        os.close(self._descriptor)


class Operator:
    """The operator's terminal on descriptor 0, 1 or 2, its modes remembered and given back.

    Raw only when both input and output are the terminal: with one of them in a pipe, the shell's pipeline needs its Ctrl-C.
    """

    def __init__(self) -> None:
        self.ttys = tuple(os.isatty(descriptor) for descriptor in (0, 1, 2))
        self._tty = self.ttys.index(True) if any(self.ttys) else None
        self.raw = self.ttys[0] and self.ttys[1]
        self._before = None if self._tty is None else termios.tcgetattr(self._tty)
        self._changed = False

    @property
    def terminal(self) -> int | None:
        """A descriptor of the terminal, None without one."""
        return self._tty

    @property
    def output(self) -> int | None:
        """The descriptor that the agent's terminal output is shown on, None where neither 1 nor 2 is a terminal."""
        return next((descriptor for descriptor in (1, 2) if self.ttys[descriptor]), None)

    def foreground(self) -> bool:
        """Whether the shell gave the terminal to us: only then may we read it or change its modes."""
        with suppress(OSError):
            return self._tty is not None and os.tcgetpgrp(self._tty) == os.getpgrp()
        return False

    def enter(self) -> None:
        """Raw mode, if this is the foreground of a whole terminal."""
        if self.raw and self.foreground():
            with suppress(termios.error):
                tty.setraw(0, termios.TCSANOW)
                self._changed = True

    def restore(self) -> None:
        """The modes as they were; nothing if the terminal is gone or belongs to somebody else now."""
        if self._changed and self._before is not None and self._tty is not None and self.foreground():
            with suppress(termios.error):
                termios.tcsetattr(self._tty, termios.TCSANOW, self._before)
        self._changed = False

    def prepare(self, slave: int) -> None:
        """Give the agent's terminal the modes and size of ours. What is not raw here is echoed and translated here."""
        if self._before is None:
            set_size(slave, SIZE)
            return
        modes = list(self._before)
        if not self.raw:
            modes[_OFLAG] &= ~termios.OPOST
            modes[_LFLAG] &= ~termios.ECHO
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        set_size(slave, self.size())

    def size(self) -> tuple[int, int]:
        """Rows and columns of the terminal."""
        return SIZE if self._tty is None else get_size(self._tty)


def get_size(descriptor: int) -> tuple[int, int]:
    """Rows and columns, SIZE where the terminal is gone."""
    try:
        rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(descriptor, termios.TIOCGWINSZ, b"\0" * 8))
    except OSError:
        return SIZE
    return rows, columns


def set_size(descriptor: int, size: tuple[int, int]) -> None:
    """Set rows and columns; the kernel tells the foreground group (SIGWINCH)."""
    with suppress(OSError):
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", *size, 0, 0))


def end_of_input(slave: int) -> bytes:
    """What ends the input of a terminal in line mode: its end-of-file character."""
    code = termios.tcgetattr(slave)[_CC][termios.VEOF]
    return code if isinstance(code, bytes) else bytes([code])


class Bridge:
    """Bytes from the operator to the agent's pty and back, each way buffered within a bound: who is slow holds the other."""

    LIMIT = 65536  # bytes kept in each direction

    def __init__(self, master: int, sinks: list[Sink]) -> None:
        os.set_blocking(master, False)
        self.master = master
        self.screen = sinks[0]
        self._copies = sinks[1:]
        self._down = b""  # to the agent
        self._up = b""  # to the screen; the copies took it when it came
        self.ended = False

    @property
    def takes_input(self) -> bool:
        """Whether there is room for more keys."""
        return len(self._down) < self.LIMIT // 16

    @property
    def takes_output(self) -> bool:
        """Whether there is room for more of the agent's output."""
        return len(self._up) < self.LIMIT

    @property
    def has_input(self) -> bool:
        """Whether keys wait for the agent."""
        return self._down != b""

    @property
    def has_output(self) -> bool:
        """Whether output waits for the screen."""
        return self._up != b""

    def feed(self, data: bytes) -> None:
        """Put keys behind those that wait."""
        self._down += data

    def push(self) -> None:
        """Give the agent's terminal what it has room for."""
        try:
            self._down = self._down[os.write(self.master, self._down) :]
        except BlockingIOError:
            return
        except OSError:
            self._down = b""

    def receive(self) -> None:
        """Take what the agent wrote; `ended` once nobody has the other end open and all was read."""
        try:
            data = os.read(self.master, self.LIMIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = data == b""
        for sink in self._copies:
            sink.write(data)
        self._up += data

    def show(self) -> None:
        """Give the screen what it has room for."""
        self._up = self._up[self.screen.write(self._up) :]
