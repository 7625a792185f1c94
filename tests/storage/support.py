"""What several tests of this room need: a fixed clock, a journal opened on it, records, a disk that fails."""

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage import segments as seg
from controlroom.storage.chain import Stored
from controlroom.storage.journal import Journal
from controlroom.storage.notes import OWN
from controlroom.storage.port import KernelStorage, Mode, Storage

AT = Instant(1_000, 2_000)


def opened(directory: Path, storage: Storage | None = None, clock: Callable[[], Instant] = lambda: AT) -> Journal:
    return Journal.open(directory, clock=clock, boot="boot-1", version="0.1.0", storage=storage)


def record(number: int = 0, kind: Kind = Kind.OBSERVED) -> Record:
    return Record(kind, AT, "s1", "", msgspec.Raw(b'{"n":%d}' % number))


def segments(directory: Path) -> list[Path]:
    return seg.segments(KernelStorage(), directory)


def given(directory: Path, storage: Storage | None = None) -> list[Record]:
    """The records of others in a journal: what was handed in, without what the journal tells of itself."""
    return [one.record for one in seg.read(directory, storage) if one.record is not None and one.record.kind not in OWN]


def kinds(directory: Path) -> list[str]:
    return [one.kind for one in stored(directory)]


def stored(directory: Path, storage: Storage | None = None) -> list[Stored]:
    return list(seg.read(directory, storage))


def written(directory: Path, count: int) -> Path:
    """A closed journal of an opening record and `count` more, and the closing seal; its only segment."""
    journal = opened(directory)
    for number in range(count):
        journal.append(record(number))
    journal.close()
    return segments(directory)[0]


class FailingDisk(KernelStorage):
    """Stores at most `most` bytes a write; fails the writes and syncs whose numbers (from 1) are given, with `error`.

    Counted are the calls on segments: the reserve is set up before the count begins.
    """

    def __init__(self, *, most: int = 1 << 30, write: int = 0, sync: int = 0, error: int = 5) -> None:
        self.most, self.fail_write, self.fail_sync, self.error = most, write, sync, error
        self.writes = self.syncs = 0
        self._segments: set[int] = set()

    def open(self, path: Path, mode: Mode) -> int:
        fd = super().open(path, mode)
        if path.suffix == ".jsonl" and mode is not Mode.READ:
            self._segments.add(fd)
        else:
            self._segments.discard(fd)
        return fd

    def append(self, fd: int, data: memoryview) -> int:
        if fd not in self._segments:
            return super().append(fd, data)
        self.writes += 1
        if self.writes == self.fail_write:
            raise OSError(self.error, os.strerror(self.error))
        return super().append(fd, data[: self.most])

    def sync(self, fd: int) -> None:
        if fd in self._segments:
            self.syncs += 1
            if self.syncs == self.fail_sync:
                raise OSError(self.error, os.strerror(self.error))
        super().sync(fd)
