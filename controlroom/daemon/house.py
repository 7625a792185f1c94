"""All parts of the daemon put together, its start, its heartbeat and its end."""

import os
import secrets
import sys
import time
from collections.abc import Collection

import anyio
import anyio.to_thread
import msgspec

from controlroom import __version__
from controlroom.agents import Call
from controlroom.containment import hold, inventory
from controlroom.containment.rungs import probe
from controlroom.core import Limits
from controlroom.core import orders as od
from controlroom.daemon import drills
from controlroom.daemon.accepted import Accepted
from controlroom.daemon.changes import Changes
from controlroom.daemon.checkpoints import Checkpoints
from controlroom.daemon.claims import Claims
from controlroom.daemon.clock import boot_id, now
from controlroom.daemon.config import Configuration
from controlroom.daemon.doubts import Doubts
from controlroom.daemon.facts import Facts
from controlroom.daemon.gate_server import GateServer
from controlroom.daemon.hook_proof import HookProof
from controlroom.daemon.in_force import InForce
from controlroom.daemon.intake import Intake
from controlroom.daemon.judge import Judge
from controlroom.daemon.keeper import Keeper
from controlroom.daemon.layer_watch import LayerWatch
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.load import Sampler
from controlroom.daemon.logs import Logs
from controlroom.daemon.meters import Meters
from controlroom.daemon.nevertouch import NeverTouch
from controlroom.daemon.observed import Observed
from controlroom.daemon.operator_calls import Calls
from controlroom.daemon.operator_server import OperatorServer
from controlroom.daemon.permits import Permits, Seen
from controlroom.daemon.proved import Proved
from controlroom.daemon.registry import Registry
from controlroom.daemon.rulebook import Rulebook
from controlroom.daemon.runner import Runner
from controlroom.daemon.scribe import Scribe
from controlroom.daemon.secret_scan import Secrets, SecretScan
from controlroom.daemon.stories import Stories
from controlroom.daemon.telling import Telling
from controlroom.daemon.touched import Touched
from controlroom.daemon.undoing import Undoing
from controlroom.daemon.unwatched import Span
from controlroom.daemon.window import Window
from controlroom.daemon.witness import Witness
from controlroom.daemon.words import brief as brief_text
from controlroom.model import event as ev
from controlroom.model.agent import Handle, Session, StopResult
from controlroom.model.record import Kind, Receipt, Record
from controlroom.model.settings import Anchor, Snapshots
from controlroom.model.use import Matrix
from controlroom.storage import latchfile, logbook
from controlroom.storage.journal import Journal, JournalBroken
from controlroom.storage.marks import digest_key, marks
from controlroom.storage.notes import Remembered
from controlroom.storage.paths import Insecure, Places, operator, room_for_sockets, secure_dir
from controlroom.storage.receipts import open_receipts, where_it_stopped
from controlroom.storage.snapshots.store import Store
from controlroom.text.safe import SafeText, show

TICK_SECONDS = 0.25
LATCH_SECONDS = 0.05  # how soon a latch pulled from outside is seen
# How long a look at what is being stopped may take: a kill does not wait, what is frozen keeps.
LOOK_SECONDS = {"kill": 0.002, "stop": 0.05, "freeze": 0.2}
AGAIN_SECONDS = 5.0  # until a latch file or socket that could not be put back is tried again
COLLECT_SECONDS = 3_600.0


class Latchkeeper:
    """The latch file, in both its places."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def write(self, stop_id: str, by: str) -> str:
        found = latchfile.read_any(self._places)
        if found is not None and found.stop_id == stop_id and self._both():
            return ""
        try:
            return "; ".join(latchfile.write_both(self._places, stop_id, by, now().wall))
        except latchfile.NotLatched as e:
            return str(e)

    def _both(self) -> bool:
        return self._places.latch.exists() and self._places.gate_latch.exists()

    def clear(self) -> str:
        try:
            latchfile.clear_both(self._places)
        except OSError as e:
            return str(e)
        return ""


def take_hold(act: str, handle: Handle) -> StopResult:
    """Freeze, thaw, stop or kill by the session's handle. Blocking; bounded."""
    acts = {"freeze": hold.freeze, "thaw": hold.thaw, "stop": hold.stop, "kill": hold.kill}
    before = inventory.take(handle, LOOK_SECONDS[act], brief=act == "kill") if act in ("stop", "kill") else None
    result = acts[act](handle)
    found = inventory.take(handle, LOOK_SECONDS[act]) if act == "freeze" and result.confirmed else before
    return msgspec.structs.replace(result, found=found)


class House:
    """The daemon. Making it takes the lock and opens the journal; `open` starts to listen."""

    def __init__(self, places: Places) -> None:
        """Raises Insecure, BadSettings, RuleError, BadManifest, Locked, OSError."""
        room_for_sockets(places.runtime)
        for folder in (places.config, places.state, places.runtime, places.inner, places.agents, places.journal):
            secure_dir(folder)
        rules = Rulebook()
        self._places = places
        mark = marks(places.state)
        journal = Journal.open(places.journal, clock=now, boot=boot_id(), version=__version__, mark=mark)
        self._ledger = Ledger()
        self._scribe = Scribe(places.journal, journal)
        self._claims = Claims(places.state / "claims")
        self._observed = Observed()
        self._layer_changes, self._proved, self._secrets = Changes(), Proved(), Secrets()
        self._doubts, self._proof = Doubts(), HookProof(places.runtime, now)
        recalled = self._scribe.recall(self._ledger, self._recall)
        self._sessions = recalled.sessions
        self._relatch = self._relisten = 0.0  # not to be tried again before (loop time)
        self._before = recalled.pins
        self._dismissed = recalled.dismissed and not journal.broken
        accepted = Accepted(places.state / "accepted", recalled.pins)
        configuration = self._configuration = Configuration(places, accepted)
        judge = self._judge = Judge(places, os.path.expanduser("~"), accepted, rules)
        limits = Limits(hold=configuration.settings.config.hold.seconds)
        self._runner = Runner(limits, journal, self._ledger, now, Latchkeeper(places), take_hold)
        self._registry = Registry(self._runner, places, configuration)
        known = bool(recalled.pins)  # every daemon pins what is in force when it begins
        self._layers = LayerWatch(self._runner, places, judge.home, mark, self._registry.root, before=known)
        self._keeper = self._keep(configuration.settings.config.snapshots)
        intake = Intake(
            self._runner, self._registry, judge, configuration, self._past, self._keeper.cover, digest_key(places.state)
        )
        self._gate = GateServer(places.gate_sock, places.inner, intake.take)
        self._gate.on_lost, self._gate.on_reject = intake.lost, intake.rejected
        intake.server = self._gate
        self._runner.gate = intake
        self._probe = rung = probe()
        sampler = Sampler()
        by = operator()
        self._in_force = InForce(self._runner, judge, configuration, rules, accepted, by)
        self._stories = Stories(self._ledger, journal.head.seq)
        gap = Span(recalled.before, now().wall)
        self._witness = Witness(self._runner, self._stories, time.monotonic, judge.home, self._registry.root, gap)
        telling = Telling(self._runner, self._stories, self._witness, self._doubts, by)
        self._window = Window(self._runner, judge, rung, sampler, self._matrix, self._in_force.wrong, telling)
        own = (places.config, places.state, places.runtime)
        self._touched = Touched(self._runner, map(str, own))
        self._nevertouch = NeverTouch(self._runner, judge, self._touched)
        self._touched.on_changes = self._nevertouch.changed
        facts = Facts(self._runner, sampler, self._touched, telling, self._keeper.store)
        calls = Calls(
            self._runner,
            self._registry,
            judge,
            configuration,
            places,
            rung,
            self._window,
            sampler,
            self._matrix,
            facts,
            self._nevertouch,
            self._in_force,
            by,
        )
        undoing = Undoing(self._runner, self._keeper, by, places.journal)
        self._logs = Logs(self._runner, places.agents, configuration, judge.home, self._window.lines)
        self._witness.on_found = self._logs.found
        self._scan = SecretScan(self._runner, mark, self._logs.paths)
        seen = Seen(self._layer_changes, self._proved, self._secrets, self._scan)
        permits = self._permits = Permits(self._runner, self._layers, self._proof, seen, by)
        served = (calls, facts, self._nevertouch, undoing, self._scribe, permits, self._logs, self._in_force)
        methods = {name: method for part in served for name, method in part.table().items()}
        self._operators = OperatorServer(places.operator_sock, self._runner, methods)
        self._checkpoints = Checkpoints(self._runner, self._keeper, judge.home)
        intake.on_heard, intake.known = self._heard, self._witness.known
        self._meters = Meters(self._runner, sampler, self._operators, self._witness, self._touched)
        self._meters.on_born = self._stories.born
        self._runner.on_alarm, self._runner.on_change = self._alarm, self._changed
        self._runner.on_record = self._note
        self._window.logs, self._logs.on_change = self._logs.known, self._changed
        self._window.gate = self._witness.gate = permits.gate
        self._scribe.attach(self._runner, self._doubts, self._remembered, accepted.pins, self._rule, by)

    def _rule(self) -> Anchor:
        return self._configuration.settings.config.anchor

    def _remembered(self, sessions: Collection[str]) -> Remembered:
        """What a start cannot know from the newest segment alone. `sessions`: those that are not over."""
        return Remembered(
            self._proved.carried(sessions),
            self._proof.carried(sessions),
            self._observed.carried(sessions),
            self._secrets.carried(),
            self._layer_changes.carried(),
        )

    def _recall(self, record: Record) -> None:
        """A record of an earlier daemon."""
        self._proof.recall(record)
        self._fold(record)

    def _fold(self, record: Record) -> None:
        """What is folded from every record."""
        self._observed.note(record)
        self._layer_changes.note(record)
        self._proved.note(record)
        self._secrets.note(record)
        self._doubts.note(record)

    def _note(self, seq: int, record: Record) -> None:
        self._window.note(seq, record)
        self._fold(record)
        self._stories.note(seq, record)
        self._witness.note(record)
        self._checkpoints.note(record)
        self._touched.note(record)

    def _heard(self, session: str, agent: str, call: Call) -> None:
        self._witness.heard(session, agent, call)
        self._layers.heard(session, agent)
        self._proof.heard(session, call)
        self._checkpoints.heard(session, agent, call)
        self._logs.heard(session, agent, call)

    def _matrix(self, session: Session) -> tuple[Matrix, ...]:
        """What a session is declared to use beside what it used."""
        profile = self._configuration.profile_of(session.profile)
        return self._observed.matrix(session.id, profile, session.workspace, self._judge.home)

    def _keep(self, settings: Snapshots) -> Keeper:
        store = Store(self._places.snapshots)
        store.secure()
        keeper = Keeper(store, settings, self._ledger, lambda receipt: receipt in self._runner.state.requests)
        self._runner.keeper = keeper
        return keeper

    async def open(self) -> None:
        """Take up what was under way, then listen."""
        self._look_at_latch()
        self._scribe.tell(self._runner)
        self._tell_interrupted()
        self._in_force.pin_all(self._before)
        self._registry.meet_again(self._sessions, self._probe.base, dismissed=self._dismissed)
        self._follow_again()
        await self._gate.start()
        await self._operators.start()

    def _follow_again(self) -> None:
        """The logs that agents write themselves, of those that live: their hooks name them only when they speak."""
        for listed in logbook.load(self._places.agents)[0]:
            if listed.session in self._runner.state.sessions:
                for path in (log.path for log in listed.logs if log.origin == "transcript"):
                    self._witness.again(listed.session, listed.kind, path)
                    self._logs.again(listed.session, listed.kind, path)

    def _tell_interrupted(self) -> None:
        """What was under way when the daemon went: closed on its receipt, and the first thing that an operator sees (J07)."""
        for receipt in open_receipts(self._ledger.all()):
            why = f"the daemon was gone before its end was told: {where_it_stopped(receipt)}"
            self._runner.record(Kind.INTERRUPTED, {"why": why}, receipt.session, receipt.id)
            act = f"{receipt.intent.agent}: {receipt.intent.action.tool} {brief_text(receipt.intent.action)[:200]}"
            self._runner.alarm("interrupted", f"{act}: {why}. Look before you let it go on", receipt.session)

    async def watch(self) -> None:
        """What goes on beside the calls: trips are measured, the emergency stop is proved, old snapshots go."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._meters.run)
            group.start_soon(self._nevertouch.run)
            group.start_soon(self._in_force.watch)
            group.start_soon(self._scribe.run, self._runner)
            group.start_soon(self._claims.run, self._runner)
            group.start_soon(self._witness.run, self._places.journal)
            group.start_soon(self._layers.run)
            group.start_soon(self._permits.run)
            group.start_soon(self._scan.run, self._secrets)
            group.start_soon(self._logs.run)
            group.start_soon(drills.keep, self._runner, self._probe)
            group.start_soon(self._stories.remember, self._runner, self._places.journal)
            group.start_soon(self._collect)

    async def _collect(self) -> None:
        """Drop the snapshots and terminal logs that are no longer kept, at the start and every hour."""
        while True:
            try:
                await anyio.to_thread.run_sync(self._keeper.collect, now().wall, abandon_on_cancel=True)
            except OSError as e:
                self._runner.alarm("snapshots", f"old snapshots cannot be collected: {e}")
            try:
                alive = frozenset(self._runner.state.sessions)
                await anyio.to_thread.run_sync(logbook.sweep, self._places.agents, alive, abandon_on_cancel=True)
            except OSError as e:
                self._runner.alarm("logs", f"old recordings of terminals cannot be swept: {e}")
            await anyio.sleep(COLLECT_SECONDS)

    async def tick(self) -> None:
        """Let time pass, and see a latch that was pulled from outside."""
        beat = 0.0
        while True:
            self._look_at_latch()
            beat += LATCH_SECONDS
            if beat >= TICK_SECONDS:
                beat = 0.0
                self._runner.feed(ev.Tick(now()))
                await self._look_at_sockets()
            await anyio.sleep(LATCH_SECONDS)

    def _look_at_latch(self) -> None:
        """A latch file stops everything whoever wrote it; one that vanished while in force is put back (E5)."""
        latch = self._runner.state.latch
        found = latchfile.read_any(self._places)
        if found is not None and not latch:
            at = now()
            stop_id = found.stop_id or secrets.token_hex(4)
            self._runner.feed(ev.Estop(at, stop_id, found.by, since=latchfile.pulled(found, at)))
        elif latch and (found is None or not self._places.gate_latch.exists()) and anyio.current_time() >= self._relatch:
            self._relatch = anyio.current_time() + AGAIN_SECONDS
            self._runner.feed(ev.Estop(now(), latch, "latch file was gone"))

    async def _look_at_sockets(self) -> None:
        """Sockets that somebody took away or replaced are put back and operators told; meanwhile every call was denied."""
        lost = [server for server in (self._gate, self._operators) if not server.listens()]
        if not lost or anyio.current_time() < self._relisten:
            return
        self._relisten = anyio.current_time() + AGAIN_SECONDS
        try:
            secure_dir(self._places.runtime)
            secure_dir(self._places.inner)
            for server in lost:
                await server.start()
        except (Insecure, OSError) as e:
            self._runner.alarm("sockets", f"the daemon's sockets were taken away and cannot be put back: {e}")
            return
        self._runner.alarm("sockets", f"the daemon's sockets in {self._places.runtime} were taken away or replaced; put back")

    def _past(self, workspace: str) -> str:
        """What an agent is told at its start of work here that was interrupted or denied."""
        rows = self._ledger.past(workspace)
        if not rows:
            return ""
        lines = [f"- {r.stage}: {r.intent.action.tool} {show(r.intent.action.input, limit=200)} ({_why(r)})" for r in rows]
        return "controlroom: earlier work in this folder did not finish as asked. Look before you go on:\n" + "\n".join(lines)

    def _changed(self) -> None:
        self._window.changes += 1
        self._operators.changed()
        self._logs.poke()

    def _alarm(self, alarm: od.Alarm) -> None:
        self._window.alarm(alarm)
        self._operators.push({"event": "alarm", "kind": alarm.kind, "session": alarm.session, "text": alarm.text})

    async def close(self) -> None:
        """Deny what is pending, close the journal; agents go on (and their gates deny)."""
        self._touched.close()
        self._logs.close()
        await self._gate.stop()
        self._operators.stop()
        try:
            self._runner.journal.close()
        except JournalBroken as e:
            print(f"controlroom: the journal's last records are lost: {e}", file=sys.stderr)


def _why(receipt: Receipt) -> SafeText:
    return show((receipt.decision.reason if receipt.decision else "") or receipt.note, limit=200)
