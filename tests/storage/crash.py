"""A life of a journal on the disk in memory, the power gone at every call of it, and what must hold afterwards (S8, S9).

`campaign(seed)` gives the number of crash points that were looked at; an AssertionError names the seed, the call and the loss.
"""

import errno
import random
from pathlib import Path
from unittest.mock import patch

import msgspec

from controlroom.model.record import Kind, Record
from controlroom.storage import lineup
from controlroom.storage.body import is_urgent
from controlroom.storage.journal import Journal, JournalBroken
from controlroom.storage.verify import verify
from tests.storage.disk import LOSSES, SHORT, Image, MemoryDisk
from tests.storage.support import AT, given, opened

FOLDER = Path("/journal")
SMALL = 6_000  # bytes of a segment, so that lives of fifty records have several
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EMFILE, errno.EINTR, SHORT)


class Life:
    """Records handed in, how many of them were acknowledged, and the disk just before each call that changes it."""

    def __init__(self, seed: int, steps: int, faults: bool) -> None:
        self.dice = random.Random(seed)
        self.disk = MemoryDisk()
        self.handed: list[Record] = []
        self.acked = 0
        self.spooled: list[Record] = []  # urgent ones that the reserve took
        self.moments: list[tuple[str, Image, int, tuple[Record, ...], tuple[Record, ...]]] = []
        self.disk.before = self._keep
        self.faults = faults
        with patch.object(lineup, "MOST", SMALL):
            self._live(steps)

    def _keep(self, call: str) -> None:
        self.moments.append((call, self.disk.image(), self.acked, tuple(self.handed), tuple(self.spooled)))

    def _live(self, steps: int) -> None:
        journal = opened(FOLDER, self.disk)
        for _ in range(steps):
            if self.faults and self.dice.random() < 0.08:
                self.disk.fail_at[self.disk.calls + self.dice.randint(1, 6)] = self.dice.choice(ERRORS)
            does = self.dice.choices(("append", "sync", "seal", "again", "mend"), (10, 5, 1, 0.4, 2))[0]
            match does:
                case "append":
                    self._append(journal)
                case "sync":
                    self._sync(journal)
                case "seal":
                    journal.seal(AT.plus(3600))
                case "mend":
                    if journal.broken and journal.mend():
                        self._acked()
                case _:
                    journal = self._again(journal)

    def _append(self, journal: Journal) -> None:
        number = len(self.handed)
        if self.dice.random() < 0.3:
            one = Record(Kind.DECISION, AT, "s1", f"r{number}", msgspec.Raw(b'{"verdict":"deny","n":%d}' % number))
        else:
            body = msgspec.json.encode({"n": number, "t": "x" * self.dice.choice((1, 60, 400, 900))})
            one = Record(Kind.OBSERVED, AT, "s1", "", msgspec.Raw(body))
        self.handed.append(one)
        journal.append(one)

    def _sync(self, journal: Journal) -> None:
        try:
            journal.sync()
        except JournalBroken:
            lineup = journal._lineup  # which ones it says are in the reserve
            self.spooled = [one for one in lineup.kept if id(one) in lineup._noted and one in self.handed]
            return
        self._acked()

    def _acked(self) -> None:
        self.acked, self.spooled = len(self.handed), []

    def _again(self, journal: Journal) -> Journal:
        """The daemon stops in good order and starts again; with a broken journal, what was not acknowledged goes with it."""
        try:
            journal.close()
        except JournalBroken:
            pass
        else:
            self._acked()
        self.disk.fail_at.clear()
        journal = opened(FOLDER, self.disk)
        self.handed = given(FOLDER, self.disk)
        self.acked, self.spooled = len(self.handed), []
        return journal


def campaign(seed: int, steps: int = 50, faults: bool = False, share: float = 1.0) -> int:
    """Crash a life at every call (or a share of them) in every way."""
    life = Life(seed, steps, faults)
    dice = random.Random(seed)
    looked = 0
    for number, (call, image, acked, lived, spooled) in enumerate(life.moments):
        for loss in LOSSES:
            if dice.random() < share:
                looked += 1
                where = f"seed {seed}, faults {faults}: the power goes before call {number} ({call}), unsynced data: {loss}"
                _holds(where, MemoryDisk.after(image, loss, dice), lived, acked, spooled)
    return looked


def _holds(where: str, disk: MemoryDisk, handed: tuple[Record, ...], acked: int, spooled: tuple[Record, ...]) -> None:
    journal = opened(FOLDER, disk)
    assert not journal.broken, f"{where}: {journal.broken}"
    found = given(FOLDER, disk)
    lived = list(handed)
    assert found[:acked] == lived[:acked], f"{where}: an acknowledged record is lost"
    prefix = next((i for i, (a, b) in enumerate(zip(found, lived, strict=False)) if a != b), min(len(found), len(lived)))
    rest = found[prefix:]
    assert rest == [one for one in lived[prefix:] if one in rest], f"{where}: records that were not handed in, or in disorder"
    assert all(map(is_urgent, rest)), f"{where}: not a prefix of what was written"
    assert all(one in found for one in spooled), f"{where}: a denial that was spooled is lost"
    more = Record(Kind.ALARM, AT, body=msgspec.Raw(b'"more"'))
    journal.append(more)
    journal.close()
    again = opened(FOLDER, disk)
    assert not again.broken, f"{where}: after another start: {again.broken}"
    again.close()
    assert given(FOLDER, disk) == [*found, more], f"{where}: another start changed it"
    verdict = verify(FOLDER, storage=disk)
    assert verdict.ok, f"{where}: {verdict.why}"
    assert not disk.open_files, f"{where}: {disk.open_files} descriptors are left open"
