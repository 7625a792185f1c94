"""What opening a journal does about a tail that never became whole: it is moved aside, never dropped (J01).

Only the newest segment is read, so the time does not grow with the journal; `verify.check_older` looks at the rest afterwards.
"""

import hashlib
from io import BytesIO
from pathlib import Path

import msgspec

from controlroom.storage.chain import MAX_LINE, Damaged, Place, decode, follow, front_of
from controlroom.storage.notes import OWN, Quarantined
from controlroom.storage.port import Mode, Storage, put, read_all
from controlroom.storage.segments import blocks, first_line, path_of, segments

_MOST_TAIL = 5 * MAX_LINE  # bytes; no write is longer


class Head(msgspec.Struct, frozen=True):
    """Where the journal goes on: the last record, the segment to append to and its size in bytes.

    `doubtful`: bytes at its end that were one write. Their sync may have failed under an earlier daemon: they read well from
    memory, and a new sync would say yes without storing them (J06). They are to be written again before anything follows
    them. `opening` is the place that this segment follows: what stands before it was not looked at. `format`: the highest
    that is named in it.
    """

    place: Place
    opening: Place
    segment: Path
    size: int
    doubtful: int = 0
    quarantined: tuple[Quarantined, ...] = ()
    format: int = 0


class _Walked(msgspec.Struct):
    place: Place
    size: int = 0
    first: int = 0  # number of the first record of the last write
    format: int = 0
    damage: Damaged | None = None


def recover(storage: Storage, directory: Path) -> Head:
    """Check the newest segment and make its end clean. Every whole record is kept.

    Only what one unfinished write can have left counts as torn: after it stands no whole record of a later write. Anything
    else raises Damaged and is left alone: a journal that was changed is not written to. Raises OSError.
    """
    found = segments(storage, directory)
    begun = len(found)
    while begun and front_of(first_line(storage, found[begun - 1])) is None:
        begun -= 1
    if not begun:
        return _fresh(storage, directory, found)
    segment = found[begun - 1]
    front = front_of(first_line(storage, segment))
    assert front is not None  # as the loop found it
    opening = Place(front.seq - 1, front.prev)
    if begun == 1 and segment == path_of(directory, 1) and opening != Place():
        raise Damaged(1, "the first segment does not begin with record 1")
    walked = _walk(storage, segment, opening)
    tails = [(segment, walked.size), *((later, 0) for later in found[begun:])]
    aside = _set_aside(storage, directory, tails, walked)
    doubtful = _last_write(storage, segment, opening, walked)
    return Head(walked.place, opening, segment, walked.size, doubtful, aside, walked.format)


def _fresh(storage: Storage, directory: Path, found: list[Path]) -> Head:
    """No record anywhere: a new journal, or one that was never acknowledged a record."""
    aside = _set_aside(storage, directory, [(segment, 0) for segment in found], _Walked(Place()))
    if len(found) > 1:  # before a second segment the first was synced
        raise Damaged(1, "no segment begins with a whole record")
    return Head(Place(), Place(), path_of(directory, 1), 0, 0, aside)


def _last_write(storage: Storage, segment: Path, opening: Place, walked: _Walked) -> int:
    """Bytes of the last write in a segment."""
    skipped = walked.first - opening.seq - 1  # lines before it
    before = 0
    for raws in blocks(storage, segment, walked.size):
        before += sum(map(len, raws[:skipped]))
        skipped -= len(raws)
        if skipped <= 0:
            break
    return walked.size - before


def _walk(storage: Storage, segment: Path, opening: Place) -> _Walked:
    walked = _Walked(opening)
    for raws in blocks(storage, segment):
        before = walked.place.seq
        walked.place, walked.damage = follow(raws, walked.place)
        good = raws[: walked.place.seq - before]
        walked.size += sum(map(len, good))
        for raw in good:
            if b'"kind":"journal.' in raw[:300]:
                _note(walked, raw)
        if good and (front := front_of(good[-1])) is not None:
            walked.first = front.first
        if walked.damage is not None:
            break
    return walked


def _note(walked: _Walked, raw: bytes) -> None:
    record = decode(raw).record
    if record is None or record.kind not in OWN:
        return
    walked.format = max(walked.format, msgspec.json.decode(record.body, type=_Format).format)


class _Format(msgspec.Struct):
    format: int = 0


def _set_aside(storage: Storage, directory: Path, tails: list[tuple[Path, int]], walked: _Walked) -> tuple[Quarantined, ...]:
    """Move what stands behind the last whole record to `quarantine/`. Raises Damaged where that is no torn write."""
    torn = [(segment, size, tail) for segment, size in tails if (tail := _tail(storage, segment, size, walked))]
    moved = []
    for segment, size, tail in torn:
        quarantine = directory / "quarantine"
        storage.secure(quarantine)
        copy = quarantine / f"{segment.stem}.{size}.torn"
        put(storage, copy, tail)
        why = walked.damage.why if walked.damage and size else "a segment that was begun and never written"
        moved.append(Quarantined(copy.name, len(tail), hashlib.sha256(tail).hexdigest(), why))
    for segment, _ in reversed(tails[1:]):
        storage.remove(segment)
    if tails[1:]:
        storage.fsync_dir(directory)
    if torn and torn[0][0] == tails[0][0]:
        fd = storage.open(tails[0][0], Mode.UPDATE)
        try:
            storage.truncate(fd, tails[0][1])
            storage.sync(fd)
        finally:
            storage.close(fd)
    return tuple(moved)


def _tail(storage: Storage, segment: Path, size: int, walked: _Walked) -> bytes:
    fd = storage.open(segment, Mode.READ)
    try:
        tail = read_all(storage, fd, size, _MOST_TAIL)
    finally:
        storage.close(fd)
    seq = walked.place.seq + 1
    if len(tail) == _MOST_TAIL:
        raise walked.damage or Damaged(seq, f"over {_MOST_TAIL} bytes that are no record: no write is that long")
    for raw in BytesIO(tail):
        front = front_of(raw)
        if front is not None and front.first > seq:
            raise walked.damage or Damaged(seq, f"missing, although record {front.seq} of a later write is there")
    return tail
