"""How fast files vanish from a workspace. A hint, never a proof: the kernel's queue overflows in silence (kernel.md 4)."""

import os
import threading
import time
from collections import deque
from collections.abc import Callable

from watchfiles import Change, watch

WINDOW = 60.0  # seconds
MOST_FOLDERS = 20_000  # of one workspace; each takes one watch of the kernel's (fs.inotify.max_user_watches)
SILENCE_MS = 2_000  # between two looks whether the watch is still wanted
BATCH_MS = 1_000  # at most, of changes told together
STEP_MS = 50


class Churn:
    """Watches one workspace in a thread until `close`. `why`: why it is not watched, "" while it is."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.why = "not watched yet"
        self._folder = folder
        self._clock = clock
        self._gone: deque[tuple[float, int]] = deque()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="churn", daemon=True)
        self._thread.start()

    def deletes(self) -> int | None:
        """Files that vanished in the last minute, less those that appeared with them (a rename is both); None = not watched."""
        if self.why:
            return None
        since = self._clock() - WINDOW
        while self._gone and self._gone[0][0] < since:
            self._gone.popleft()
        return sum(count for _, count in tuple(self._gone))

    def close(self) -> None:
        """Stop watching, within about two seconds."""
        self._end.set()

    def _run(self) -> None:
        if (folders := _folders(self._folder)) > MOST_FOLDERS:
            self.why = f"over {MOST_FOLDERS} folders: too large to watch"
            return
        try:
            changes = watch(
                self._folder,
                watch_filter=None,  # the default one hides .git and node_modules
                debounce=BATCH_MS,
                step=STEP_MS,
                stop_event=self._end,
                rust_timeout=SILENCE_MS,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            self.why = "" if folders else f"{self._folder} cannot be read"
            for batch in changes:
                gone = sum(1 if change is Change.deleted else -1 for change, _ in batch if change is not Change.modified)
                if gone > 0:
                    self._gone.append((self._clock(), gone))
        except (OSError, RuntimeError) as error:  # the limit of watches, a folder that is gone
            self.why = f"it cannot be watched: {error}"


def _folders(top: str) -> int:
    """Folders below `top`, itself included; counting ends soon after MOST_FOLDERS. 0 = not even `top` can be read."""
    found, todo = 0, [top]
    while todo and found <= MOST_FOLDERS:
        try:
            with os.scandir(todo.pop()) as entries:
                todo += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
            found += 1
        except OSError:
            continue
    return found
