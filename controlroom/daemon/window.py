"""The room's snapshot: everything a room is shown, made from the state, the newest receipts and the newest records."""

import os
import socket
from collections import Counter, deque
from collections.abc import Callable

import msgspec

from controlroom import __version__
from controlroom.containment.rungs import Probe
from controlroom.core import orders as od
from controlroom.core.state import Held
from controlroom.daemon import views, words
from controlroom.daemon.judge import Judge
from controlroom.daemon.load import Sampler
from controlroom.daemon.runner import Runner
from controlroom.daemon.stream import Stream
from controlroom.daemon.telling import Telling
from controlroom.model import wire
from controlroom.model.agent import Session
from controlroom.model.permissions import Gate
from controlroom.model.record import Receipt, Record
from controlroom.model.request import Grant, Request
from controlroom.model.use import Matrix
from controlroom.model.view import (
    AgentView,
    AlarmView,
    GrantView,
    LogSource,
    LogView,
    Pulse,
    ReceiptView,
    RequestView,
    RoomView,
    StatusView,
    ToldView,
)

MOST_ALARMS = 50
MOST_RECEIPTS = 200
MOST_WIRE = 900_000  # bytes of a snapshot
MOST_JUDGED = 64 * 1024  # characters of what is to be judged; more is never asked


class Window:
    """Keeps the newest lines and alarms, and draws up snapshots."""

    def __init__(
        self,
        runner: Runner,
        judge: Judge,
        probe: Probe,
        sampler: Sampler,
        matrix: Callable[[Session], tuple[Matrix, ...]],
        wrong: Callable[[], str],
        telling: Telling,
    ) -> None:
        self._wrong, self._telling = wrong, telling
        self._matrix = matrix
        self._runner = runner
        self._judge = judge
        self._probe = probe
        self._sampler = sampler
        self._stream = Stream()
        self._receipts: dict[str, tuple[Receipt, ToldView | None, ReceiptView]] = {}  # as they were shown last
        self._alarms: deque[AlarmView] = deque(maxlen=MOST_ALARMS)
        self.changes = 0
        self.logs: Callable[[str], tuple[LogSource, ...]] = lambda session: ()
        self.gate: Callable[[str], Gate | None] = lambda session: None

    def note(self, seq: int, record: Record) -> None:
        """A record went into the journal."""
        self._stream.note(seq, record)

    def alarm(self, alarm: od.Alarm) -> None:
        """Operators are being told something."""
        self.changes += 1
        self._alarms.append(AlarmView(self.changes, self._runner.clock(), alarm.kind, alarm.session, alarm.text))

    def lines(self) -> tuple[LogView, ...]:
        """The newest lines of all sessions' events, oldest first."""
        return self._stream.lines()

    def view(self) -> RoomView:
        """Everything at this moment."""
        state = self._runner.state
        waiting = Counter(r.session for r in state.pending())
        survivors = [s for r in self._runner.results.values() for s in r.survivors]
        return RoomView(
            seq=self.changes,
            now=self._runner.clock(),
            status=self._status(),
            agents=tuple(self._agent(h, waiting[h.session.id]) for h in state.sessions.values()),
            pending=tuple(self._request(r) for r in state.pending()),
            grants=tuple(_grant(g) for g in state.grants.values()),
            receipts=self._told(),
            log=self._stream.lines(),
            alarms=tuple(self._alarms),
            survivors=tuple(survivors),
        )

    def pulse(self, seq: int) -> Pulse | None:
        """What moved since the snapshot `seq`; None = something happened, and only a new snapshot tells it."""
        if seq != self.changes:
            return None
        return Pulse(seq, self._runner.clock(), self._status(), self._sampler.loads)

    def _told(self) -> tuple[ReceiptView, ...]:
        """The newest receipts; only those that changed are drawn up again."""
        shown = {}
        for receipt in self._runner.ledger.all()[-MOST_RECEIPTS:]:
            old, log = self._receipts.get(receipt.id), self._telling.told(receipt)
            same = old is not None and old[0] is receipt and old[1] == log
            shown[receipt.id] = old if old and same else (receipt, log, views.receipt_view(receipt, log))
        self._receipts = shown
        return tuple(view for _, _, view in shown.values())

    def _status(self) -> StatusView:
        latch = self._runner.state.latch
        return StatusView(
            host=socket.gethostname(),
            version=__version__,
            pid=os.getpid(),
            rung=self._probe.rung,
            rung_why=self._probe.why,
            journal=self._runner.broken or "ok",
            manifest=self._judge.drift() or "ok",
            settings=self._wrong(),
            unjournalled=self._runner.unjournalled,
            stop_id=latch,
            stop_by=self._stream.stop_by if latch else "",
        )

    def _agent(self, held: Held, waiting: int) -> AgentView:
        s = held.session
        state = self._runner.state
        last, tool = self._stream.last(s.id, lambda receipt: receipt in state.acts or receipt in state.requests)
        return AgentView(
            id=s.id,
            name=s.name,
            kind=s.kind,
            state=s.state,
            label=s.label,
            rung=s.rung,
            workspace=s.workspace,
            command=s.command,
            pid=s.root.pid if s.root else None,
            opened=s.opened,
            pending=waiting,
            tool=tool,
            last=last,
            load=self._sampler.loads.get(s.id),
            stop=self._runner.results.get(s.id),
            profile=s.profile,
            uses=self._matrix(s),
            doubts=self._telling.doubts(s.id),
            spending=self._telling.spending(s.id),
            logs=self.logs(s.id),
            gate=self.gate(s.id),
        )

    def _request(self, r: Request) -> RequestView:
        held = self._runner.state.sessions.get(r.session)
        a = r.assessment
        return RequestView(
            id=r.id,
            digest=r.digest,
            tier=a.tier,
            state=r.state,
            session=r.session,
            agent=held.session.name if held else "unknown",
            label=held.session.label if held else words.ADVISORY,
            pid=held.session.root.pid if held and held.session.root else None,
            subagent=r.subagent,
            tool=r.action.tool,
            text=words.plain(r.action)[:MOST_JUDGED],
            cwd=r.action.cwd,
            argv=a.argv,
            diff=a.diff[:MOST_JUDGED],
            invalid=a.invalid,
            effects=tuple(e.kind for e in a.effects),
            targets=a.targets,
            reasons=a.reasons,
            undo=a.undo,
            undo_why=a.undo_why,
            says=r.says,
            asked=r.asked,
            deadline=r.deadline,
        )


def _grant(g: Grant) -> GrantView:
    return GrantView(g.id, g.session, g.effects, g.uses, g.deadline, g.by, g.argv, g.path, g.subagent)


def fits(view: RoomView) -> bytes:
    """The snapshot as JSON, with the lists cut from the old end until it fits a line of the wire (1 MiB)."""
    while len(raw := wire.encode(view)) > MOST_WIRE and (view.receipts or view.log):
        receipts, log = view.receipts[len(view.receipts) // 2 + 1 :], view.log[len(view.log) // 2 + 1 :]
        view = msgspec.structs.replace(view, receipts=receipts, log=log)
    return raw
