"""The hand on the disk: puts lines into the newest segment, begins the next one, and leaves a segment that failed for good.

Used by one thread at a time. After an error the segment is dead: nothing is written or synced there again, because the kernel
may have dropped the pages and would say yes now (J06).
"""

from collections.abc import Iterator
from pathlib import Path

from controlroom.storage.lineup import Entry
from controlroom.storage.port import Mode, Storage, write_all
from controlroom.storage.segments import number_of, path_of


class Touched(Exception):
    """Somebody else wrote to the segment, or took it away. No fault of the disk: the journal is not gone on with."""


class Writer:
    """`good`: the segment that holds the last record on the disk, and how many of its bytes are there."""

    def __init__(self, storage: Storage, directory: Path, segment: Path, size: int) -> None:
        """Raises OSError. A segment of size 0 is made when the first line is put."""
        self._storage = storage
        self._directory = directory
        self._segment, self._size = segment, size
        self._fd = storage.open(segment, Mode.APPEND) if size else -1
        self.good: tuple[Path, int] = (segment, size)

    def put(self, data: bytes, begins: bool) -> None:
        """Store lines, durably; with `begins` as the first ones of the next segment. Raises OSError, Touched."""
        if begins:
            self._begin(path_of(self._directory, number_of(self._segment) + 1))
        elif self._fd < 0:
            self._begin(self._segment)
        found = self._storage.size(self._fd)
        if found != self._size:
            what = "its name is gone, or it has two" if found < 0 else f"it has {found} bytes for {self._size}"
            raise Touched(f"{self._segment.name} was changed by somebody else: {what}")
        write_all(self._storage, self._fd, data)
        self._size += len(data)
        self._storage.sync(self._fd)
        self.good = (self._segment, self._size)

    def leave(self) -> None:
        """Give the newest segment up after an error: the next lines begin the one after the last good one."""
        self.close()
        self._segment, self._size = self.good

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            self._storage.close(self._fd)
            self._fd = -1

    def _begin(self, segment: Path) -> None:
        # What an earlier try left there was never acknowledged, and recovery would move it aside.
        self._storage.remove(segment)
        fd = self._storage.open(segment, Mode.CREATE)
        try:
            self._storage.fsync_dir(self._directory)
        except OSError:
            self._storage.close(fd)
            raise
        self.close()
        self._fd, self._segment, self._size = fd, segment, 0


def parts(entries: list[Entry]) -> Iterator[tuple[bytes, bool, int]]:
    """Entries as what to put at once: bytes, whether they begin a segment, how many entries."""
    starts = [at for at, entry in enumerate(entries) if entry.begins or at == 0]
    for start, end in zip(starts, [*starts[1:], len(entries)], strict=True):
        yield b"".join([entry.line for entry in entries[start:end]]), entries[start].begins, end - start
