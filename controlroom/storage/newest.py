"""What the journal holds of some sessions, from its newest segment back, and what comes to it. Read-only, through the port."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path

import msgspec

from controlroom.model.record import Kind
from controlroom.storage.chain import MAX_LINE, Damaged, Place, Stored, Torn, decode, follow
from controlroom.storage.port import KernelStorage, Mode, Storage, read_all
from controlroom.storage.segments import Span, number_of, segments, spans, walk

_BITE = MAX_LINE + (1 << 20)  # bytes: a whole line at least
_HEAD = 512  # bytes of a line in which its session stands
_CALL = re.compile(rb'"call":"((?:[^"\\]|\\.)*)"')  # within a text the quotes would be escaped
_INTENT = f'"kind":"{Kind.INTENT}"'.encode()
_SESSION = re.compile(rb'"session":"((?:[^"\\]|\\.)*)"')


def newest(
    directory: Path,
    sessions: Iterable[str],
    most: int,
    since: int = 0,
    damaged: Callable[[Damaged], object] = lambda error: None,
    storage: Storage | None = None,
) -> list[Stored]:
    """The last `most` records of each of these sessions, oldest first. Blocking. Raises OSError.

    No segment is read that ends before `since` (ns since 1970). Each that is read is checked by itself: of one that is damaged,
    which is told, what stands before the damage is taken.
    """
    disk = storage or KernelStorage()
    missing = {_quoted(session): most for session in sessions}
    found: list[list[Stored]] = []
    for span in reversed(spans(disk, directory)):
        kept: dict[bytes, deque[bytes]] = {session: deque(maxlen=count) for session, count in missing.items() if count}
        if not kept:
            break
        first = b""
        for raw in _lines(disk, span, damaged):
            first = first or raw
            if (session := _session(raw)) in kept:
                kept[session].append(raw)
        found.append(sorted((decode(raw) for raws in kept.values() for raw in raws), key=lambda stored: stored.seq))
        missing = {session: count - len(kept.get(session, ())) for session, count in missing.items()}
        if first and (record := decode(first).record) is not None and record.at.wall < since:
            break
    return [stored for part in reversed(found) for stored in part]


def every(directory: Path, session: str, storage: Storage | None = None) -> Iterator[tuple[int, list[Stored]]]:
    """All records of a session, oldest first, a bit at a time: the bytes that were gone through, and its records in them.

    Blocking. Raises OSError, and Damaged after all good ones were given.
    """
    disk, wanted = storage or KernelStorage(), _quoted(session)
    try:
        for raws in walk(disk, spans(disk, directory)):
            yield sum(map(len, raws)), [decode(raw) for raw in raws if _session(raw) == wanted]
    except Torn:  # a line that is being written
        return


def asked(directory: Path, calls: Iterable[str], since: int, storage: Storage | None = None) -> frozenset[str]:
    """Those of an agent's calls that came to a gate, whatever the session, in segments that do not end before `since`.

    Blocking. Raises OSError. Of a damaged segment what stands before the damage is taken.
    """
    disk = storage or KernelStorage()
    missing = {_quoted(call): call for call in calls}
    found: set[str] = set()
    for span in reversed(spans(disk, directory)):
        first = b""
        for raw in _lines(disk, span, lambda error: None):
            first = first or raw
            if _INTENT in raw[:_HEAD] and (told := _CALL.search(raw)) and (call := missing.pop(told[1], "")):
                found.add(call)
        if not missing or (first and (record := decode(first).record) is not None and record.at.wall < since):
            break
    return frozenset(found)


def _lines(disk: Storage, span: Span, damaged: Callable[[Damaged], object]) -> Iterator[bytes]:
    try:
        for raws in walk(disk, [span]):
            yield from raws
    except Torn:  # it is being written, or was when its daemon was killed
        return
    except Damaged as error:
        damaged(error)


class Watch:
    """What comes to a journal of one session, also while daemons end and begin; at first what its newest segment holds."""

    def __init__(self, directory: Path, session: str, storage: Storage | None = None) -> None:
        """From the segment on that is the newest now. Raises OSError."""
        self._directory, self._disk = directory, storage or KernelStorage()
        self._session = _quoted(session)
        self._damage: Damaged | None = None
        self._span = next(iter(reversed(self._begun())), None)
        self._place, self._offset = self._span.after if self._span else Place(), 0

    def read(self) -> list[Stored]:
        """What has come since the last call. Blocking. Raises OSError, and Damaged once all good records were given."""
        if self._damage is not None:
            raise self._damage
        found = self._more()
        while self._damage is None and (following := self._following()) is not None:
            found += self._more()  # what came to it before the next one was begun
            self._span, self._place, self._offset = following, following.after, 0
            found += self._more()
        return found

    def _begun(self) -> list[Span]:
        """The segments of which the first line is there."""
        return [one for one in spans(self._disk, self._directory) if one.after != Place() or number_of(one.path) == 1]

    def _following(self) -> Span | None:
        if self._span is not None and segments(self._disk, self._directory)[-1:] == [self._span.path]:
            return None
        return next((one for one in self._begun() if self._span is None or one.path > self._span.path), None)

    def _more(self) -> list[Stored]:
        """Of the whole lines that were added to the segment, those of the session."""
        found: list[Stored] = []
        if self._span is None:
            return found
        fd = self._disk.open(self._span.path, Mode.READ)
        try:
            while self._damage is None and (raws := _whole(read_all(self._disk, fd, self._offset, _BITE))):
                before = self._place.seq
                self._place, self._damage = follow(raws, self._place)
                good = raws[: self._place.seq - before]
                self._offset += sum(map(len, good))
                found += [decode(raw) for raw in good if _session(raw) == self._session]
        finally:
            self._disk.close(fd)
        return found


def _whole(data: bytes) -> list[bytes]:
    return [raw for raw in BytesIO(data).readlines() if raw.endswith(b"\n")]


def _quoted(session: str) -> bytes:
    """As it stands in a line."""
    return msgspec.json.encode(session)[1:-1]


def _session(raw: bytes) -> bytes:
    found = _SESSION.search(raw, 0, _HEAD)
    return found[1] if found else b""
