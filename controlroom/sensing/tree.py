"""The real file system behind policy's Tree port: bounded, never following a link out, never raising."""

import os
import stat as modes
import time
from collections.abc import Callable

from controlroom.policy.tree import Scan, Stat
from controlroom.sensing import git_index
from controlroom.sensing import mounts as mount_table

SCAN_SECONDS = 0.12  # for all scans of one tree; what is not seen by then is partial. Comparing it takes the rest of 200 ms
_GONE = (FileNotFoundError, NotADirectoryError)


class RealTree:
    """Looks at this machine's files. One instance serves one assessment: what git tracks is remembered in it, and all its
    scans share `scan_seconds`.
    """

    def __init__(self, scan_seconds: float = SCAN_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._tracked: dict[str, bool | None] = {}
        self._mounts: tuple[mount_table.Mount, ...] | None = None
        self._left, self._clock = scan_seconds, clock

    def lstat(self, path: str) -> Stat | None:
        """What is at `path` itself; names that cannot exist (NUL, too long) are nothing."""
        try:
            found = os.lstat(path)
        except _GONE:
            return None
        except (OSError, ValueError):
            return Stat("unknown")
        mode = found.st_mode
        kinds = ((modes.S_ISREG, "file"), (modes.S_ISDIR, "dir"), (modes.S_ISLNK, "link"))
        kind = next((name for test, name in kinds if test(mode)), "other")
        return Stat(kind, found.st_dev, found.st_ino, found.st_size, found.st_nlink)

    def realpath(self, path: str) -> str | None:
        """Every link followed. A link loop, or a folder that may not be entered, is None."""
        try:
            return os.path.realpath(path, strict=True)
        except _GONE:
            return self._missing(path)
        except (OSError, ValueError):
            return None

    def _missing(self, path: str) -> str | None:
        """The real path of what is not there yet; dangling links are followed to where they would create it."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return None
        return real

    def listdir(self, path: str) -> tuple[str, ...] | None:
        """Names in a directory, sorted."""
        try:
            return tuple(sorted(os.listdir(path)))
        except (OSError, ValueError):
            return None

    def read(self, path: str, limit: int) -> bytes | None:
        """At most `limit` bytes of a regular file; never blocks on a FIFO or device."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except (OSError, ValueError):
            return None
        try:
            if not modes.S_ISREG(os.fstat(fd).st_mode):
                return None
            chunks: list[bytes] = []
            while limit > 0 and (chunk := os.read(fd, min(limit, 1 << 16))):
                chunks.append(chunk)
                limit -= len(chunk)
            return b"".join(chunks)
        except OSError:
            return None
        finally:
            os.close(fd)

    def scan(self, path: str, max_entries: int) -> Scan:
        """Breadth first, on one device, links seen but not followed; a folder that cannot be read makes it partial."""
        begun = self._clock()
        try:
            return self._scan(path, max_entries, begun + self._left)
        finally:
            self._left = max(self._left - (self._clock() - begun), 0.0)

    def _scan(self, path: str, max_entries: int, ends: float) -> Scan:
        files = size = 0
        partial = False
        seen: list[str] = []
        linked: list[tuple[int, int, str]] = []
        try:
            device = os.lstat(path).st_dev
        except (OSError, ValueError):
            return Scan(0, 0, True)
        queue = [path]
        for folder in queue:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if len(seen) >= max_entries or self._clock() >= ends:
                            return Scan(files, size, True, tuple(seen), tuple(linked))
                        seen.append(entry.path)
                        found = entry.stat(follow_symlinks=False)
                        if modes.S_ISDIR(found.st_mode):
                            if found.st_dev == device:
                                queue.append(entry.path)
                            else:
                                partial = True
                        elif modes.S_ISREG(found.st_mode):
                            files += 1
                            size += found.st_size
                            if found.st_nlink > 1:
                                linked.append((found.st_dev, found.st_ino, entry.path))
            except NotADirectoryError:
                return Scan(0, 0, False)
            except OSError:
                partial = True
        return Scan(files, size, partial, tuple(seen), tuple(linked))

    def tracked(self, path: str) -> bool | None:
        """Whether git has `path` in the index of the repository around it; None without one, or when that cannot be told."""
        if path not in self._tracked:
            self._tracked[path] = git_index.tracked(path)
        return self._tracked[path]

    def elsewhere(self, path: str) -> tuple[str, ...]:
        """Other paths of the same file through bind mounts, where the kernel's table and the inode agree."""
        here = self.lstat(path)
        found = mount_table.elsewhere(self._table(), path)
        return tuple(p for p in found if here is None or ((t := self.lstat(p)) and (t.dev, t.ino) == (here.dev, here.ino)))

    def mounts(self, path: str) -> tuple[str, ...]:
        """Mount points below a path."""
        return mount_table.below(self._table(), path)

    def _table(self) -> tuple[mount_table.Mount, ...]:
        if self._mounts is None:
            self._mounts = mount_table.read()
        return self._mounts
