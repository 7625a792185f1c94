"""What waits for the disk, as lines of the chain: numbers, sums, segments and seals given out in memory. No I/O and no lock.

While all is well a record becomes a line at once. After an error everything that is not on the disk is kept as records, and
becomes lines of a new segment when the owner tries again; numbers that are not on the disk may move then.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage.body import clean, is_urgent
from controlroom.storage.chain import MAX_LINE, Place, line_of
from controlroom.storage.notes import PASSING, Carried, Link
from controlroom.storage.seal import MOST_RECORDS, SealKey, new_key
from controlroom.storage.segments import MOST, number_of, path_of
from controlroom.text.redact import Mark

MAX_BUFFERED = 4 * MAX_LINE  # bytes that wait for a disk that does not answer, or fails; more are not kept


class Entry(msgspec.Struct, frozen=True):
    """A line that waits: `begins` a segment or not, and where the chain is after it."""

    record: Record
    line: bytes
    begins: bool
    place: Place


class Lineup:
    """`durable`: the last record on the disk; `place`: the last line given out; `why`: what broke it, "" = it is well.

    `mark`: the digest that stands for a redacted secret.
    `final`: it is never gone on with. `deaths`: how often it broke, `fault`: why the last time. `lost`: records that found no
    room while it was broken.
    """

    def __init__(
        self,
        place: Place,
        segment: Path,
        size: int,
        clock: Callable[[], Instant],
        boot: str,
        version: str,
        mark: Mark | None = None,
    ) -> None:
        self.durable = self.place = place
        self.mark = mark
        self.why, self.fault, self.final = "", "", False
        self.deaths = self.lost = 0
        self.kept: list[Record] = []
        self.key: SealKey = new_key()
        self.carry: Callable[[], Carried] = Carried
        self.unsealed, self.sealed_at = 0, clock()
        self._segment, self._size = segment, size  # the newest segment and its bytes, with what waits
        self._first = 0  # number of the first record of the write that is being gathered, 0 = none is
        self._entries: list[Entry] = []
        self._buffered = 0
        self._noted: set[int] = set()  # ids of kept records that are in the reserve
        self._clock, self._boot, self._version = clock, boot, version

    @property
    def seq(self) -> int:
        """Number of the last record handed in."""
        return self.place.seq + len(self.kept)

    @property
    def unjournalled(self) -> int:
        """Records that were handed in and are neither in the journal, nor about to be, nor in the reserve."""
        return self.lost + len(self.kept) - len(self._noted)

    def hand_in(self, record: Record) -> None:
        """Take a record: as a line, or kept while broken. Raises ValueError for one over MAX_LINE."""
        if self.why:
            self._keep(record)
            return
        line, place = line_of(self.place, self._first or self.place.seq + 1, record)
        if self._size and self._size + len(line) > MOST:
            self._next_segment(Link(self._segment.name, "full", self._boot, self._version))
            self.push_own(Kind.CARRIED, self.carry())
            line, place = line_of(self.place, self._first, record)
        if self._buffered + len(line) > MAX_BUFFERED:
            self.broke(f"over {MAX_BUFFERED} bytes wait for a disk that does not answer", [])
            self._keep(record)
            return
        self._push(Entry(record, line, False, place))
        self.unsealed += 1
        if self.unsealed >= MOST_RECORDS - 1:
            self.push_seal()

    def own(self, kind: Kind, body: object) -> Record:
        """A record of the journal's own."""
        return Record(kind, self._clock(), body=clean(msgspec.Raw(msgspec.json.encode(body)), self.mark))

    def push_own(self, kind: Kind, body: object, begins: bool = False) -> None:
        """A line of the journal's own, at once."""
        record = self.own(kind, body)
        line, place = line_of(self.place, self._first or self.place.seq + 1, record)
        self._push(Entry(record, line, begins, place))

    def push_seal(self) -> None:
        """Seal everything so far; the key is another one afterwards."""
        self.push_own(Kind.SEAL, self.key.seal(self.place.sum))
        self.key = self.key.next()
        self.unsealed, self.sealed_at = 0, self._clock()

    def take(self) -> list[Entry]:
        """What is to be written now, as one write. What is handed in later is part of the next."""
        entries, self._entries = self._entries, []
        self._buffered = self._first = 0
        return entries

    def broke(self, why: str, entries: list[Entry]) -> None:
        """From now on nothing is acknowledged. `entries` were at the disk; with what waited they are kept as records."""
        self.why = self.fault = self.why or why
        self.deaths += 1
        waited, later = [*entries, *self.take()], self.kept
        self.place = self.durable
        self.kept = []
        for record in [*(entry.record for entry in waited if entry.record.kind not in PASSING), *later]:
            self._keep(record)

    def refuse(self, why: str) -> None:
        """Nothing is ever taken again, for this reason."""
        self.broke(why, [])
        self.why, self.final = why, True

    def urgent(self) -> list[Record]:
        """Stops, kills and denials that are not on the disk, in neither place."""
        return [record for record in self.kept if id(record) not in self._noted and is_urgent(record)]

    def noted(self, records: list[Record]) -> None:
        """These are in the reserve."""
        self._noted.update(map(id, records))

    def anew(self, good: Path, cut: int) -> list[Entry]:
        """Everything that is kept, as lines of a new segment behind the last record on the disk: `cut` bytes in `good`.

        Where nothing is on the disk at all, the first segment is begun again. It counts as broken until `well`.
        """
        kept, self.kept = self.kept, []
        self.take()
        self.place, self._segment, self._size = self.durable, good, 0
        if cut:
            why = f"a write or sync failed: {self.why}"
            self._next_segment(Link(good.name, why, self._boot, self._version, cut))
        for record in kept:
            line, place = line_of(self.place, self._first or self.place.seq + 1, record)
            self._push(Entry(record, line, False, place))
        return self.take()

    def well(self) -> None:
        """What `anew` gave is on the disk; what was handed in meanwhile waits like anything else."""
        self.why = ""
        kept, self.kept, self._buffered = self.kept, [], 0
        self._noted.clear()
        for record in kept:
            self.hand_in(record)

    def _next_segment(self, link: Link) -> None:
        self._segment = path_of(self._segment.parent, number_of(self._segment) + 1)
        self._size = self._first = 0  # what came before is synced before the segment is begun
        self.push_own(Kind.SEGMENT, link, begins=True)

    def _push(self, entry: Entry) -> None:
        self._first = self._first or entry.place.seq
        self._entries.append(entry)
        self.place = entry.place
        self._size += len(entry.line)
        self._buffered += len(entry.line)

    def _keep(self, record: Record) -> None:
        size = len(memoryview(record.body)) + 512
        # What is urgent may take as much again: it is what the reserve holds, and must be here to be moved into the journal.
        if self._buffered + size > MAX_BUFFERED * (2 if is_urgent(record) else 1):
            self.lost += 1
            return
        self.kept.append(record)
        self._buffered += size
