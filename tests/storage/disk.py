"""A disk in memory that fails the n-th call, and that loses power at any call, in every way a real one is known to.

What is known of a real one: only a sync makes content last, only a sync of the folder makes names last; of what was not
synced any 512-byte sector may be there or not, in any order; after a failed sync a later one says yes and has not stored what
the failed one was for.
"""

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from controlroom.storage.lock import Locked
from controlroom.storage.port import Mode, Space

SECTOR = 512
LOSSES = ("lost", "kept", "sectors", "garbage", "zero")
SHORT = -1  # in place of an errno: the write stores a part

Names = dict[Path, int]


class _File:
    def __init__(self, data: bytes = b"", synced: bytes = b"") -> None:
        self.data, self.synced = bytearray(data), synced
        self.doomed: set[int] = (
            set()
        )  # sectors of a sync that failed: they do not last, whatever says yes later, till rewritten

    def doom(self) -> None:
        old = self.synced.ljust(len(self.data), b"\0")
        sectors = range(0, len(self.data), SECTOR)
        self.doomed |= {at for at in sectors if self.data[at : at + SECTOR] != old[at : at + SECTOR]}

    def touched(self, start: int, end: int) -> None:
        self.doomed -= set(range(start // SECTOR * SECTOR, end, SECTOR))

    def sync(self) -> None:
        out, old = bytearray(self.data), self.synced.ljust(len(self.data), b"\0")
        for at in self.doomed:
            out[at : at + SECTOR] = old[at : at + SECTOR]
        self.synced = bytes(out)


class Image(NamedTuple):
    """Everything at one moment: names in memory and those that were so since the last sync of the folder, contents."""

    histories: dict[Path, list[Names]]
    files: dict[int, tuple[bytes, bytes]]


class MemoryDisk:
    """A Storage. `before` is called ahead of each call that changes anything. `free` is what `space` tells."""

    def __init__(self) -> None:
        self.files: dict[int, _File] = {}
        self.histories: dict[Path, list[Names]] = {}  # by folder: [what lasts, ..., what is in memory]
        self.before: Callable[[str], None] = lambda call: None
        self.calls = 0
        self.fail_at: dict[int, int] = {}  # call number → errno, or SHORT
        self.fail_all = 0  # errno of every call that changes anything
        self.free = 1 << 40
        self._fds: dict[int, tuple[int, Mode]] = {}
        self._next = 100
        self._locked = False

    # What a test does

    def image(self) -> Image:
        histories = {folder: [dict(names) for names in history] for folder, history in self.histories.items()}
        return Image(histories, {ino: (bytes(file.data), file.synced) for ino, file in self.files.items()})

    @classmethod
    def after(cls, image: Image, loss: str, dice: random.Random) -> "MemoryDisk":
        """The disk as it is found when the power is back."""
        disk = cls()
        disk._next = 1_000_000
        for ino, (data, synced) in image.files.items():
            content = _content(data, synced, loss, dice)
            disk.files[ino] = _File(content, content)
        for folder, history in image.histories.items():
            names = history[{"lost": 0, "kept": -1}.get(loss, dice.randrange(len(history)))]
            disk.histories[folder] = [dict(names)]
        return disk

    @property
    def open_files(self) -> int:
        return len(self._fds)

    # Storage

    def secure(self, folder: Path) -> None:
        self.histories.setdefault(folder, [{}])

    def lock(self, folder: Path) -> int:
        if self._locked:
            raise Locked(folder, 0)
        self._locked = True
        return -5

    def names(self, folder: Path) -> list[str]:
        self._call("names", False)
        return sorted(path.name for path in self.histories.get(folder, [{}])[-1])

    def open(self, path: Path, mode: Mode) -> int:
        self._call("open", mode is Mode.CREATE)
        names = self.histories.get(path.parent, [{}])[-1]
        if mode is Mode.CREATE:
            if path in names:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            self._next += 1
            self.files[self._next] = _File()
            self._rename(path.parent, {**names, path: self._next})
            names = self.histories[path.parent][-1]
        if path not in names:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        self._next += 1
        self._fds[self._next] = (names[path], mode)
        return self._next

    def close(self, fd: int) -> None:
        if fd == -5:
            self._locked = False
        else:
            del self._fds[fd]

    def size(self, fd: int) -> int:
        return len(self._file(fd).data)

    def read(self, fd: int, count: int, offset: int) -> bytes:
        self._call("read", False)
        return bytes(self._file(fd).data[offset : offset + count])

    def append(self, fd: int, data: memoryview) -> int:
        assert self._fds[fd][1] in (Mode.APPEND, Mode.CREATE)
        stored = self._stored(data, self._call("append", True))
        file = self._file(fd)
        file.data += stored
        file.touched(len(file.data) - len(stored), len(file.data))
        return len(stored)

    def overwrite(self, fd: int, data: memoryview, offset: int) -> int:
        assert self._fds[fd][1] is Mode.UPDATE
        stored = self._stored(data, self._call("overwrite", True))
        file = self._file(fd)
        file.data[offset : offset + len(stored)] = stored
        file.touched(offset, offset + len(stored))
        return len(stored)

    def sync(self, fd: int) -> None:
        file = self._file(fd)
        try:
            self._call("sync", True)
        except OSError:
            file.doom()
            raise
        file.sync()

    def truncate(self, fd: int, size: int) -> None:
        assert self._fds[fd][1] is Mode.UPDATE
        self._call("truncate", True)
        del self._file(fd).data[size:]

    def rename(self, old: Path, new: Path) -> None:
        self._call("rename", True)
        names = dict(self.histories[old.parent][-1])
        names[new] = names.pop(old)
        self._rename(old.parent, names)

    def remove(self, path: Path) -> None:
        self._call("remove", True)
        names = self.histories[path.parent][-1]
        if path in names:
            self._rename(path.parent, {name: ino for name, ino in names.items() if name != path})

    def fsync_dir(self, folder: Path) -> None:
        self._call("fsync_dir", True)
        self.histories[folder] = self.histories[folder][-1:]

    def space(self, folder: Path) -> Space:
        self._call("space", False)
        return Space(self.free, self.free)

    # Inside

    def _rename(self, folder: Path, names: Names) -> None:
        self.histories[folder].append(names)

    def _file(self, fd: int) -> _File:
        return self.files[self._fds[fd][0]]

    def _call(self, name: str, changes: bool) -> int:
        self.calls += 1
        if changes:
            self.before(name)
        error = self.fail_at.get(self.calls, self.fail_all if changes else 0)
        if error > 0:
            raise OSError(error, os.strerror(error))
        return error

    def _stored(self, data: memoryview, error: int) -> bytes:
        return bytes(data[: len(data) // 2 or 1]) if error == SHORT else bytes(data)


def _content(data: bytes, synced: bytes, loss: str, dice: random.Random) -> bytes:
    if loss == "lost" or data == synced:
        return synced
    if loss == "kept":
        return data
    size = max(len(data), len(synced))
    new, old = data.ljust(size, b"\0"), synced.ljust(size, b"\0")
    changed = [at for at in range(0, size, SECTOR) if new[at : at + SECTOR] != old[at : at + SECTOR]]
    if not changed:
        return data  # only its length is another one
    out = bytearray(new)
    if loss == "sectors":
        for at in changed:
            if dice.random() < 0.5:
                out[at : at + SECTOR] = old[at : at + SECTOR]
        return bytes(out[: dice.choice((len(data), len(data), dice.randint(min(len(synced), len(data)), len(data))))])
    last = changed[-1]
    # What was synced of a sector that is appended to stays (a disk that writes whole sectors has it from the page).
    start = max(last, len(synced)) if new.startswith(synced) else last
    length = min(last + SECTOR, size) - start
    out[start : start + length] = dice.randbytes(length) if loss == "garbage" else bytes(length)
    return bytes(out[: len(data)])
