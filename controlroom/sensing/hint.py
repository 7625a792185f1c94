"""Waits until something changes in some folders. Only a hint: events are lost in silence (kernel.md 4).

So whoever waits looks at everything again, whatever comes. Where the kernel gives no watch, the time just passes (R12).
"""

import os
import threading
from collections.abc import Iterator

from watchfiles import watch

DEBOUNCE_MS = 50
STEP_MS = 5


class Hint:
    """`why`: why there is no watch, "" while there is one (or nothing to watch)."""

    def __init__(self) -> None:
        self.why = ""
        self._folders: tuple[str, ...] = ()
        self._changes: Iterator[object] = iter(())
        self._over = threading.Event()

    def wait(self, folders: frozenset[str], seconds: float) -> None:
        """Until something changes in one of the folders, at most so long. Blocking; for one thread at a time."""
        wanted = tuple(sorted(folder for folder in folders if os.path.isdir(folder)))
        if wanted != self._folders:
            self._folders, self.why = wanted, ""
            self._changes = self._watch(wanted, seconds)
        if not wanted:
            self.why = ""
        if not wanted or self.why:
            self._over.wait(seconds)
            return
        try:
            next(self._changes, None)
        except (OSError, RuntimeError) as error:  # the limit of watches; a folder that went away just now
            self.why = f"the kernel gives no watch: {error}"

    def _watch(self, folders: tuple[str, ...], seconds: float) -> Iterator[object]:
        return watch(
            *folders,
            watch_filter=None,  # the default one hides .git and node_modules
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            stop_event=self._over,
            rust_timeout=round(seconds * 1000),
            yield_on_timeout=True,
            recursive=False,
            raise_interrupt=False,
            ignore_permission_denied=True,
        )

    def rest(self) -> None:
        """Take the watch away while somebody looks all the time anyway: it would only cost."""
        self._folders, self._changes = (), iter(())

    def close(self) -> None:
        """Nobody waits any more."""
        self._over.set()
