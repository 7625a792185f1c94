"""The room's own terminal driver: textual's for Linux, but reading is ours.

Ours drops a terminal's answers that nobody asked for (D03), survives bytes that are not UTF-8 (one of them ends textual's),
ends when the terminal does instead of reading its end for ever, and draws again whatever a window lost that changed its size.
"""

import asyncio
import io
import os
import selectors
import signal
import termios
import time
from codecs import getincrementaldecoder
from contextlib import suppress
from typing import Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size

from controlroom.tui.reports import ESCAPE, Reports

WAIT = 0.1  # seconds between two looks while keys come: half of what the filter does not know is a key by then
STILL = 5.0  # seconds of silence after which only the next key wakes us, or the end
SOON = 0.02  # seconds, while half a sequence waits for its other half
POINTER = "\x1b]22;"  # textual sets the shape of the mouse pointer; a terminal that does not know it may print it


class RoomDriver(LinuxDriver):
    """Reads keys from the terminal in a thread of its own."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        if isinstance(self._file, io.TextIOWrapper):  # the escapes of another encoding move what stands beside them
            self._file.reconfigure(encoding="utf-8")
        self._end = -1  # readable when reading ends
        self._modes: list[Any] = []  # of the terminal while it is ours

    def start_application_mode(self) -> None:
        """Takes the terminal. Signals are met in the loop: in textual's handlers a change of size that comes while another
        is handled tells its size first, and the older one stays; a stop that comes while something is written waits for ever
        for who writes, which is itself.
        """
        self._end = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        super().start_application_mode()  # type: ignore[no-untyped-call]
        with suppress(termios.error):  # it is no terminal, or it is gone
            self._modes = termios.tcgetattr(self.fileno)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self._resized)
        loop.add_signal_handler(signal.SIGTSTP, self._sigtstp_application)
        loop.add_signal_handler(signal.SIGCONT, self._continued)

    def _continued(self) -> None:
        """Goes on after a stop. Textual starts a second time where the terminal was not given back: two threads read its keys
        then, the room does not end, and the shell gets the terminal in our modes.
        """
        if self._must_signal_resume:
            self.resume_application_mode()
        else:
            with suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._modes)  # whoever had it meanwhile had others
            self.write("\x1b[?1049h\x1b[?25l")
            self._enable_mouse_support()
            self._enable_bracketed_paste()
        self._resized()

    def _resized(self) -> None:
        """Tells the size; where it is what it was, the window was smaller in between and has lost what was cut off."""
        size = Size(*self._get_terminal_size())
        self._app.post_message(events.Resize(size, size))
        if self._app.screen_stack and size == self._app.screen.outer_size:
            self._app.screen.refresh()

    def disable_input(self) -> None:
        """Wakes the reading thread for its end, and waits for it."""
        os.eventfd_write(self._end, 1)
        super().disable_input()
        os.eventfd_read(self._end)

    def close(self) -> None:
        """Gives back what reading took."""
        super().close()
        os.close(self._end)

    def write(self, data: str) -> None:
        """To the terminal, without the shape of the pointer."""
        if not data.startswith(POINTER):
            super().write(data)

    def _query_in_band_window_resize(self) -> None:
        """Is not asked: the kernel says how large the terminal is; what comes in between the keys may be anybody's (D03)."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """Columns and rows of this terminal, whatever COLUMNS and LINES say: what is cut off there is not seen."""
        try:
            columns, rows = os.get_terminal_size(self.fileno)
        except OSError:
            columns = rows = 0
        return columns or 80, rows or 24

    def run_input_thread(self) -> None:
        """Until the room ends or its terminal is gone."""
        parser, reports = XTermParser(), Reports()
        heard = time.monotonic()
        decode = getincrementaldecoder("utf-8")("replace").decode
        with selectors.DefaultSelector() as selector:
            selector.register(self.fileno, selectors.EVENT_READ)
            selector.register(self._end, selectors.EVENT_READ)
            while not self.exit_event.is_set():
                before = time.monotonic()
                still = None if before - heard > STILL else WAIT
                ready = selector.select(SOON if reports.waiting else still)
                text = ""
                if any(key.fd == self.fileno for key, _ in ready):
                    heard = time.monotonic()
                    data = _read(self.fileno)
                    if data == b"":
                        return
                    text = reports.take(decode(data or b""))
                elif reports.late(before):  # not through the parser: it would wait for more, and what comes is past the filter
                    self.process_message(events.Key("escape", ESCAPE))
                if text:
                    for message in parser.feed(text):
                        self.process_message(message)
                for message in parser.tick():
                    self.process_message(message)


def _read(descriptor: int) -> bytes | None:
    """What was typed; b"" where the terminal is gone; None where somebody else of this terminal took it."""
    try:
        return os.read(descriptor, 4096)
    except BlockingIOError:
        return None
    except OSError:
        return b""
