"""Reads one log for the Log tab in a thread of its own (`leaf` says how). The screen asks and never waits; it draws `sheet`."""

import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.model.ready import ready_for_threads
from controlroom.tui.sheet import Sheet

if TYPE_CHECKING:
    from controlroom.tui.leaf import Leaf

LOOK_SECONDS = 0.25  # between two looks whether the file changed
PROGRESS = 128 << 20  # bytes gone through between two sheets that only tell of that

Asked = Callable[["Leaf"], object]


class Reader:
    """Of one log at a time. `news` is called in its thread for every new sheet."""

    def __init__(self, news: Callable[[], object]) -> None:
        self.sheet: Sheet | None = None
        self._news = news
        self._worker: _Worker | None = None

    @property
    def path(self) -> str:
        """Of the log that is read, "" = none is."""
        return self._worker.path if self._worker is not None else ""

    def show(self, path: str, find: str, height: int) -> None:
        """This log, only lines that hold `find`, in so many rows. Nothing happens where that is what is shown."""
        worker = self._worker
        if worker is None or worker.path != path:
            self.close()
            self._worker = _Worker(path, find, height, self._told)
            self._worker.start()
            return
        if worker.find != find:
            worker.find = find
            worker.ask(lambda leaf: leaf.look_for(find))
        if worker.height != height:
            worker.height = height
            worker.ask(lambda leaf: leaf.resize(height))

    def move(self, command: str) -> None:
        """Go there: one of the commands of the group Moving."""
        if self._worker is not None:
            self._worker.ask(lambda leaf: leaf.move(command))

    def stay(self, follow: bool) -> None:
        """At its end, or where it is."""
        if self._worker is not None:
            self._worker.ask(lambda leaf: leaf.stay(follow))

    def close(self) -> None:
        """No log is shown any more."""
        if self._worker is not None:
            self._worker.ask(None)
        self._worker = self.sheet = None

    def _told(self, worker: "_Worker", sheet: Sheet) -> None:
        if worker is self._worker:
            self.sheet = sheet
            self._news()


class _Worker:
    """A thread and what it is asked for."""

    def __init__(self, path: str, find: str, height: int, told: Callable[["_Worker", Sheet], object]) -> None:
        self.path, self.find, self.height = path, find, height
        self._told = told
        self._asked: queue.SimpleQueue[Asked | None] = queue.SimpleQueue()
        self._over = threading.Event()

    def start(self) -> None:
        """Begin; only now, so that whoever made it knows it when it tells."""
        threading.Thread(target=self._run, name="controlroom-log", daemon=True).start()

    def ask(self, asked: Asked | None) -> None:
        """One thing to do; None = no more."""
        if asked is None:
            self._over.set()
        self._asked.put(asked)

    def _run(self) -> None:
        from controlroom.tui.leaf import Leaf  # by the first log that is opened: the first paint does not wait for it

        ready_for_threads()  # what came with it; the reader before this one may still run, or a search
        leaf = Leaf(self.path, self.find, self.height, lambda: not self._asked.empty())
        last: Sheet | None = None
        busy = True
        while not self._over.is_set():
            for asked in self._waiting(0.0 if busy else LOOK_SECONDS):
                asked(leaf)
            busy = leaf.go_on()
            sheet = leaf.sheet()
            if last is None or not busy or _tells(last, sheet):
                if sheet != last:
                    self._told(self, sheet)
                last = sheet
        leaf.close()

    def _waiting(self, seconds: float) -> list[Asked]:
        """All that is asked; where nothing is, the first that comes in so many seconds."""
        found: list[Asked | None] = []
        try:
            found.append(self._asked.get(timeout=seconds) if seconds else self._asked.get_nowait())
            while True:
                found.append(self._asked.get_nowait())
        except queue.Empty:
            return [asked for asked in found if asked is not None]


def _tells(old: Sheet, new: Sheet) -> bool:
    """Whether this is more than a little progress."""
    seen = (old.rows, old.cursor, old.follow, old.note, old.doing) != (new.rows, new.cursor, new.follow, new.note, new.doing)
    return seen or abs(new.gone - old.gone) >= PROGRESS
