"""Signals as bytes on a descriptor, so that one poll waits for them and for everything else."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = ("SIGCHLD", "SIGWINCH", "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT", "SIGTSTP", "SIGCONT")


@contextmanager
def signals() -> Iterator[int]:
    """A descriptor that the numbers of arriving signals can be read from, as bytes."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = {name: signal.signal(getattr(signal, name), ignore) for name in _SIGNALS}
    wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(wakeup)
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)
        os.close(reader)
        os.close(writer)


def ignore(_number: int, _frame: object) -> None:
    """A handler that leaves all to the wake-up descriptor (a caught signal is plain again after exec, an ignored is not)."""
