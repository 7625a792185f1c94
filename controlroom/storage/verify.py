"""`audit verify`: is the journal as it was written? Needs no lock and no daemon."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from controlroom.model.record import Kind
from controlroom.storage.chain import FIRST_SEQ, Damaged, Place, Torn, decode, sum_of
from controlroom.storage.notes import Anchored, Dropped, Opened, Seal
from controlroom.storage.port import KernelStorage, Storage
from controlroom.storage.seal import SealKey
from controlroom.storage.segments import spans, walk

_SETTLE = 0.2  # seconds in which a line that is being written gets its end
_OWN = b'"kind":"journal.'
_FRONT = 320  # bytes of a line in which its kind is found


class Verified(msgspec.Struct, frozen=True):
    """What verification came to.

    `records`: good ones from `since` on. `head`: the last good one. `limits`: what this cannot see, always to be shown with
    the verdict (J10). `first_bad_seq`: None where all are good. `anchored`: the newest record whose anchor was held against the
    chain. `seals`: how many were checked with a key.
    """

    ok: bool
    records: int
    head: Place
    limits: str
    since: int = FIRST_SEQ
    first_bad_seq: int | None = None
    why: str = ""
    anchored: int = 0
    seals: int = 0


class Evidence(msgspec.Struct, frozen=True):
    """What is known from elsewhere: heads written down outside (`anchors`), and a seal key."""

    anchors: tuple[Anchored, ...] = ()
    key: SealKey | None = None


Progress = Callable[[int], None]


def verify(
    directory: Path,
    evidence: Evidence | None = None,
    *,
    progress: Progress = lambda done: None,
    storage: Storage | None = None,
    pause: Callable[[float], None] = time.sleep,
) -> Verified:
    """Check every record of the journal in `directory`, and hold `evidence` against it. Raises OSError where it cannot be read.

    `progress` is told the bytes looked at so far. A last line without an end is looked at a second time after `pause`, because
    a daemon may just be writing it.
    """
    disk = storage or KernelStorage()
    first = _Check(evidence or Evidence()).run(disk, directory, progress)
    if not isinstance(first, Torn):
        return _verdict(*first)
    pause(_SETTLE)
    again = _Check(evidence or Evidence()).run(disk, directory, progress, True)
    assert not isinstance(again, Torn)  # the second look takes it as damage
    return _verdict(*again)


def check_older(storage: Storage, directory: Path, upto: Place) -> Damaged | None:
    """What is wrong with the segments before the one that follows `upto`: the part that an opening does not look at.

    Raises OSError.
    """
    older = [span for span in spans(storage, directory) if span.after.seq < upto.seq]
    place = older[0].after if older else Place()
    try:
        for raws in walk(storage, older):
            place = Place(place.seq + len(raws), sum_of(raws[-1]))
    except Damaged as damage:
        return damage
    return None if place == upto else Damaged(place.seq + 1, "the newest segment does not follow the one before it")


class _Check:
    """One way along the whole chain."""

    def __init__(self, evidence: Evidence) -> None:
        self.place = self.opening = Place()
        self.anchors = sorted((a for a in evidence.anchors), key=lambda a: a.seq)
        self.held = 0  # the newest anchor that fits, and where it was
        self.held_at = ""
        self.key = evidence.key
        self.seals = 0
        self.dropped: set[Place] = set()  # where the journal says that it begins, by an operator's rule
        self._ours = False  # the life to which the key belongs

    def run(
        self, storage: Storage, directory: Path, progress: Progress, second: bool = False
    ) -> "tuple[_Check, Damaged | None] | Torn":
        done = 0
        chosen = spans(storage, directory)
        if chosen:
            self.place = self.opening = chosen[0].after
        try:
            for raws in walk(storage, chosen):
                self._block(raws)
                done += sum(map(len, raws))
                progress(done)
            self._end()
        except Torn as torn:
            return (self, torn) if second else torn
        except Damaged as damage:
            return self, damage
        return self, None

    def _block(self, raws: list[bytes]) -> None:
        before = self.place
        try:
            if self.key is not None or self.opening.seq:  # else the journal's own words add nothing to its chain
                for raw in self._own(raws):
                    self._note(raw, before, raws)
            self._anchors(before, raws)
        except Damaged as damage:
            good = damage.seq - 1 - before.seq
            self.place = Place(damage.seq - 1, sum_of(raws[good - 1])) if good else before
            raise
        self.place = Place(before.seq + len(raws), sum_of(raws[-1]))

    def _own(self, raws: list[bytes]) -> Iterable[bytes]:
        """The journal's own records among them, which are few; all others are not even looked into."""
        return (raw for raw in raws if _OWN in raw[:_FRONT])

    def _note(self, raw: bytes, before: Place, raws: list[bytes]) -> None:
        stored = decode(raw)
        if stored.record is None:
            return
        body = bytes(stored.record.body)
        match stored.record.kind:
            case Kind.OPENED:
                self._ours = self.key is not None and msgspec.json.decode(body, type=Opened).seal == self.key.life
            case Kind.DROPPED:
                ends = msgspec.json.decode(body, type=Dropped).segments
                self.dropped.update(Place(end.seq, end.sum) for end in ends)
            case Kind.SEAL if self.key is not None and self._ours:
                at = stored.seq - before.seq - 1
                self._seal(
                    self.key, msgspec.json.decode(body, type=Seal), stored.seq, sum_of(raws[at - 1]) if at else before.sum
                )
            case _:
                pass

    def _seal(self, key: SealKey, seal: Seal, seq: int, digest: str) -> None:
        if seal.epoch < key.epoch:
            return  # made before the key was given out
        if seal.epoch > key.epoch + 1_000_000:
            raise Damaged(seq, f"its seal is of epoch {seal.epoch}: not made by the daemon that held the key")
        while key.epoch < seal.epoch:
            key = key.next()
        self.key = key
        if not key.fits(seal, digest):
            raise Damaged(seq, "its seal does not fit: not made by the daemon that held the key")
        self.seals += 1

    def _anchors(self, before: Place, raws: list[bytes]) -> None:
        while self.anchors and self.anchors[0].seq <= before.seq + len(raws):
            anchor = self.anchors.pop(0)
            if anchor.seq <= self.opening.seq:
                continue
            if sum_of(raws[anchor.seq - before.seq - 1]) != anchor.sum:
                raise Damaged(anchor.seq, f"it is not the record that was written down at {anchor.place or 'the anchor'}")
            self.held, self.held_at = anchor.seq, anchor.place

    def _end(self) -> None:
        if self.anchors:
            last = self.anchors[-1]
            raise Damaged(self.place.seq + 1, f"missing: record {last.seq} was written down at {last.place or 'the anchor'}")
        if self.opening.seq and self.opening not in self.dropped:
            raise Damaged(FIRST_SEQ, f"the first {self.opening.seq} records are missing")


def _verdict(check: _Check, damage: Damaged | None) -> Verified:
    since = 1 if damage is not None and damage.seq == FIRST_SEQ else check.opening.seq + 1
    records = max(0, check.place.seq - check.opening.seq) if since > 1 or not check.opening.seq else 0
    return Verified(
        ok=damage is None,
        records=records,
        head=check.place,
        limits=" ".join(_limits(check)),
        since=since,
        first_bad_seq=damage.seq if damage else None,
        why=damage.why if damage else "",
        anchored=check.held,
        seals=check.seals,
    )


def _limits(check: _Check) -> Iterator[str]:
    """What was not seen, in sentences."""
    yield f"Cannot see: records lost after number {check.place.seq}."
    if check.opening.seq:
        yield f"Records up to {check.opening.seq} were dropped by the rule anchor.keep_days, as the journal itself says."
    if check.held:
        yield f"Up to record {check.held} the chain is the one that is known at {check.held_at or 'the anchor'}."
    else:
        yield (
            f"Cannot see: a whole journal written anew with new sums. Compare the head {check.place.sum[:16]} with a copy "
            "that you keep elsewhere (controlroom audit anchor; audit verify --anchor)."
        )
