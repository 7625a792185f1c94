"""What of a journal may go: segments that are closed, older than the operator keeps them, and covered by an anchor (J15).

Nothing goes before the whole chain was verified and held against the anchors as they are read back from their place, and
not before the journal itself says durably what goes: a verification takes a journal without its beginning only on that word.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from controlroom.storage.anchor import anchors
from controlroom.storage.chain import Place, decode
from controlroom.storage.notes import Dropped, End
from controlroom.storage.port import Storage
from controlroom.storage.segments import first_line, spans
from controlroom.storage.verify import Evidence, verify


class NotDropped(Exception):
    """Nothing may go; the text says why."""


class Closed(NamedTuple):
    """A segment that another one follows: its last record, and when it was closed (wall clock, ns)."""

    path: Path
    end: Place
    at: int


def closed(storage: Storage, directory: Path) -> list[Closed]:
    """The closed segments, oldest first. Raises OSError, Damaged."""
    found = spans(storage, directory)
    rows = []
    for span, after in pairwise(found):
        link = decode(first_line(storage, after.path)).record
        if link is None:  # of a newer version
            break
        rows.append(Closed(span.path, after.after, link.at.wall))
    return rows


def droppable(found: Sequence[Closed], anchored: int, before: int) -> list[Closed]:
    """The oldest ones, closed before `before` and ending at or before the record `anchored`; never one after one that stays."""
    chosen: list[Closed] = []
    for one in found:
        if one.end.seq > anchored or one.at >= before:
            break
        chosen.append(one)
    return chosen


def due(storage: Storage, directory: Path, place: str, before: int, keep: int) -> Dropped | None:
    """What may go, None = nothing; the newest `keep` segments stay. Blocking: where something is old enough, all is verified.

    Raises NotDropped, BadPlace (an anchor that cannot be read back covers nothing), Damaged, OSError.
    """
    found = closed(storage, directory)
    found = found[: max(0, len(found) + 1 - keep)]
    if not found or found[0].at >= before:
        return None
    seen = verify(directory, Evidence(anchors(place)), storage=storage)
    if not seen.ok:
        raise NotDropped(f"record {seen.first_bad_seq} of the journal is not as it was written: {seen.why}")
    chosen = droppable(found, seen.anchored, before)
    return Dropped(tuple(End(one.path.name, one.end.seq, one.end.sum) for one in chosen), place) if chosen else None


def drop(storage: Storage, directory: Path, dropped: Dropped) -> None:
    """Remove what a durable record says that goes, oldest first. Raises OSError; what is still there goes the next time."""
    for end in dropped.segments:
        storage.remove(directory / end.file)
    storage.fsync_dir(directory)
