"""What several tests of this room need: a fixed clock, a journal opened on it, records, a disk that fails."""

import os
from pathlib import Path

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage.chain import segments
from controlroom.storage.journal import Disk, Journal, KernelDisk

AT = Instant(1_000, 2_000)


def opened(directory: Path, disk: Disk | None = None) -> Journal:
    return Journal.open(directory, clock=lambda: AT, boot="boot-1", version="0.1.0", disk=disk)


def record(number: int = 0, kind: Kind = Kind.OBSERVED) -> Record:
    return Record(kind, AT, "s1", "", msgspec.Raw(b'{"n":%d}' % number))


def written(directory: Path, count: int) -> Path:
    """A closed journal of an opening record and `count` more; its only segment."""
    journal = opened(directory)
    for number in range(count):
        journal.append(record(number))
    journal.close()
    return segments(directory)[0]


class FailingDisk(KernelDisk):
    """Stores at most `most` bytes a write; fails the calls whose numbers (from 1) are given, with `error`."""

    def __init__(self, *, most: int = 1 << 30, write: int = 0, sync: int = 0, error: int = 5) -> None:
        self.most, self.fail_write, self.fail_sync, self.error = most, write, sync, error
        self.writes = self.syncs = 0

    def write(self, fd: int, data: memoryview) -> int:
        self.writes += 1
        if self.writes == self.fail_write:
            raise OSError(self.error, os.strerror(self.error))
        return super().write(fd, data[: self.most])

    def datasync(self, fd: int) -> None:
        self.syncs += 1
        if self.syncs == self.fail_sync:
            raise OSError(self.error, os.strerror(self.error))
        super().datasync(fd)
