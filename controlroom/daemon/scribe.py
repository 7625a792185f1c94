"""Keeps the journal: what a start takes from it, and what goes on beside the calls (seals, room, mending, anchors)."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

import anyio
import anyio.to_thread
import msgspec

from controlroom.daemon.accepted import Pin
from controlroom.daemon.clock import now
from controlroom.daemon.doubts import Doubts
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.operator_server import CallError, Method, Params
from controlroom.daemon.runner import Runner
from controlroom.model import event as ev
from controlroom.model.agent import OVER, Session, SessionState
from controlroom.model.record import Kind, Record
from controlroom.model.settings import Anchor
from controlroom.model.storing import Storing
from controlroom.storage.anchor import BadPlace, anchor
from controlroom.storage.chain import Damaged, decode
from controlroom.storage.journal import Journal, JournalBroken
from controlroom.storage.mounts import doubt
from controlroom.storage.notes import Anchored, Carried, Dropped, Remembered
from controlroom.storage.port import KernelStorage
from controlroom.storage.receipts import brief, is_open
from controlroom.storage.retention import NotDropped, drop, due
from controlroom.storage.segments import blocks, number_of, read, segments
from controlroom.storage.verify import check_older

BEAT_SECONDS = 1.0
MEND_SECONDS = 2.0
ANCHOR_SECONDS = 300.0
DROP_SECONDS = 3_600.0
DAY = 86_400 * 10**9
MOST_EXTRA = 16 << 20  # bytes of the newest segment; a smaller one is read with the one before it, for the receipts

WRITTEN = "the journal is written again, in a new segment; nothing is allowed before an operator says: controlroom audit accept"
WORDS = {
    Storing.OK: "there is room for the journal again",
    Storing.LOW: "less than 500 MiB or 5 % is free where the journal lies; below 100 MiB nothing destructive is allowed",
    Storing.SCARCE: "less than 100 MiB is free where the journal lies: nothing of tier 2 and above is allowed",
}


class _State(msgspec.Struct, frozen=True):
    state: SessionState


class Recalled(NamedTuple):
    """What a start takes from the journal besides receipts: sessions by id; the hashes of settings and manifest in force;
    for each life of a daemon, this one last, whether an operator ended it; when the one before this one wrote its last record,
    ns since 1970, 0 = there was none.
    """

    sessions: dict[str, Session]
    pins: dict[str, str]
    lives: list[bool]
    before: int = 0

    @property
    def dismissed(self) -> bool:
        """Whether an operator ended the daemon before this one; one that was killed, or ended by a signal, was not."""
        return len(self.lives) > 1 and self.lives[-2]

    def add(self, record: Record) -> None:
        """Fold one record in."""
        match record.kind:
            case Kind.CARRIED:
                carried = msgspec.json.decode(record.body, type=Carried)
                self.sessions.update({session.id: session for session in carried.sessions})
                self.pins.update(carried.pins)
            case Kind.CONFIG:
                pin = msgspec.json.decode(record.body, type=Pin)
                self.pins[pin.what] = pin.sha256
            case Kind.OPENED:
                self.lives.append(False)
            case Kind.DISMISSED:
                self.lives[-1] = True
            case Kind.SESSION if record.session:
                self._session(record)
            case _:
                pass

    def _session(self, record: Record) -> None:
        try:
            self.sessions[record.session] = msgspec.json.decode(record.body, type=Session)
        except msgspec.ValidationError:
            known = self.sessions.get(record.session)
            state = msgspec.json.decode(record.body, type=_State).state
            if known:
                self.sessions[record.session] = msgspec.structs.replace(known, state=state)


class Scribe:
    """Beside one runner and its journal."""

    def __init__(self, directory: Path, journal: Journal) -> None:
        self._directory, self._journal = directory, journal
        self._rule: Callable[[], Anchor] = Anchor  # where anchors go by themselves, and how long the journal is kept
        self._level = Storing.OK
        self._anchored = 0  # seq
        self._trouble = ""
        self._seen = 0  # failures of the journal that operators know of
        self._runner: Runner | None = None
        self._by = "operator"

    def recall(self, ledger: Ledger, note: Callable[[Record], None]) -> Recalled:
        """Fold the newest segments: receipts into `ledger`, every record into `note`, and what else an earlier daemon knew.

        Raises OSError.
        """
        recalled = Recalled({}, {}, [False])  # the first began in an older segment
        before = last = 0
        try:
            for stored in read(self._directory, newest=self._needed()):
                if stored.record is not None:
                    before = last if stored.record.kind is Kind.OPENED else before
                    last = stored.record.at.wall
                    ledger.add(stored.seq, stored.record)
                    note(stored.record)
                    recalled.add(stored.record)
        except Damaged:
            pass  # the journal is read-only and says so; what stands before the damage is recalled
        return recalled._replace(before=before)

    def _needed(self) -> int:
        """How many segments, from the newest back: to one that took along what there was before it."""
        storage = KernelStorage()
        found = segments(storage, self._directory)
        for count, segment in enumerate(reversed(found), 1):
            second = [decode(raw).kind for raw in next(blocks(storage, segment), [])[1:2] if raw.startswith(b'{"sum":"')]
            if number_of(segment) == 1 or second == [Kind.CARRIED]:
                small = count == 1 and segment.stat().st_size < MOST_EXTRA
                return min(len(found), count + small)
        return len(found)

    def attach(
        self,
        runner: Runner,
        doubts: Doubts,
        remembered: Callable[[Collection[str]], Remembered],
        pins: dict[str, str],
        rule: Callable[[], Anchor],
        by: str,
    ) -> None:
        """Take along, with every new segment, what goes on. `rule`: where anchors go by themselves, how long is kept. `by`:
        how operators are named.
        """
        self._rule, self._runner, self._by = rule, runner, by

        def carried() -> Carried:
            held = [h.session for h in runner.state.sessions.values() if h.session.state not in OVER]
            alive = {session.id for session in held}
            standing = tuple(one for one in doubts.standing() if one.session in alive)
            open_ = tuple(brief(r) for r in runner.ledger.all() if is_open(r))
            return Carried(tuple(held), open_, pins, standing, remembered(alive))

        self._journal.carry(carried)

    def table(self) -> dict[str, Method]:
        """The operator's calls that are about the journal (docs/protocol.md)."""
        return {
            "audit": self._audit,
            "anchored": self._note_anchor,
            "seal-key": self._seal_key,
            "journal": self._failed,
            "accept": self._accept,
        }

    async def _audit(self, params: Params) -> object:
        head = self._journal.head
        return {"seq": head.seq, "sum": head.sum}

    async def _seal_key(self, params: Params) -> object:
        return msgspec.to_builtins(self._journal.seal_key())

    async def _note_anchor(self, params: Params) -> object:
        try:
            self._journal.anchored(msgspec.convert(params, Anchored))
        except msgspec.ValidationError as error:
            raise CallError("usage", str(error)) from error
        return {}

    async def _failed(self, params: Params) -> object:
        return {"failed": self._unseen, "why": self._journal.fault, "broken": self._journal.broken}

    async def _accept(self, params: Params) -> object:
        """An operator has seen that the journal had failed so often: acts may be allowed again, once it is written (L5)."""
        runner = self._runner
        if runner is None or self._journal.broken:
            raise CallError("refused", f"the journal still takes nothing: {self._journal.broken or 'the daemon only begins'}")
        if params.get("failed") != self._unseen:
            raise CallError("changed", f"the journal has failed {self._unseen} times; look again")
        runner.record(Kind.ACCEPTED, {"failed": self._unseen, "why": self._journal.fault, "by": self._by})
        if why := await runner.durable():
            raise CallError("refused", f"the journal still takes nothing: {why}")
        self._seen, runner.unseen = self._journal.deaths, ""
        self._look(runner)
        return {}

    @property
    def _unseen(self) -> int:
        return self._journal.deaths - self._seen

    def tell(self, runner: Runner) -> None:
        """What the opening found, and whether it can be written at all."""
        found = self._journal.recovered
        for torn in found.quarantined if found else ():
            text = f"{torn.size} bytes at the journal's end were no whole record ({torn.why}): kept as quarantine/{torn.file}"
            runner.alarm("journal", text)
        if found and found.spooled:
            runner.alarm("journal", f"{found.spooled} records of stops and denials came out of the reserve")
        if odd := doubt(self._directory):
            runner.alarm("journal", odd)
        self._look(runner)

    async def run(self, runner: Runner) -> None:
        """The rest of the daemon's life."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._upkeep, runner)
            group.start_soon(self._anchors, runner)
            await self._beat(runner)

    async def _beat(self, runner: Runner) -> None:
        tried = 0.0
        while True:
            await anyio.sleep(BEAT_SECONDS)
            self._journal.seal(now())
            if self._journal.mendable and anyio.current_time() - tried >= MEND_SECONDS:
                tried = anyio.current_time()
                await anyio.to_thread.run_sync(self._journal.mend)
            self._look(runner)
            runner.flush()

    def _look(self, runner: Runner) -> None:
        try:
            level = self._journal.storing()
        except OSError as error:
            level = Storing.SCARCE  # unknown room is not room
            self._tell(runner, f"the room on the journal's disk cannot be told: {error}")
        if self._unseen:
            level = Storing.BROKEN  # whoever mended it was no operator (L5)
        if level is not self._level:
            self._step(runner, level)
        if self._journal.broken:
            runner.unseen = ""
        elif self._unseen and not runner.unseen:
            runner.unseen = WRITTEN
            runner.alarm("journal", f"{WRITTEN} (it had failed: {self._journal.fault})")

    def _step(self, runner: Runner, level: Storing) -> None:
        was, self._level = self._level, level
        runner.feed(ev.Stored(now(), level))
        if self._journal.broken:
            runner.alarm("journal", f"the journal takes nothing, so nothing is allowed: {self._journal.broken}")
        elif was is Storing.BROKEN:
            runner.alarm("journal", "acts may be allowed again; what was denied meanwhile stays denied")
        elif level is not Storing.BROKEN and (level is not Storing.OK or was is Storing.SCARCE):
            runner.alarm("journal", WORDS[level])

    async def _upkeep(self, runner: Runner) -> None:
        await self._older(runner)
        told = ""
        while True:
            trouble = await self._drop()
            if trouble and trouble != told:
                runner.alarm("journal", f"no old segment was dropped: {trouble}")
            told = trouble
            await anyio.sleep(DROP_SECONDS)

    async def _drop(self) -> str:
        """Let old segments go where the operator's rule says so (J15); why not, "" = all is as it should be."""
        rule = self._rule()
        if not rule.keep_days or not rule.place or self._journal.broken:
            return ""
        before = now().wall - rule.keep_days * DAY
        try:
            found = await anyio.to_thread.run_sync(self._due, rule.place, before)
            if found is not None:
                await self._journal.durable(self._journal.dropped(found))
                await anyio.to_thread.run_sync(drop, KernelStorage(), self._directory, found)
        except (NotDropped, BadPlace, Damaged, JournalBroken, OSError) as error:
            return str(error)
        return ""

    def _due(self, place: str, before: int) -> Dropped | None:
        return due(KernelStorage(), self._directory, place, before, self._needed())

    async def _older(self, runner: Runner) -> None:
        """What the opening did not look at, at leisure; a flaw in it closes the journal (J09)."""
        try:
            damage = await anyio.to_thread.run_sync(check_older, KernelStorage(), self._directory, self._journal.opening)
        except OSError as error:
            runner.alarm("journal", f"the older segments of the journal cannot be read, so they are not verified: {error}")
            return
        if damage is not None:
            why = f"record {damage.seq} is not as it was written: {damage.why}"
            self._journal.refuse(f"{why}. It is only read; see: controlroom audit verify")
            self._look(runner)

    async def _anchors(self, runner: Runner) -> None:
        """Write the head down outside, every five minutes in which there was something new."""
        while True:
            head, place = self._journal.head, self._rule().place
            if place and head.seq > self._anchored and not self._journal.broken:
                try:
                    note = Anchored(place, head.seq, head.sum)
                    await anyio.to_thread.run_sync(anchor, place, note, now().wall)
                except (BadPlace, OSError) as error:
                    self._tell(runner, f"the head of the journal could not be written to {place}: {error}")
                else:
                    self._trouble = ""
                    self._journal.anchored(note)
                    self._anchored = self._journal.seq
            await anyio.sleep(ANCHOR_SECONDS)

    def _tell(self, runner: Runner, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            runner.alarm("journal", trouble)
