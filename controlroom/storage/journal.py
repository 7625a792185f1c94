"""The journal: appended without waiting for the disk, acknowledged only once it is on the disk, never by two writers.

Used from one event loop. `append` takes a record and gives its number at once; `durable` waits until a sync that began after
the record was handed in is done, and many waiters share one sync (made in a thread). After the first error of a write or a
sync nothing is acknowledged, and so nothing released, until `mend` has put everything that is not on the disk into a new
segment and synced that. Meanwhile stops, kills and denials are written to the reserve.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.model.storing import Storing
from controlroom.storage.body import clean
from controlroom.storage.chain import Damaged, Place
from controlroom.storage.lineup import Entry, Lineup
from controlroom.storage.notes import FORMAT, Anchored, Carried, Dropped, Opened, Recovered
from controlroom.storage.port import KernelStorage, Mode, Storage, overwrite_all, read_all
from controlroom.storage.recover import Head, recover
from controlroom.storage.reserve import Reserve
from controlroom.storage.rounds import Rounds, Standing
from controlroom.storage.seal import MOST_SECONDS, SealKey
from controlroom.storage.segments import path_of, read
from controlroom.storage.space import level
from controlroom.storage.writer import Touched, Writer, parts
from controlroom.text.redact import Mark


class JournalBroken(Exception):
    """What was handed in cannot be made durable now: deny everything, tell the operator `why`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the journal is broken: {why}")
        self.why = why


class Journal:
    """The one writer of a journal's folder. Make it with `open`.

    `opening`: what stands before it was not looked at by `open`. `recovered`: what `open` found, None = nothing to tell.
    """

    def __init__(
        self, storage: Storage, directory: Path, lock: int, lineup: Lineup, head: Head, reserve: Reserve | None
    ) -> None:
        self.opening = head.opening
        self.recovered: Recovered | None = None
        self._storage, self._directory, self._lock = storage, directory, lock
        self._lineup, self._reserve = lineup, reserve
        self._writer = Writer(storage, directory, head.segment, head.size)
        self._guard = threading.Lock()  # over the lineup; never held over disk calls
        self._writing = threading.Lock()  # one at a time at the disk; over writer and reserve
        self._rounds = Rounds(self._write_out, self._standing)
        self._closed = False

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        clock: Callable[[], Instant],
        boot: str,
        version: str,
        storage: Storage | None = None,
        mark: Mark | None = None,
    ) -> "Journal":
        """Take the lock, check the newest segment, move a torn tail to `quarantine/`, write `journal.opened`, durably.

        `boot` is the machine's boot id, `version` ours, `mark` the digest that stands for a redacted secret.

        A journal that was changed, or is of a newer format, is opened read-only: `broken` says so, and it never takes anything
        but what fits the reserve. One that cannot be written is broken until `mend`. Raises Insecure, Locked, and OSError where
        it cannot be read. Blocks while one segment is read.
        """
        disk = storage or KernelStorage()
        disk.secure(directory)
        lock = disk.lock(directory)
        with contextlib.ExitStack() as undo:
            undo.callback(disk.close, lock)
            head, refused = _look(disk, directory)
            lineup = Lineup(head.place, head.segment, head.size, clock, boot, version, mark)
            reserve, spooled, trouble = _open_reserve(disk, directory)
            if reserve is not None:
                undo.callback(reserve.close)
            journal = cls(disk, directory, lock, lineup, head, reserve)
            undo.callback(journal._writer.close)
            if refused:
                lineup.refuse(refused)
            elif trouble:
                lineup.broke(trouble, [])
            lineup.hand_in(lineup.own(Kind.OPENED, Opened(boot, version, os.getpid(), lineup.key.life)))
            journal._take_over(head, spooled)
            undo.pop_all()
        return journal

    def _take_over(self, head: Head, spooled: list[Record]) -> None:
        """Hand in what an earlier life left in the reserve, and tell what was found."""
        missing = self._not_there(spooled)
        if head.quarantined or missing:
            self.recovered = Recovered(head.quarantined, len(missing))
            self._lineup.hand_in(self._lineup.own(Kind.RECOVERED, self.recovered))
        for record in missing:
            self._lineup.hand_in(record)
        if self._lineup.why:  # they stay where they are
            self._lineup.noted(missing)
        self._write_out()
        if not self._lineup.why:
            self._empty_reserve()

    def _not_there(self, spooled: list[Record]) -> list[Record]:
        """Which of them the journal does not have: a write that failed may have stored them all the same, and a crash may have
        come before the reserve was emptied.
        """
        if not spooled:
            return []
        there = {_identity(s.record) for s in read(self._directory, self._storage, newest=2) if s.record is not None}
        return [record for record in spooled if _identity(record) not in there]

    @property
    def seq(self) -> int:
        """Number of the last record handed in (durable or not)."""
        return self._lineup.seq

    @property
    def head(self) -> Place:
        """The last record that is on the disk."""
        return self._lineup.durable

    @property
    def broken(self) -> str:
        """Why nothing can be made durable now; "" while all is well."""
        return self._lineup.why

    @property
    def mendable(self) -> bool:
        """Whether it is broken and `mend` can help."""
        return bool(self._lineup.why) and not self._lineup.final

    @property
    def deaths(self) -> int:
        """How often a write or sync failed since the opening."""
        return self._lineup.deaths

    @property
    def fault(self) -> str:
        """Why the last one failed."""
        return self._lineup.fault

    @property
    def unjournalled(self) -> int:
        """Records that were handed in and are neither in the journal, nor about to be, nor in the reserve (S9)."""
        return self._lineup.unjournalled

    def carry(self, carried: Callable[[], Carried]) -> None:
        """What a new segment takes along; asked for from within `append`."""
        self._lineup.carry = carried

    def storing(self) -> Storing:
        """How well it can be written at this moment. Raises OSError where the room on the disk cannot be told."""
        return Storing.BROKEN if self._lineup.why else level(self._storage.space(self._directory))

    def seal_key(self) -> SealKey:
        """The key of the next seal: for whoever keeps it away from this machine. Never written anywhere by us."""
        return self._lineup.key

    def append(self, record: Record) -> int:
        """Hand in a record; its number. Secrets in the body are redacted here, so that none can reach the disk (S18).

        Never waits for the disk. A failed write or sync may move numbers that are not durable. Raises ValueError where the
        body is not JSON or the line is over MAX_LINE; nothing is handed in then.
        """
        body = clean(record.body, self._lineup.mark)
        with self._guard:
            self._lineup.hand_in(Record(record.kind, record.at, record.session, record.receipt, body))
            return self._lineup.seq

    async def durable(self, seq: int) -> None:
        """Return once record `seq` is on the disk. Raises JournalBroken (then what is urgent is in the reserve), ValueError
        for a number not handed out.
        """
        lineup = self._lineup
        if seq > lineup.seq:
            raise ValueError(f"record {seq} was not handed in; the last one is {lineup.seq}")
        deaths = lineup.deaths
        waits = seq > lineup.durable.seq or lineup.why  # a look without the guard; that it is there is told only with it
        if (self._closed or not waits) and self._is_synced(seq, deaths):
            return
        if why := await self._rounds.join(seq, deaths):
            raise JournalBroken(why)

    async def flush(self) -> None:
        """See to it that everything handed in so far is written and synced, or what is urgent of it goes to the reserve."""
        if not self._closed:
            await self._rounds.join(self._lineup.seq, self._lineup.deaths)

    def sync(self) -> None:
        """Make everything handed in durable now, blocking. Raises JournalBroken, as `durable`."""
        seq, deaths = self._lineup.seq, self._lineup.deaths
        if self._lineup.why:
            self._write_out()
        while not self._is_synced(seq, deaths):
            self._write_out()

    def seal(self, now: Instant) -> None:
        """Seal what is not sealed, where that is due by time."""
        with self._guard:
            due = now.seconds_since(self._lineup.sealed_at) >= MOST_SECONDS * 0.8
            if due and self._lineup.unsealed and not self._lineup.why:
                self._lineup.push_seal()

    def anchored(self, anchored: Anchored) -> None:
        """Record that the head was written down outside."""
        with self._guard:
            self._lineup.hand_in(self._lineup.own(Kind.ANCHORED, anchored))

    def dropped(self, dropped: Dropped) -> int:
        """Record that segments go; its number. They may go once it is durable."""
        with self._guard:
            self._lineup.hand_in(self._lineup.own(Kind.DROPPED, dropped))
            return self._lineup.seq

    def refuse(self, why: str) -> None:
        """Take nothing more, for good: it was found changed."""
        with self._guard:
            self._lineup.refuse(why)

    def mend(self) -> bool:
        """Go on in a new segment after an error, with everything that is not on the disk yet. Blocking; whether all is well.

        Called by the owner from time to time; each call is one try, and the failed segment itself is never touched again.
        """
        with self._writing:
            with self._guard:
                if not self.mendable:
                    return not self._lineup.why
                self._writer.leave()
                entries = self._lineup.anew(*self._writer.good)
            if not self._put(entries):
                return False
            with self._guard:
                self._lineup.well()
            self._empty_reserve()
        return not self._lineup.why

    def close(self) -> None:
        """Make everything durable, seal it, and give the lock back; a second call does nothing. Blocking.

        Raises JournalBroken where records were lost; the lock is given back all the same.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self.sync()
            if self._lineup.unsealed:
                self._lineup.push_seal()
                # The seal is a write of its own: a flaw in the records before it is no torn tail at the next opening.
                self.sync()
        finally:
            self._rounds.close()
            self.refuse("it was closed")
            self._writer.close()
            if self._reserve is not None:
                self._reserve.close()
            self._storage.close(self._lock)

    def _is_synced(self, seq: int, deaths: int) -> bool:
        durable, died, why = self._standing()
        if died == deaths and seq <= durable:
            return True
        if why or died != deaths:
            raise JournalBroken(why or "a write or sync failed meanwhile")
        return False

    def _standing(self) -> Standing:
        with self._guard:
            return Standing(self._lineup.durable.seq, self._lineup.deaths, self._lineup.why)

    def _write_out(self) -> None:
        """One group commit; runs in a thread. Leaves its error in `broken`, where every waiter finds it."""
        with self._writing:
            with self._guard:
                entries = [] if self._lineup.why else self._lineup.take()
            if entries:
                self._put(entries)
            elif self._lineup.why:
                self._spool()

    def _put(self, entries: list[Entry]) -> bool:
        """Write and sync; whether that went well. Each part that is on the disk counts, whatever becomes of the next."""
        done = 0
        try:
            for data, begins, count in parts(entries):
                self._writer.put(data, begins)
                done += count
                with self._guard:
                    self._lineup.durable = entries[done - 1].place
        except (OSError, Touched) as error:
            with self._guard:
                self._lineup.broke(str(error), entries[done:])
                if isinstance(error, Touched):
                    self._lineup.refuse(f"{error}. It is only read; see: controlroom audit verify")
            self._spool()
            return False
        return True

    def _spool(self) -> None:
        """Write down what is urgent where the journal cannot take it; `unjournalled` tells where even that fails."""
        with self._guard:
            urgent = self._lineup.urgent()
        if self._reserve is None or not urgent:
            return
        with contextlib.suppress(OSError):
            stored = self._reserve.add(urgent)
            with self._guard:
                self._lineup.noted(urgent[:stored])

    def _empty_reserve(self) -> None:
        """Once its records are in the journal. Without a reserve nothing may be released: the next stop could be lost."""
        try:
            if self._reserve is None:
                self._reserve, _ = Reserve.open(self._storage, self._directory)
            self._reserve.clear()
        except OSError as error:
            with self._guard:
                self._lineup.broke(f"the reserve cannot be written: {error}", [])


def _identity(record: Record) -> tuple[object, ...]:
    return record.kind, record.at, record.session, record.receipt, bytes(record.body)


def _look(storage: Storage, directory: Path) -> tuple[Head, str]:
    """Where the journal goes on, and why it must not; "" = it may."""
    try:
        head = recover(storage, directory)
        _write_again(storage, head)
    except Damaged as damage:
        why = f"record {damage.seq} is not as it was written: {damage.why}. It is only read; see: controlroom audit verify"
        return Head(Place(), Place(), path_of(directory, 1), 0), why
    if head.format > FORMAT:
        return head, f"a newer controlroom wrote it (format {head.format}, this one knows {FORMAT}); it is only read"
    return head, ""


def _write_again(storage: Storage, head: Head) -> None:
    """Make what was read last be on the disk, not only in memory. Raises OSError."""
    if not head.doubtful:
        return
    fd = storage.open(head.segment, Mode.UPDATE)
    try:
        at = head.size - head.doubtful
        overwrite_all(storage, fd, read_all(storage, fd, at, head.doubtful), at)
        storage.sync(fd)
    finally:
        storage.close(fd)
    storage.fsync_dir(head.segment.parent)


def _open_reserve(storage: Storage, directory: Path) -> tuple[Reserve | None, list[Record], str]:
    """The reserve, the records in it, and why there is none."""
    try:
        reserve, spooled = Reserve.open(storage, directory)
    except OSError as error:
        return None, [], f"the reserve cannot be made: {error}"
    return reserve, [stored.record for stored in spooled if stored.record is not None], ""
