"""How a room ends: by its key, by a signal, or because its terminal is gone. The terminal is left as it was found."""

import asyncio
import os
import select
import signal
import threading
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGHUP, signal.SIGTERM)
GRACE = 2.0  # seconds for a good end; a terminal that takes no more output holds the room no longer


class Life:
    """Watches over one room. `end` is called in its loop with the exit code (128 + signal)."""

    def __init__(self, end: Callable[[int], object]) -> None:
        self._end = end
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Takes the signals; call it in the main thread, in the loop. HUP is never ignored, whoever started us."""
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._signalled)

    def _signalled(self, number: int, frame: FrameType | None) -> None:
        """Runs between two steps of the main thread, also while it waits for a terminal that does not read."""
        code = 128 + number
        last = threading.Timer(GRACE, os._exit, (code,))
        last.daemon = True
        last.start()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._end, code)

    def look(self) -> None:
        """Ends the room when its terminal hung up and nobody told us (HUP ignored or lost)."""
        if hung_up(0):
            self._signalled(signal.SIGHUP, None)


def hung_up(descriptor: int) -> bool:
    """Whether the terminal at this descriptor is gone."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    try:
        found = poll.poll(0)
    except OSError:
        return False
    return any(flags & (select.POLLHUP | select.POLLNVAL) for _, flags in found)
