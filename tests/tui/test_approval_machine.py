"""No order of events allows what was not focused, wholly shown, armed, unchanged and pressed by a person (S12; U01 to U09).

Hypothesis plays operator, agent, terminal and daemon; `tests.tui.witness` judges every answer from the events alone.
"""

import msgspec
import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controlroom.model.tier import Tier, Verdict
from controlroom.tui import approval_events as ev
from controlroom.tui.approval import Approval, step, unready
from controlroom.tui.approval_events import Decision, Waiting
from tests.tui.witness import Moment, objections

GAPS = st.sampled_from([0.0, 0.005, 0.019, 0.03, 0.079, 0.1, 0.3, 0.49, 0.5, 0.6, 1.0, 1.1])
NAMES = st.sampled_from(["r1", "r2", "r3"])
DIGESTS = st.sampled_from(["d1", "d2"])
TIERS = st.sampled_from([Tier.T2] * 5 + [Tier.T3] * 4 + [Tier.TX, Tier.T1])
WAITING = st.builds(Waiting, NAMES, DIGESTS, TIERS, st.integers(0, 3), st.sampled_from([10, 10, 5_000, 70_000]))
INBOX = st.lists(WAITING, max_size=3, unique_by=lambda w: w.id)
KEYS = st.sampled_from(["a", "A", "d", "g", "5", "s", "y", "enter", "j"])
SOURCES = st.sampled_from(["plain", "plain", "plain", "plain", "repeat", "paste", "mouse", "palette"])
SURFACES = st.sampled_from(["panel", "panel", "full", "dialog"])


class Room(RuleBasedStateMachine):
    """An operator's room, seen from outside."""

    def __init__(self) -> None:
        super().__init__()
        self.state = Approval()
        self.now = 1000.0
        self.history: list[Moment] = []
        self.decided: set[str] = set()

    @initialize(read_only=st.sampled_from([False] * 9 + [True]), inbox=INBOX)
    def open(self, read_only: bool, inbox: list[Waiting]) -> None:
        self.state = Approval(read_only=read_only)
        self.feed(ev.Changed(self.now, tuple(inbox)))

    def feed(self, happened: ev.Event) -> tuple[ev.Answer, ...]:
        before = self.state
        self.state, answers = step(before, happened)
        self.history.append(Moment(happened, before, self.state, answers))
        assert objections(self.history) == []
        for answer in answers:
            if isinstance(answer, Decision):
                assert answer.request not in self.decided, "decided twice"
                self.decided.add(answer.request)
                event(f"{answer.verdict} {answer.lease}")
        return answers

    # Time and the daemon

    @rule(gap=GAPS)
    def time(self, gap: float) -> None:
        self.now += gap
        self.feed(ev.Tick(self.now))

    @rule(gap=GAPS)
    def time_unsaid(self, gap: float) -> None:
        self.now += gap

    @rule(inbox=INBOX, keep=st.sampled_from([True, True, True, False]), latch=st.sampled_from([""] * 7 + ["stop-1"]))
    def view(self, inbox: list[Waiting], keep: bool, latch: str) -> None:
        kept = [w for w in self.state.waiting if keep]
        new = [msgspec.structs.replace(w, id=f"{w.id}-{len(self.history)}") for w in inbox]
        again = [w for w in inbox if w.id not in {k.id for k in kept} | self.decided]
        focus = self.state.focus
        self.feed(ev.Changed(self.now, (*kept, *(again or new))[:6], latch))
        if focus in {w.id for w in self.state.waiting}:
            assert self.state.focus == focus, "an arrival moved the focus"

    @rule()
    def offline(self) -> None:
        self.feed(ev.Offline(self.now))

    @precondition(lambda self: self.decided)
    @rule(data=st.data())
    def failed(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.decided)))
        self.decided.discard(name)
        self.feed(ev.Failed(self.now, name))

    # The terminal

    @rule(name=NAMES, digest=DIGESTS, tier=TIERS, fits=st.booleans(), small=st.booleans(), surface=SURFACES, late=GAPS)
    def any_frame(self, name: str, digest: str, tier: Tier, fits: bool, small: bool, surface: ev.Surface, late: float) -> None:
        self.feed(ev.Shown(self.now - late, name, digest, tier, fits, small, surface))

    @precondition(lambda self: self.state.request is not None)
    @rule(fits=st.booleans(), small=st.sampled_from([False, False, True]), surface=SURFACES)
    def frame(self, fits: bool, small: bool, surface: ev.Surface) -> None:
        self.paint(fits, small, "dialog" if self.state.granting else surface)

    def paint(self, fits: bool, small: bool = False, surface: ev.Surface = "panel") -> None:
        focused = self.state.request
        if focused is not None:
            self.feed(ev.Shown(self.now, focused.id, focused.digest, focused.tier, fits, small, surface))

    @rule(name=NAMES, digest=DIGESTS)
    def scrolled(self, name: str, digest: str) -> None:
        self.feed(ev.ScrolledToEnd(self.now, name, digest))

    @rule(happened=st.sampled_from([ev.Relaid, ev.Closed]))
    def relaid(self, happened: type[ev.Relaid] | type[ev.Closed]) -> None:
        self.feed(happened(self.now))

    @rule(lost=st.booleans())
    def blurred(self, lost: bool) -> None:
        self.feed(ev.Blurred(self.now, lost))

    @rule(why=st.sampled_from(["", "", "a text field has the keyboard"]))
    def away(self, why: str) -> None:
        self.feed(ev.Away(self.now, why))

    # The operator

    @rule(by=st.sampled_from([1, -1]))
    def moved(self, by: int) -> None:
        self.feed(ev.Moved(self.now, by))

    @rule(key=KEYS, source=SOURCES, gap=GAPS, old=st.sampled_from([0, 0, 0, 1]), late=st.sampled_from([0.0, 0.0, 0.3]))
    def key(self, key: str, source: ev.Source, gap: float, old: int, late: float) -> None:
        self.now += gap
        self.feed(ev.Key(self.now - late, key, self.state.epoch - old, source))

    @rule(rest=GAPS, wait=GAPS, after=GAPS, fits=st.booleans(), what=st.sampled_from(["", "", "", "a", "A", "g"]))
    def look_and_press(self, rest: float, wait: float, after: float, fits: bool, what: str) -> None:
        """What a person does who means it: most of these count."""
        self.feed(ev.Away(self.now, ""))
        self.time(rest)
        self.paint(fits or self.state.granting, surface="dialog" if self.state.granting else "full")
        self.now += wait + 0.5
        focused = self.state.request
        if focused is not None and not fits:
            self.feed(ev.ScrolledToEnd(self.now, focused.id, focused.digest))
            self.now += wait + 0.4
        right = "5" if self.state.granting else "A" if focused and focused.tier is Tier.T3 else "a"
        self.feed(ev.Key(self.now, what or right, self.state.epoch))
        self.time(after)

    @precondition(lambda self: self.state.request is not None and self.state.online and not self.state.read_only)
    @rule(epoch=st.integers(-1, 3), source=st.sampled_from(["plain", "mouse", "palette"]))
    def deny(self, epoch: int, source: ev.Source) -> None:
        """Whatever is on screen and however long: a denial is taken at once. Only a text field keeps its keys."""
        self.now += 0.1
        before, focused = self.state, self.state.request
        assert focused is not None
        settles = before.candidate is not None and before.candidate.due <= self.now
        answers = self.feed(ev.Key(self.now, "d", epoch, source))
        denial = Decision(focused.id, focused.digest, Verdict.DENY)
        assert settles or before.away or denial in answers

    @invariant()
    def what_is_said_to_be_ready_is_shown_and_armed(self) -> None:
        if unready(self.state, self.now) == "":
            assert self.state.request is not None
            assert self.state.seen_at is not None
            assert not self.state.too_small

    @invariant()
    def the_focus_is_on_something_that_waits(self) -> None:
        assert self.state.focus == "" or self.state.request is not None
        assert self.state.focus not in self.state.sent


TestRoom = pytest.mark.row("U01", "U02", "U03", "U04", "U05", "U06", "U08", "U09")(Room.TestCase)
TestRoom.settings = settings(max_examples=300, stateful_step_count=50, suppress_health_check=[HealthCheck.too_slow])
