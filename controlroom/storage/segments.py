"""Segments: the files of a journal, how they follow each other, and the way along all of them.

`00000001.jsonl`, `00000002.jsonl`, ... Every segment but number 1 begins with a `journal.segment` record, the link, which says
where the segment before ends. Only the last one may end in a torn line.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import msgspec

from controlroom.model.record import Kind
from controlroom.storage.chain import MAX_LINE, Damaged, Place, Stored, Torn, decode, follow, front_of
from controlroom.storage.notes import Link
from controlroom.storage.port import KernelStorage, Mode, Storage

MOST = 64 * 1024 * 1024  # bytes of a segment

_BLOCK = 1 << 20  # bytes read at a time
_NAME = re.compile(r"[0-9]{8}\.jsonl")


class Span(msgspec.Struct, frozen=True):
    """What of a segment belongs to the chain: its first `upto` bytes (None = all), after the record at `after`."""

    path: Path
    after: Place
    upto: int | None = None


def path_of(directory: Path, number: int) -> Path:
    """The segment with this number."""
    return directory / f"{number:08d}.jsonl"


def number_of(segment: Path) -> int:
    """The number of a segment."""
    return int(segment.stem)


def segments(storage: Storage, directory: Path) -> list[Path]:
    """The segments, oldest first; none where the folder is missing. Raises OSError."""
    return [directory / name for name in storage.names(directory) if _NAME.fullmatch(name)]


def blocks(storage: Storage, segment: Path, upto: int | None = None) -> Iterator[list[bytes]]:
    """The lines of a segment, many at a time; the very last may lack its end, or be longer than a line can be.

    Raises OSError.
    """
    fd = storage.open(segment, Mode.READ)
    try:
        offset, rest = 0, b""
        while part := storage.read(fd, _BLOCK if upto is None else min(_BLOCK, upto - offset), offset):
            offset += len(part)
            raws = BytesIO(rest + part).readlines()
            rest = b"" if raws[-1].endswith(b"\n") else raws.pop()
            if raws:
                yield raws
            if len(rest) > MAX_LINE:
                break
        if rest:
            yield [rest]
    finally:
        storage.close(fd)


def first_line(storage: Storage, segment: Path) -> bytes:
    """The first line of a segment, b"" where it is empty. Raises OSError."""
    for raws in blocks(storage, segment):
        return raws[0]
    return b""


def link_of(raw: bytes) -> Link | None:
    """The link that a segment begins with; None = this line is no link."""
    stored = decode(raw) if front_of(raw) else None
    if stored is None or stored.record is None or stored.record.kind is not Kind.SEGMENT:
        return None
    try:
        return msgspec.json.decode(stored.record.body, type=Link)
    except msgspec.MsgspecError:
        return None


def spans(storage: Storage, directory: Path) -> list[Span]:
    """What of each segment belongs to the chain, oldest first. Raises OSError.

    The place that a segment follows is what its own first line says; whether it is the end of the one before, the way along
    them tells.
    """
    found: list[Span] = []
    for segment in segments(storage, directory):
        raw = first_line(storage, segment)
        link, front = link_of(raw), front_of(raw)
        if found and link is not None and link.after == found[-1].path.name and link.cut is not None:
            found[-1] = msgspec.structs.replace(found[-1], upto=link.cut)
        place = Place(front.seq - 1, front.prev) if front is not None and number_of(segment) > 1 else Place()
        found.append(Span(segment, place))
    return found


def walk(storage: Storage, chosen: list[Span]) -> Iterator[list[bytes]]:
    """Every line of the given spans in order, in blocks, each checked. Raises OSError, and Damaged at the first bad line after
    all good ones were given (Torn for an end that is missing at the very end).
    """
    place = chosen[0].after if chosen else Place()
    for span in chosen:
        for raws in blocks(storage, span.path, span.upto):
            before = place
            place, damage = follow(raws, place)
            if damage is None:
                yield raws
                continue
            if place.seq > before.seq:
                yield raws[: place.seq - before.seq]
            if isinstance(damage, Torn) and span != chosen[-1]:
                raise Damaged(damage.seq, f"{damage.why}, in {span.path.name} which is not the last segment")
            raise damage


def read(directory: Path, storage: Storage | None = None, newest: int | None = None) -> Iterator[Stored]:
    """Every record, oldest first, each checked against the chain; also while a daemon writes. `newest`: of so many segments.

    Ends before a last line that has no end (nobody was told that it is there). Raises Damaged at the first bad record, after
    all good ones were given; OSError.
    """
    disk = storage or KernelStorage()
    chosen = spans(disk, directory)
    try:
        for raws in walk(disk, chosen if newest is None else chosen[-newest:]):
            yield from map(decode, raws)
    except Torn:
        return
