"""The runner: feeds events to the core one at a time and carries out its orders, in order.

Everything here runs on the daemon's loop; what blocks goes to a thread. The core's state is replaced, never shared.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Protocol

import anyio
import anyio.to_thread
import msgspec

from controlroom.core import Limits, State, step
from controlroom.core import orders as od
from controlroom.daemon import words
from controlroom.daemon.ledger import Ledger
from controlroom.model import event as ev
from controlroom.model import wire
from controlroom.model.agent import OVER, Handle, Session, StopResult
from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.model.request import Request
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier, Verdict
from controlroom.storage.journal import Journal, JournalBroken

CHECK_SECONDS = 5.0
MOST_HOLDS = 256  # sessions that are taken hold of at once
MOST_CHECKS = 8
MORE_SECONDS = 10.0  # until a snapshot that hangs in the kernel is given up
MOST_PASSING = 4
MOST_SAVES = 2  # snapshots at once; the others wait their turn
MOST_CALLS, MOST_CALL = 50, 300  # of a stop's receipt: calls, characters of one


class Gate(Protocol):
    """What the runner needs of the gate server."""

    def reply(self, request: str, connection: str, verdict: Verdict, by: str, reason: str) -> bool:
        """Answer on the connection that asked while its peer lives; False = nobody was there."""

    async def hooks_gone(self, session: str) -> bool:
        """Wait (bounded) until no hook process of the session is left."""

    def changed(self, request: Request) -> str:
        """What is no longer as it was shown; "" = everything is as it was. Blocking."""


class Keeper(Protocol):
    """Makes the snapshots. `seconds`: how long one may take."""

    seconds: float

    def save(self, request: Request, gone: Callable[[], bool]) -> Saved:
        """Save what the request's act could destroy. `gone`: nobody waits any more. Blocking."""


class NoKeeper:
    """Saves nothing, and says so."""

    seconds = 0.0

    def save(self, request: Request, gone: Callable[[], bool]) -> Saved:
        return Saved("", why="nothing here makes snapshots")


class Latches(Protocol):
    """The latch file on disk."""

    def write(self, stop_id: str, by: str) -> str:
        """Make sure it is there; returns why it is not, "" = it is."""

    def clear(self) -> str:
        """Remove it; returns why that failed, "" = it is gone."""


class Hands(Protocol):
    """Takes hold of a session's processes. Blocking; bounded."""

    def __call__(self, act: str, handle: Handle) -> StopResult: ...


class Runner:
    """Owns the state. `feed` may be called from anywhere on the loop, also while an event is being carried out."""

    def __init__(
        self, limits: Limits, journal: Journal, ledger: Ledger, clock: Callable[[], Instant], latches: Latches, hands: Hands
    ) -> None:
        self.state = State(limits)
        self.clock = clock
        self.journal = journal
        self.ledger = ledger
        self.handles: dict[str, Handle] = {}
        self.results: dict[str, StopResult] = {}
        self.caught: frozenset[str] = frozenset()  # sessions that were there when the emergency stop in force was pulled
        self._flushing: asyncio.Task[None] | None = None
        self.unseen = ""  # that the journal had failed, until an operator has taken note of it
        self.gate: Gate | None = None
        self.keeper: Keeper = NoKeeper()
        self.on_alarm: Callable[[od.Alarm], None] = lambda alarm: None
        self.on_change: Callable[[], None] = lambda: None
        self.on_record: Callable[[int, Record], None] = lambda seq, record: None
        self.on_forget: Callable[[Session], None] = lambda session: None
        self._latches = latches
        self._hands = hands
        self._queue: deque[ev.Event] = deque()
        self._busy = False
        self._contained = asyncio.Event()
        self._tickets: dict[str, asyncio.Future[str]] = {}
        # Limits of their own: judgements that hang on a bad file system must not keep a stop from its thread.
        # What passes must not wait for the large snapshots of what was asked.
        self._saving, self._passing = anyio.CapacityLimiter(MOST_SAVES), anyio.CapacityLimiter(MOST_PASSING)
        self._holding, self._looking = anyio.CapacityLimiter(MOST_HOLDS), anyio.CapacityLimiter(MOST_CHECKS)
        self._queues: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def feed(self, event: ev.Event) -> None:
        """Let something happen."""
        self._queue.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._queue:
                before = self.state
                self.state, orders = step(before, self._queue.popleft())
                for order in orders:
                    self._carry(order)
                if orders or _shown(before) != _shown(self.state):
                    self.on_change()
        finally:
            self._busy = False
        self.flush()

    @property
    def broken(self) -> str:
        """Why the journal takes nothing, or that nobody has seen yet that it did not; "" = it does, and all is well."""
        return self.journal.broken or self.unseen

    @property
    def unjournalled(self) -> int:
        """Records that are on no disk and will not be (S9)."""
        return self.journal.unjournalled + self.ledger.refused

    async def ask(self, make: Callable[[str], ev.Event], seconds: float = 30.0) -> str:
        """Feed the event that `make` builds from a ticket and wait for its answer: an error, "" = done."""
        ticket = f"t{id(make)}-{len(self._tickets)}-{self.clock().boot}"
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tickets[ticket] = future
        try:
            self.feed(make(ticket))
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return f"internal: no answer within {seconds:.0f} s; look at the state before you try again"
        finally:
            self._tickets.pop(ticket, None)

    async def settled(self, seconds: float) -> None:
        """Wait until no session has an act under way, at most `seconds`."""
        with anyio.move_on_after(seconds):
            while any(h.intent for h in self.state.sessions.values()):
                self._contained.clear()
                await self._contained.wait()

    def record(self, kind: Kind, body: object, session: str = "", receipt: str = "") -> None:
        """Add a record that the core need not know of."""
        self._append(od.Append(Record(kind, self.clock(), session, receipt, msgspec.Raw(wire.encode(body)))))
        self.flush()
        self.on_change()

    def alarm(self, kind: str, text: str, session: str = "") -> None:
        """Tell the operators something that the core need not know of; it is recorded."""
        self._carry(od.Alarm(kind, session, text))
        self.flush()

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run something beside the loop; an exception in it ends the daemon's task and is told as an alarm."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned)
        return task

    def _spawned(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.on_alarm(od.Alarm("internal", "", f"a task of the daemon failed: {error!r}"))

    def _carry(self, order: od.Order) -> None:
        match order:
            case od.Append():
                self._append(order)
            case od.Reply():
                ok = self.gate is not None and self.gate.reply(
                    order.request, order.connection, order.verdict, order.by, order.reason
                )
                self._queue.append(ev.Delivered(self.clock(), order.request, ok))
            case od.Answer():
                future = self._tickets.get(order.ticket)
                if future and not future.done():
                    future.set_result(order.error)
            case od.Snapshot():
                self.spawn(self._save(order.request))
            case od.Check():
                self.spawn(self._check(order.request))
            case od.AwaitHooks():
                self.spawn(self._await_hooks(order.session))
            case od.Contain():
                self._contain(order)
            case od.Latch():
                self.caught |= {s for s, held in self.state.sessions.items() if held.session.state not in OVER}
                self._tell(self._latches.write(order.stop_id, order.by), "the latch file cannot be written")
            case od.Unlatch():
                self.caught = frozenset()
                why = self._latches.clear()
                self._tell(why, "the latch file cannot be removed")
                if why:  # it still holds every hook: nothing may be allowed in between
                    self._queue.append(ev.Estop(self.clock(), order.stop_id, "a latch file that cannot be removed"))
            case od.Alarm():
                called = {"call": order.call} if order.call else {}
                self.record(Kind.ALARM, {"kind": order.kind, "text": order.text, **called}, order.session)
                self.on_alarm(order)
            case od.Forget():
                self._forget(order.session)

    def _forget(self, session: Session) -> None:
        """What is kept beside the core goes when the core itself has dropped the session."""
        try:
            self.on_forget(session)
        except OSError as e:
            self._carry(od.Alarm("handle", session.id, f"the handle of a session that is over stays on disk: {e}"))
        for known in (self.results, self._queues):
            for old in [k for k in known if k not in self.state.sessions and k != session.id]:
                del known[old]

    def _tell(self, why: str, what: str) -> None:
        if why:
            self._carry(od.Alarm("latch", "", f"{what}: {why}"))

    def _append(self, order: od.Append) -> None:
        try:
            seq = self.journal.append(order.record)
        except ValueError as e:  # a record that cannot be stored: what waits for it is denied
            self.ledger.refused += 1
            self.on_alarm(od.Alarm("journal", order.record.session, str(e)))
            if order.confirm:
                self._queue.append(ev.Durable(self.clock(), order.confirm, str(e)))
            return
        self.ledger.add(seq, order.record)
        self.on_record(seq, order.record)
        if order.confirm:
            self.spawn(self._durable(seq, order.confirm))

    async def _durable(self, seq: int, request: str) -> None:
        self.feed(ev.Durable(self.clock(), request, await self._why_not_durable(seq)))

    async def _why_not_durable(self, seq: int) -> str:
        try:
            await self.journal.durable(seq)
        except JournalBroken as e:
            return e.why
        return ""

    def flush(self) -> None:
        """See to it that records nobody waits for reach the disk too (the reserve, where the journal takes nothing)."""
        if self._flushing is None or self._flushing.done():
            self._flushing = self.spawn(self.journal.flush())

    async def _save(self, request_id: str) -> None:
        """Save the targets, in a thread, and only while somebody still waits for it."""
        request = self.state.requests.get(request_id)
        if request is None:
            return
        saved = Saved("", why="the file system does not answer")
        late = False

        def gone() -> bool:
            return late or request_id not in self.state.requests

        try:
            with anyio.move_on_after(self.keeper.seconds + MORE_SECONDS):
                limiter = self._saving if request.assessment.tier >= Tier.T2 else self._passing
                saved = await anyio.to_thread.run_sync(self.keeper.save, request, gone, abandon_on_cancel=True, limiter=limiter)
        except Exception as e:  # noqa: BLE001  what cannot be saved is not there, and the core says what that means
            saved = Saved("", why=f"it failed: {type(e).__name__}: {e}".encode("utf-8", "backslashreplace").decode())
        late = True
        self.feed(ev.Snapped(self.clock(), request_id, saved))

    async def durable(self) -> str:
        """Wait until everything that was recorded is on the disk; why it is not, "" = it is."""
        return await self._why_not_durable(self.journal.seq)

    async def _check(self, request_id: str) -> None:
        request = self.state.requests.get(request_id)
        if request is None:
            return
        changed = "looking at it again took too long"
        try:
            with anyio.move_on_after(CHECK_SECONDS):
                look = self.gate.changed if self.gate else _nobody
                changed = await anyio.to_thread.run_sync(look, request, abandon_on_cancel=True, limiter=self._looking)
        except Exception as e:  # noqa: BLE001  what cannot be looked at again is not released
            changed = f"looking at it again failed: {type(e).__name__}: {e}".encode("utf-8", "backslashreplace").decode()
        self.feed(ev.Checked(self.clock(), request_id, changed))

    async def _await_hooks(self, session: str) -> None:
        ok = self.gate is not None and await self.gate.hooks_gone(session)
        self.feed(ev.HooksGone(self.clock(), session, ok))

    def _contain(self, order: od.Contain) -> None:
        """One act after the other for each session: a thaw never overtakes a freeze. A kill waits for nobody."""
        before = None if order.act == "kill" else self._queues.get(order.session)

        async def run() -> None:
            if before is not None:
                await asyncio.wait([before])
            self.feed(ev.Contained(self.clock(), await self._take_hold(order)))
            self._contained.set()

        self._queues[order.session] = self.spawn(run())

    async def _take_hold(self, order: od.Contain) -> StopResult:
        handle, calls = self.handles.get(order.session), self._under_way(order.session)
        held = self.state.sessions.get(order.session)
        since = held.since if held else None
        if handle is None:
            result = StopResult(order.session, order.act, "", 0, why="there is no handle to take hold of it")
        else:
            try:
                result = await anyio.to_thread.run_sync(self._hands, order.act, handle, limiter=self._holding)
            except Exception as e:  # noqa: BLE001  a stop that failed is a stop that is not confirmed, never silence
                result = StopResult(order.session, order.act, "", 0, why=f"it failed: {type(e).__name__}: {e}")
        if result.found is not None:
            result = msgspec.structs.replace(result, found=msgspec.structs.replace(result.found, calls=calls))
        if since is not None:  # what came before our hands were free counts too: denials, hooks that had to go, the queue
            result = msgspec.structs.replace(result, ms=max(result.ms, round(self.clock().seconds_since(since) * 1000)))
        self.results[order.session] = result
        return result

    def _under_way(self, session: str) -> tuple[str, ...]:
        """The released calls of a session of which nobody has told the end."""
        receipts = [self.ledger.get(act.request) for act in self.state.acts.values() if act.session == session]
        actions = [r.intent.action for r in receipts if r is not None]
        return tuple(f"{a.tool}: {words.brief(a)[:MOST_CALL]}" for a in actions[-MOST_CALLS:])


def _nobody(request: Request) -> str:
    return "there is no gate to look at it again"


def _shown(state: State) -> tuple[object, ...]:
    """What operators are shown of it; that time goes by and figures are taken is no news. What is shared compares at once."""
    return state.requests, state.grants, state.latch, [held.session for held in state.sessions.values()]
