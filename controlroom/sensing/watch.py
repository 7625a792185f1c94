"""A folder of agents' work as it changes, followed in a thread (R12).

What the kernel tells is a hint (its queue overflows in silence, and folders that are made in a burst are missed: measured in
kernel.md 4); what is told further is what a look at the disk found. Where the kernel cannot watch, the disk is looked at
every second.
"""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from watchfiles import Change as Hint
from watchfiles import watch

from controlroom.sensing.changes import Change, Index, TooLarge, What

WINDOW = 60.0  # seconds over which files are counted
QUIET_MS = 500  # without news: then new folders are looked at again
BATCH_MS = 100  # at most, of changes told together
STEP_MS = 50
TOGETHER = 0.25  # seconds in which what vanished and what appeared may be one rename
MANY = 8_000  # hints of one batch from which on some may be missing
POLL_SECONDS = 1.0
POLL_SHARE = 20  # between two looks at least so many times what the last one took
AGAIN_SECONDS = 30.0  # between two looks at everything while something changes
NAMES: dict[Hint, What] = {Hint.added: "created", Hint.modified: "written", Hint.deleted: "deleted"}


class Hints(Protocol):
    """What tells of changes: `watchfiles.watch`. Raises OSError, RuntimeError where it cannot (any more)."""

    def __call__(self, folder: str, stop: threading.Event, /) -> Iterable[set[tuple[Hint, str]]]: ...


def _kernel(folder: str, stop: threading.Event) -> Iterable[set[tuple[Hint, str]]]:
    return watch(
        folder,
        watch_filter=None,  # the default one hides .git and node_modules
        debounce=BATCH_MS,
        step=STEP_MS,
        stop_event=stop,
        rust_timeout=QUIET_MS,
        yield_on_timeout=True,
        raise_interrupt=False,
        ignore_permission_denied=True,
    )


class Batch(NamedTuple):
    """Changes told together. `gone`: files that vanished less those that appeared; `written`: those that changed."""

    at: float
    gone: int
    written: int


class Watch:
    """Follows one folder in a thread until `close`. `told` gets what changed, in that thread.

    `why`: why nothing is known of the folder, "" while it is followed. `polled`: why the disk is looked at every second
    instead, "" while the kernel tells.
    """

    def __init__(
        self,
        folder: str,
        told: Callable[[list[Change]], object] = lambda changes: None,
        clock: Callable[[], float] = time.monotonic,
        hints: Hints = _kernel,
    ) -> None:
        self.why = "not looked at yet"
        self.polled = ""
        self.top = os.path.realpath(folder)
        self._told = told
        self._clock = clock
        self._hints = hints
        self._index = Index(folder)
        self._batches: deque[Batch] = deque()  # of the last minute; only our thread changes it
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def deletes(self) -> int | None:
        """Files that vanished in the last minute, less those that appeared with them (a rename is both); None = not known."""
        return None if self.why else sum(max(0, batch.gone) for batch in self._recent())

    def writes(self) -> int | None:
        """Files that appeared in the last minute, less those that vanished with them, and files that changed, each time that it
        was seen (`BATCH_MS`); None = not known.
        """
        return None if self.why else sum(max(0, -batch.gone) + batch.written for batch in self._recent())

    def _recent(self) -> list[Batch]:
        since = self._clock() - WINDOW
        return [batch for batch in tuple(self._batches) if batch.at >= since]

    def close(self) -> None:
        """Stop following, within about a second."""
        self._end.set()

    def _run(self) -> None:
        try:
            self._index.whole()  # what is there now is not news
            self._index.fresh.clear()
            self.why = ""
            try:
                self._follow()
            except (OSError, RuntimeError) as error:  # the kernel's limit of watches
                self.polled = str(error)
                self._poll()
        except TooLarge as error:
            self.why = str(error)
        except OSError as error:
            self.why = f"{self.top} cannot be read: {error.strerror or error}"

    def _follow(self) -> None:
        """By hints; everything is looked at once the kernel watches, after a flood, and now and then while things change."""
        everything = True
        looked = self._clock() - AGAIN_SECONDS
        for batch in self._hints(self.top, self._end):
            if self._end.is_set():
                return
            changes: list[Change] = []
            for hint, path in batch:
                changes += self._index.look(path, NAMES[hint])
            everything = everything or len(batch) >= MANY
            if not batch or len(self._index.fresh) > MANY:
                changes += self._index.again()
            if everything and (not batch or self._clock() - looked >= AGAIN_SECONDS):
                changes += self._index.whole()
                everything, looked = False, self._clock()
            elif batch and self._clock() - looked >= AGAIN_SECONDS:
                everything = True
            self._tell(changes)

    def _poll(self) -> None:
        pause = POLL_SECONDS
        while not self._end.wait(pause):
            began = time.monotonic()
            self._tell(self._index.whole())
            pause = max(POLL_SECONDS, POLL_SHARE * (time.monotonic() - began))

    def _tell(self, changes: list[Change]) -> None:
        if not changes:
            return
        kinds = Counter(change.what for change in changes)
        now = self._clock()
        batch = Batch(now, kinds["deleted"] - kinds["created"], kinds["written"])
        if self._batches and self._batches[-1].gone >= 0 >= batch.gone and now - self._batches[-1].at <= TOGETHER:
            before = self._batches.pop()  # its renames may have their other half in this one
            batch = Batch(before.at, before.gone + batch.gone, before.written + batch.written)
        self._batches.append(batch)
        while self._batches[0].at < now - WINDOW:
            self._batches.popleft()
        self._told(changes)
