"""What opening a journal does about a tail that never became whole: it is moved aside, never dropped (J01)."""

import hashlib
import os
from pathlib import Path

import msgspec

from controlroom.storage.chain import FIRST_SEQ, GENESIS, MAX_LINE, Damaged, is_whole, segments, walk
from controlroom.storage.files import replace
from controlroom.storage.paths import secure_dir, sync_dir


class Quarantined(msgspec.Struct, frozen=True):
    """A torn tail that was moved aside: `file` in `quarantine/`, its size in bytes, its SHA-256, and how it showed."""

    file: str
    size: int
    sha256: str
    why: str


class Head(msgspec.Struct, frozen=True):
    """Where the journal goes on: last record's seq and sum, the segment to append to and its size in bytes."""

    seq: int
    sum: str
    segment: Path
    size: int
    quarantined: Quarantined | None


def recover(directory: Path) -> Head:
    """Check the whole chain and make its end clean. Every whole record is kept.

    Only a tail after which no whole record stands counts as torn. Anything else raises Damaged and is left alone: a journal
    that was changed is not written to. Raises OSError.
    """
    seq, digest = FIRST_SEQ - 1, GENESIS
    found = segments(directory)
    segment = found[-1] if found else directory / "00000001.jsonl"
    size = 0
    torn = None
    try:
        for line in walk(directory):
            seq, digest = line.seq, line.sum
            size = line.end if line.segment == segment else 0
    except Damaged as damage:
        torn = _set_aside(directory, segment, size, damage) if found else None
    return Head(seq, digest, segment, size, torn)


def _set_aside(directory: Path, segment: Path, size: int, damage: Damaged) -> Quarantined:
    with segment.open("rb") as file:
        file.seek(size)
        while raw := file.readline(MAX_LINE + 1):
            if is_whole(raw):
                raise damage
        if file.tell() == size or file.tell() - size > 4 * MAX_LINE:
            raise damage
        file.seek(size)
        tail = file.read()
    quarantine = directory / "quarantine"
    secure_dir(quarantine)
    copy = quarantine / f"{segment.stem}.{size}.torn"
    replace(copy, tail)
    fd = os.open(segment, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, size)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_dir(directory)
    return Quarantined(copy.name, len(tail), hashlib.sha256(tail).hexdigest(), damage.why)
