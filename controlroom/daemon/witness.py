"""Looks into the logs that agents write themselves: what they tell goes into their sessions' stories, and is held against
the gate.

A log is named by a hook, or found where the agent keeps it. What it tells otherwise than the gate knows it becomes a doubt.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from controlroom.agents import TRANSCRIPTS, Call
from controlroom.agents.gated import GATED
from controlroom.agents.transcript import moment
from controlroom.containment import hold
from controlroom.core.state import Held
from controlroom.daemon import finding, naming
from controlroom.daemon.following import Batch, Following
from controlroom.daemon.load import TICK
from controlroom.daemon.reconcile import Doubt, Reconciler
from controlroom.daemon.runner import Runner
from controlroom.daemon.stories import Stories
from controlroom.daemon.unwatched import Missed, Span, Unwatched, reason
from controlroom.model import event as ev
from controlroom.model.agent import OVER, Handle, ProcessId, Session, SessionState
from controlroom.model.clock import SECOND
from controlroom.model.permissions import Gate
from controlroom.model.record import Kind, Record
from controlroom.model.request import Decision
from controlroom.model.tier import Verdict
from controlroom.model.told import ToolResult, ToolUse
from controlroom.storage.newest import asked

LOOK_SECONDS = 0.5
FIND_SECONDS = 2.0  # between two searches for the log of an agent that has named none
AGAIN_SECONDS = 10.0  # where one was found: it may write another
MOST_LOOKS_BACK = 3  # lines about what was done unwatched: what was under way ends later than the rest
MOST_DOUBTS = 20  # of one session that are told one by one until an operator clears them


class _Watch:
    """One session that is looked into. `since`: when it began to do what nobody may have looked at, ns since 1970."""

    def __init__(self, agent: str, home: str, since: int) -> None:
        self.following = Following(TRANSCRIPTS[agent])
        self.reconciler = Reconciler(home, partial=agent in GATED and GATED[agent].partial)
        self.since, self.unwatched = since, Unwatched(since)
        self.named = ""  # the log that a hook named
        self.conversation = self.place = ""  # that a hook named, and the log of it
        self.nameless = False  # its hooks give calls no id
        self.doubts = self.looks_back = 0
        self.searched = float("-inf")  # when its log was searched for last

    def due(self, now: float) -> bool:
        """Whether to search for its log now: often until one is found, and now and then for another."""
        if now - self.searched < (AGAIN_SECONDS if self.following.paths else FIND_SECONDS):
            return False
        self.searched = now
        return True


class Witness:
    """Watches the logs of the sessions in the room. `home`: where agents keep theirs, unless their environment says another.
    `root`: a session's first process. `gap`: when no daemon ran.
    """

    def __init__(
        self,
        runner: Runner,
        stories: Stories,
        clock: Callable[[], float],
        home: str,
        root: Callable[[Session], ProcessId | None],
        gap: Span,
    ) -> None:
        self._runner, self._stories, self._clock, self._home = runner, stories, clock, home
        self._root, self._gap = root, gap
        self._one = anyio.CapacityLimiter(1)  # of what goes through the journal
        self._watches: dict[str, _Watch] = {}
        self.on_found: Callable[[str, str], None] = lambda session, path: None
        self.gate: Callable[[str], Gate | None] = lambda session: None  # how strong a session's gate is, None = not yet known

    def known(self, session: str, agent: str, pid: int, call: Call) -> Call:
        """A message of a hook (process `pid`) with what it does not tell itself: the agent's log, and the name of a call."""
        watch = self._watch(session, agent)
        if watch is None:
            return call
        if not call.transcript and not call.subagent and call.session:
            if call.session != watch.conversation:
                where = finding.where_is(pid, call.cwd or "/", self._home)
                watch.conversation, watch.place = call.session, TRANSCRIPTS[agent].named(where, call.session)
            call = msgspec.structs.replace(call, transcript=watch.place)
        if not call.call and call.kind == "gate" and call.action is not None:
            watch.nameless = True
            tool, given = call.action.tool, call.action.input
            names = self._stories.of(session).naming
            logged = watch.reconciler.open(tool, given) or names.waiting(tool, given, watch.unwatched.waits)
            call = msgspec.structs.replace(call, call=logged or naming.fresh())
            names.asked(call.call, tool, given, self._runner.clock().boot / 1e9)
        elif not call.call and call.kind == "finished":
            running = (act.call for act in self._runner.state.acts.values() if act.session == session)
            call = msgspec.structs.replace(call, call=watch.reconciler.of(running, call.tool, call.executed))
        return call

    def heard(self, session: str, agent: str, call: Call) -> None:
        """A hook of this session spoke: it names its log, and perhaps a call that is now at the gate, or is over."""
        watch = self._watch(session, agent)
        if watch is None:
            return
        story = self._stories.of(session)
        watch.reconciler.heard = story.hooked = story.gated = True
        if call.transcript.startswith("/") and call.transcript != watch.named:
            if watch.named:  # another conversation of the same process
                watch.following.close()
                watch.following = Following(TRANSCRIPTS[agent])
            watch.named = call.transcript
            watch.following.add(call.transcript)
        if call.kind == "gate" and call.call and call.action is not None:
            watch.unwatched.gated(call.call)
            self._doubt(session, watch, watch.reconciler.gate(call.call, call.action))
        elif call.kind == "finished" and call.call:
            self._doubt(session, watch, watch.reconciler.ran(call.call, call.tool, call.executed))

    def again(self, session: str, agent: str, path: str) -> None:
        """A log that an earlier daemon has followed; what it looked at it has told."""
        watch = self._watch(session, agent, self._gap.begin)
        if watch is None:
            return
        watch.following.add(path)

    def note(self, record: Record) -> None:
        """A record went into the journal: a denial that must hold, or an operator has looked."""
        watch = self._watches.get(record.session)
        if watch is None:
            return
        if record.kind is Kind.CLEARED:
            watch.doubts = 0
        elif record.kind is Kind.DECISION and msgspec.json.decode(record.body, type=Decision).verdict is Verdict.DENY:
            receipt = self._runner.ledger.get(record.receipt)
            if receipt is not None and receipt.intent.call:
                watch.reconciler.denied(self._stories.of(record.session).naming.of(receipt.intent.call))

    def tokens(self, session: str) -> int | None:
        """All tokens that the log has told since we read it; None = there is no log."""
        watch = self._watches.get(session)
        return self._stories.of(session).tokens if watch and watch.following.paths else None

    def cost(self, session: str) -> float | None:
        """Dollars that the log has told since we read it; None = there is no log, or it tells none."""
        return self._stories.of(session).cost if self.tokens(session) is not None else None

    def logs(self, session: str) -> tuple[str, ...]:
        """The logs of a session that are followed."""
        watch = self._watches.get(session)
        return watch.following.paths if watch else ()

    async def run(self, journal: Path) -> None:
        """For ever."""
        while True:
            await anyio.sleep(LOOK_SECONDS)
            await self.look()
            for session, watch in list(self._watches.items()):
                if late := watch.unwatched.late(self._clock()):
                    self._runner.spawn(self._look_back(session, watch, late, journal))  # what is ungated now does not wait

    async def look(self) -> None:
        """Read all logs once, and tell what is not as the gate knows it."""
        for session in [s for s in self._watches if s not in self._runner.state.sessions]:
            self._watches.pop(session).following.close()
        await self._find()
        watches = dict(self._watches)
        batches = await anyio.to_thread.run_sync(_read, [watch.following for watch in watches.values()])
        for (session, watch), batch in zip(watches.items(), batches, strict=True):
            self._take(session, watch, batch)

    async def _look_back(self, session: str, watch: _Watch, late: list[Missed], journal: Path) -> None:
        """Calls from before we looked: those that no gate has a record of are told, all in one line."""
        known = frozenset(receipt.intent.call for receipt in self._runner.ledger.all())
        left = [one for one in late if one.call not in known]
        try:
            calls = [one.call for one in left]
            known = frozenset()
            if calls:
                known = await anyio.to_thread.run_sync(
                    asked, journal, calls, watch.since, abandon_on_cancel=True, limiter=self._one
                )
        except OSError as error:
            self._runner.alarm("journal", f"whether calls from before came to a gate cannot be read: {error}", session)
        missed = [one for one in left if one.call not in known]
        if not missed or session not in self._runner.state.sessions:
            return
        for one in missed:
            self._stories.of(session).unwatched(one.call, reason(one, self._gap))
        watch.looks_back += 1
        if watch.looks_back <= MOST_LOOKS_BACK:
            tail = "; further ones are marked in its log only" if watch.looks_back == MOST_LOOKS_BACK else ""
            text = watch.unwatched.text(missed, self._gap) + tail
            self._runner.feed(ev.Doubted(self._runner.clock(), session, "unwatched", text))

    def _watch(self, session: str, agent: str, since: int = 0) -> _Watch | None:
        if session not in self._watches and agent in TRANSCRIPTS:
            held = self._runner.state.sessions.get(session)
            began = self._began(held.session) if held else 0
            watch = self._watches[session] = _Watch(agent, self._home, max(since, began))
            self._recall(session, agent, watch)
        return self._watches.get(session)

    def _recall(self, session: str, agent: str, watch: _Watch) -> None:
        """The calls that came to an earlier daemon's gate, however the log is found: a hook may be the first to name it."""
        naming = self._stories.of(session, agent).naming
        for receipt in self._runner.ledger.all():
            if receipt.session == session and receipt.intent.call:
                denied = receipt.decision is not None and receipt.decision.verdict is Verdict.DENY
                watch.reconciler.recall(naming.of(receipt.intent.call), receipt.intent.action, denied=denied)

    def _began(self, session: Session) -> int:
        """When what it may have done unseen begins: of one that we launched with itself, else with its first process."""
        root = None if session.supervised else self._root(session)
        now = self._runner.clock()
        return session.opened.wall if root is None else now.wall - now.boot + root.start * SECOND // TICK

    async def _find(self) -> None:
        """Look for the logs of agents that have named none, and for further ones of those that write several."""
        for held in list(self._runner.state.sessions.values()):
            kind, handle = held.session.kind, self._runner.handles.get(held.session.id)
            if kind not in TRANSCRIPTS or handle is None or held.session.state in OVER:
                continue
            watch = self._watch(held.session.id, kind)
            if watch is not None and not watch.named and watch.due(self._clock()):
                taken = {path for other in self._watches.values() if other is not watch for path in other.following.paths}
                found = await anyio.to_thread.run_sync(_search, held, handle, self._home, taken)
                for path in found:
                    self.on_found(held.session.id, path)
                    # What an agent that we launched writes came while we looked; but where calls are held against the gate,
                    # a conversation that was taken up again must not count anew.
                    watch.following.add(path, fresh=held.session.supervised and not self._stories.of(held.session.id).gated)

    def _take(self, session: str, watch: _Watch, batch: Batch) -> None:
        story, came = self._stories.of(session), self._runner.clock()
        story.partial = batch.partial
        gate = self.gate(session)
        if gate is not None and gate.state:
            story.hooked = story.gated = True
        gated = story.gated
        held = self._runner.state.sessions.get(session)
        looked = max(self._gap.end, held.session.opened.wall) if held is not None else self._gap.end
        if watch.nameless and any(request.session == session for request in self._runner.state.requests.values()):
            watch.reconciler.wait(self._clock())
        for (told, claimed, subagent), before in batch.came:
            told = story.naming.told(told, None if before else came.boot / 1e9)
            story.entry(came, told, claimed, subagent, before)
            if not gated:
                continue
            if isinstance(told, ToolResult):
                watch.unwatched.result(told, self._clock())
            if before and (at := moment(claimed) or 0) <= looked:
                if isinstance(told, ToolUse):
                    watch.unwatched.use(told, at)
                continue
            if isinstance(told, ToolUse):
                self._doubt(session, watch, watch.reconciler.use(told, self._clock()))
            elif isinstance(told, ToolResult):
                self._doubt(session, watch, watch.reconciler.result(told))
        for why in batch.wrong:
            self._tell(session, watch, "transcript", f"the agent's log is not what it was: {why}")
        self._doubt(session, watch, watch.reconciler.late(self._clock()))

    def _doubt(self, session: str, watch: _Watch, doubts: Iterable[Doubt]) -> None:
        for doubt in doubts:
            self._stories.of(session).doubt(doubt.call, doubt.kind)
            self._tell(session, watch, doubt.kind, doubt.text, doubt.call)

    def _tell(self, session: str, watch: _Watch, kind: ev.DoubtKind, text: str, call: str = "") -> None:
        """So many are told one by one: the story marks every one, and an agent must not fill the journal.

        One that halts a session is always told: until somebody resumes it there is no other.
        """
        watch.doubts += 1
        most = MOST_DOUBTS if watch.reconciler.heard else 1
        held = self._runner.state.sessions.get(session)
        runs = held is not None and held.session.supervised and held.session.state is SessionState.RUNNING
        if watch.doubts > most and not (runs and kind != "transcript"):
            return
        if watch.doubts == most:
            text += "; further ones are marked in its log only, until somebody clears this"
        self._runner.feed(ev.Doubted(self._runner.clock(), session, kind, text, call))


def _read(all_logs: list[Following]) -> list[Batch]:
    return [logs.read() for logs in all_logs]


def _search(held: Held, handle: Handle, home: str, taken: set[str]) -> tuple[str, ...]:
    root = held.session.root or handle.root
    if root is None:
        return ()
    return finding.find(held.session.kind, root, hold.pids(handle), held.session.workspace, home, taken).logs
