"""The core under a daemon that keeps no order: late, doubled and reordered completions, clock jumps, crashes, any tickets.

Hypothesis looks for a sequence of events after which the reference of `tests.support.core_reference` says no.
"""

from collections import Counter

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controlroom.core import Limits, State, step
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import ProcessId, Rung, SessionState, Survivor
from controlroom.model.clock import SECOND, Instant
from controlroom.model.effect import Assessment, EffectKind
from controlroom.model.record import Outcome
from controlroom.model.request import RequestState
from controlroom.model.snapshot import Saved
from controlroom.model.storing import Storing
from controlroom.model.tier import Tier, Verdict
from tests.support.core_make import SAVED, START, assessment, outcome_of, request, session
from tests.support.core_reference import Reference

K = EffectKind
SMALL = Limits(expiries_in_a_row=3, undecided=4, fresh=5, tombs=400, acts=4, over=3)
LEFT = (Survivor(ProcessId(42, 1, "boot"), "sleep", "EPERM"),)
SESSIONS = st.sampled_from(["s1", "s2", "s3"])
RUNGS = {"s1": Rung.CGROUP, "s2": Rung.SUBREAPER, "s3": Rung.OBSERVED}
OPERATORS = st.sampled_from(["operator:ann", "operator:bob"])
WHAT: list[Assessment] = [
    assessment(Tier.T0, kinds=(K.READ,)),
    assessment(Tier.T1, kinds=(K.CREATE,)),
    assessment(Tier.T1, undo=True),
    assessment(Tier.T2),
    assessment(Tier.T2),
    assessment(Tier.T2, undo=False, undo_why="too large"),
    assessment(Tier.T2, paths=("/elsewhere",)),
    assessment(Tier.T3, kinds=(K.CONFIG,)),
    assessment(Tier.TX),
]


class Room(RuleBasedStateMachine):
    """One machine's life: daemons come and go, agents and operators do what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State(limits=SMALL)
        self.ref = Reference()
        self.now: Instant = START
        self.file = ""
        self.ids = 0
        self.under_way: list[tuple[str, str, str]] = []  # what was ordered, whether or not it was done yet
        self.tickets: set[str] = set()
        self.dying: int | None = None  # the daemon dies in its next step, after so many orders

    @initialize()
    def sessions(self) -> None:
        for name in RUNGS:
            self.open(name, False, "nobody watched" if self.ids % 2 else "")

    # The daemon

    def feed(self, event: ev.Event) -> None:
        before = self.state
        after, orders = step(before, event)
        if isinstance(event, ev.Estop):
            self.file = self.file or event.stop_id
        cut = None if self.dying is None else self.dying % (len(orders) + 1)
        self.ref = self.ref.follow(event, before, after, orders, cut)
        self.state = after
        for order in orders[:cut]:
            self._begin(order)
        if cut is not None:
            self._restart()

    def _begin(self, order: od.Order) -> None:
        match order:
            case od.Snapshot(request=name) | od.Check(request=name) | od.Reply(request=name) | od.AwaitHooks(session=name):
                self.under_way.append((type(order).__name__, name, ""))
            case od.Append(confirm=name) if name:
                self.under_way.append(("Append", name, ""))
            case od.Contain(session=name, act=act):
                self.under_way.append(("Contain", name, act))
            case od.Unlatch():
                self.file = ""
            case _:
                pass

    def _restart(self) -> None:
        """A new daemon: the latch of the file, no request, no grant (J07); what the old one had begun may still be heard."""
        self.dying = None
        self.ref = self.ref.crash(self.file)
        self.state = State(limits=SMALL, latch=self.file)
        self.tickets = set()
        for name in RUNGS:
            self.open(name, False)

    def ticket(self) -> str:
        self.ids += 1
        name = f"t{self.ids}"
        self.tickets.add(name)
        return name

    # Agents

    def open(self, name: str, launched: bool, review: str = "") -> None:
        root = ProcessId(42, 1, "boot") if name == "s3" else None
        opened = session(name, rung=RUNGS[name], root=root)
        self.feed(ev.SessionOpened(self.now, opened, self.ticket() if launched else "", review))

    @rule(data=st.data(), name=SESSIONS, flag=st.booleans(), some=st.integers(0, 40))
    def rarely(self, data: st.DataObject, name: str, flag: bool, some: int) -> None:
        """What would make every run a short one, were it as frequent as the rest."""
        happens = data.draw(st.sampled_from(["room", "wall", "open", "subagent", "finish", "end", "die", "stop"]))
        match happens:
            case "open":
                self.open(name, flag)
            case "end":
                self.feed(ev.SessionEnded(self.now, name, SessionState.ENDED))
            case "subagent":
                self.feed(ev.SubagentEnded(self.now, name, "a" if flag else ""))
            case "die":
                self.dying = some
            case "stop":
                self.feed(ev.Estop(self.now, f"stop-{self.ids}", "operator:ann", self.ticket()))
            case "room":
                self.feed(ev.Stored(self.now, (Storing.OK, Storing.LOW, Storing.SCARCE, Storing.BROKEN, Storing.OK)[some % 5]))
            case "wall":
                self.now = Instant(self.now.boot, self.now.wall + (86_400 if flag else -86_400) * SECOND)
            case _:
                self.feed(ev.Finished(self.now, name, f"c{some}", Outcome(flag)))

    @rule(
        name=SESSIONS,
        what=st.sampled_from(WHAT),
        hooked=st.booleans(),
        shared=st.integers(0, 4),
        subagent=st.sampled_from(["", "a"]),
    )
    def ask(self, name: str, what: Assessment, hooked: bool, shared: int, subagent: str) -> None:
        self.ids += 1
        where = f"conn-{name}" if shared == 1 else ""
        asked = request(
            f"r{self.ids}",
            of=name,
            what=what,
            at=self.now,
            hooked=hooked,
            connection=where,
            subagent=subagent,
            call=f"c{self.ids}",
        )
        self.feed(ev.Asked(self.now, asked))

    @precondition(lambda self: self.ref.fates)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(list(self.ref.fates.values()))).request
        if old.id in self.state.tombs or old.id in self.state.requests:  # ids are the daemon's own: a new one makes others
            self.feed(ev.Asked(self.now, old))

    @precondition(lambda self: self.ref.fates)
    @rule(data=st.data())
    def peer_gone(self, data: st.DataObject) -> None:
        some = data.draw(st.sampled_from(list(self.ref.fates.values())))
        self.feed(ev.PeerGone(self.now, some.request.connection))

    # Operators

    @precondition(lambda self: self.ref.fates)
    @rule(data=st.data(), by=OPERATORS, verdict=st.sampled_from([Verdict.ALLOW] * 3 + [Verdict.DENY]), stale=st.integers(0, 9))
    def decide(self, data: st.DataObject, by: str, verdict: Verdict, stale: int) -> None:
        waiting = [k for k, r in self.state.requests.items() if r.state is RequestState.PENDING]
        name = data.draw(st.sampled_from(waiting or list(self.ref.fates)))
        digest = "0" * 64 if stale == 0 else self.ref.fates[name].request.digest
        self.feed(ev.Decided(self.now, name, digest, verdict, by, "", self.ticket()))

    @rule(name=SESSIONS, what=st.sampled_from(WHAT[3:]), by=OPERATORS, many=st.integers(0, 3))
    def ask_and_allow(self, name: str, what: Assessment, by: str, many: int) -> None:
        """So that a fair share of the runs gets as far as a release."""
        self.ask(name, what, True, 0, "")
        asked = f"r{self.ids}"
        self.feed(
            ev.Decided(
                self.now,
                asked,
                self.ref.fates[asked].request.digest if asked in self.ref.fates else "",
                Verdict.ALLOW,
                by,
                "",
                self.ticket(),
            )
        )
        self.complete_well(many)

    @rule(name=SESSIONS, act=st.sampled_from(["pause", "resume", "resume", "stop", "kill"]), by=OPERATORS)
    def steer(self, name: str, act: str, by: str) -> None:
        self.feed(ev.Steered(self.now, name, act, by, self.ticket()))

    @rule(name=SESSIONS, kind=st.sampled_from(["ungated", "other-input", "transcript"]))
    def doubt(self, name: str, kind: ev.DoubtKind) -> None:
        """Its log tells otherwise than the gate knows it: from now on it is not running, if it was launched."""
        before = self.state.sessions.get(name)
        self.feed(ev.Doubted(self.now, name, kind, "why", "toolu_1"))
        after = self.state.sessions.get(name)
        if before is not None and after is not None and before.session.supervised and kind != "transcript":
            assert after.session.state is not SessionState.RUNNING or self.dying is not None or after.intent

    @rule(name=SESSIONS, by=OPERATORS)
    def clear(self, name: str, by: str) -> None:
        self.feed(ev.Cleared(self.now, name, by, self.ticket()))

    @rule(
        name=SESSIONS,
        effects=st.sets(st.sampled_from([K.DELETE, K.CREATE, K.CONFIG]), min_size=1),
        uses=st.integers(0, 3),
        seconds=st.sampled_from([0.0, 60.0, 9999.0]),
        subagent=st.sampled_from(["", "", "a"]),
        argv=st.booleans(),
    )
    def grant(self, name: str, effects: set[K], uses: int, seconds: float, subagent: str, argv: bool) -> None:
        self.ids += 1
        words, path = (("rm", "-rf", "build"), "") if argv else ((), "/ws")
        asked = ev.GrantAsked(
            self.now, f"g{self.ids}", name, tuple(effects), uses, seconds, "operator:ann", words, path, subagent, self.ticket()
        )
        self.feed(asked)

    @precondition(lambda self: self.state.grants)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        self.feed(ev.GrantRevoked(self.now, data.draw(st.sampled_from(list(self.state.grants))), "operator:bob", self.ticket()))

    @precondition(lambda self: self.state.latch)
    @rule(wrong=st.booleans())
    def reset(self, wrong: bool) -> None:
        stop_id = "stop-wrong" if wrong else self.state.latch
        self.feed(ev.Reset(self.now, stop_id, "operator:ann", self.ticket()))

    # Completions, in any order, as often as one likes

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), well=st.integers(0, 4), again=st.integers(0, 4))
    def complete(self, data: st.DataObject, well: int, again: int) -> None:
        at = data.draw(st.integers(0, len(self.under_way) - 1))
        self._complete(at, well > 0, again == 0)

    @precondition(lambda self: self.under_way)
    @rule(many=st.integers(1, 6))
    def complete_well(self, many: int) -> None:
        """The newest orders end as they should, one after the other."""
        for _ in range(many):
            if self.under_way:
                self._complete(len(self.under_way) - 1, True, False)

    def _complete(self, at: int, ok: bool, again: bool) -> None:
        kind, name, act = self.under_way[at] if again else self.under_way.pop(at)
        event: ev.Event
        match kind:
            case "Snapshot":
                event = ev.Snapped(self.now, name, SAVED if ok else Saved("", why="ENOSPC"))
            case "Check":
                event = ev.Checked(self.now, name, "" if ok else "another script")
            case "Append":
                event = ev.Durable(self.now, name, "" if ok else "EIO")
            case "Reply":
                event = ev.Delivered(self.now, name, ok)
            case "AwaitHooks":
                event = ev.HooksGone(self.now, name, ok)
            case _:
                bad = outcome_of(name, act, proof="", survivors=LEFT if again else (), why="EPERM")
                event = ev.Contained(self.now, outcome_of(name, act) if ok else bad)
        self.feed(event)

    # Time

    @rule(seconds=st.sampled_from([0, 1, 1, 59, 600]), tick=st.booleans())
    def wait(self, seconds: int, tick: bool) -> None:
        self.now = self.now.plus(seconds)
        if tick:
            self.feed(ev.Tick(self.now))

    @invariant()
    def nobody_waits_for_what_is_over(self) -> None:
        """Every operator's call was answered, or waits for something that is really under way."""
        waiting = [*self.state.tickets.values(), *(t for h in self.state.sessions.values() for t in h.tickets)]
        assert not [t for t, n in Counter(waiting).items() if n > 1]
        unanswered = self.tickets - self.ref.answered
        assert unanswered == set(waiting)
        under_way = {*self.state.requests, *self.state.replies}
        assert set(self.state.tickets) <= under_way
        assert all(h.intent for h in self.state.sessions.values() if h.tickets)


TestRoom = Room.TestCase
TestRoom.settings = settings(
    max_examples=120,
    stateful_step_count=60,
    suppress_health_check=list(HealthCheck),
)
