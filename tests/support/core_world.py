"""A small daemon for tests of the core: feeds events to the real `step`, keeps every order, carries out what it is told to."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from controlroom.core import Limits, State, step
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import Rung, Session, SessionState
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.record import Kind
from controlroom.model.request import Request, RequestState
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier, Verdict
from tests.support.core_make import SAVED, START, outcome_of, request, session

T = TypeVar("T", bound=od.Order)


class World:
    """One daemon's life. Nothing is carried out by itself: a test says `checked`, `durable`, `delivered` when it wants them."""

    def __init__(self, limits: Limits | None = None, latch: str = "") -> None:
        self.state = State(limits=limits or Limits(), latch=latch)
        self.now: Instant = START
        self.orders: list[od.Order] = []
        self.last: list[od.Order] = []

    def do(self, event: ev.Event) -> list[od.Order]:
        """One step; returns its orders."""
        before = msgspec.json.encode(self.state)
        came, self.last = self.state, []
        self.state, self.last = step(self.state, event)
        assert msgspec.json.encode(came) == before, "step changed the state that it was given"
        self.orders += self.last
        return self.last

    def wait(self, seconds: float) -> list[od.Order]:
        """Both clocks advance, and the daemon ticks."""
        self.now = self.now.plus(seconds)
        return self.do(ev.Tick(self.now))

    def set_wall(self, seconds: float) -> list[od.Order]:
        """The wall clock is set `seconds` forward (or back); the boot clock stands."""
        self.now = Instant(self.now.boot, self.now.wall + Instant(0, 0).plus(seconds).wall)
        return self.do(ev.Tick(self.now))

    # What agents and operators do

    def open(self, name: str = "s1", *, rung: Rung = Rung.CGROUP, kind: str = "claude-code") -> Session:
        opened = session(name, rung=rung, kind=kind)
        self.do(ev.SessionOpened(self.now, opened))
        return opened

    def ask(self, name: str = "r1", *, of: str = "s1", tier: Tier = Tier.T2, **more: object) -> Request:
        asked = request(name, of=of, tier=tier, at=self.now, **more)  # type: ignore[arg-type]
        self.do(ev.Asked(self.now, asked))
        return asked

    def allow(self, name: str = "r1", *, digest: str = "", by: str = "operator:ann", ticket: str = "") -> list[od.Order]:
        known = self.state.requests.get(name)
        shown = digest or (known.digest if known else "0" * 64)
        return self.do(ev.Decided(self.now, name, shown, Verdict.ALLOW, by, "", ticket))

    def deny(self, name: str = "r1", *, digest: str = "", by: str = "operator:ann", ticket: str = "") -> list[od.Order]:
        return self.do(ev.Decided(self.now, name, digest, Verdict.DENY, by, "no", ticket))

    def saved(self, name: str = "r1", why: str = "") -> list[od.Order]:
        return self.do(ev.Snapped(self.now, name, Saved("", why=why) if why else SAVED))

    def checked(self, name: str = "r1", changed: str = "") -> list[od.Order]:
        """The second look; the snapshot that comes before it is made where it is still waited for."""
        known = self.state.requests.get(name)
        if known and known.state is RequestState.SAVING:
            self.saved(name)
        return self.do(ev.Checked(self.now, name, changed))

    def durable(self, name: str = "r1", error: str = "") -> list[od.Order]:
        return self.do(ev.Durable(self.now, name, error))

    def delivered(self, name: str = "r1", ok: bool = True) -> list[od.Order]:
        return self.do(ev.Delivered(self.now, name, ok))

    def gone(self, name: str = "r1") -> list[od.Order]:
        return self.do(ev.PeerGone(self.now, f"conn-{name}"))

    def release(self, name: str = "r1", ticket: str = "") -> list[od.Order]:
        """The whole way of an operator's yes."""
        self.allow(name, ticket=ticket)
        self.checked(name)
        self.durable(name)
        return self.delivered(name)

    def grant(
        self,
        name: str = "g1",
        *,
        of: str = "s1",
        effects: tuple[EffectKind, ...] = (EffectKind.DELETE,),
        uses: int = 1,
        seconds: float = 300,
        argv: tuple[str, ...] = (),
        path: str = "",
        subagent: str = "",
        ticket: str = "grant",
    ) -> list[od.Order]:
        where = path if path or argv else "/ws"
        return self.do(ev.GrantAsked(self.now, name, of, effects, uses, seconds, "operator:ann", argv, where, subagent, ticket))

    def steer(self, act: str, name: str = "s1", ticket: str = "") -> list[od.Order]:
        return self.do(ev.Steered(self.now, name, act, "operator:ann", ticket))

    def hooks_gone(self, name: str = "s1", ok: bool = True) -> list[od.Order]:
        return self.do(ev.HooksGone(self.now, name, ok))

    def contained(self, act: str, name: str = "s1", **more: object) -> list[od.Order]:
        return self.do(ev.Contained(self.now, outcome_of(name, act, **more)))  # type: ignore[arg-type]

    def paused(self, name: str = "s1") -> None:
        """The whole way of a pause that works."""
        self.steer("pause", name)
        self.hooks_gone(name)
        self.contained("freeze", name)

    def estop(self, stop_id: str = "stop-1", ticket: str = "") -> list[od.Order]:
        return self.do(ev.Estop(self.now, stop_id, "operator:ann", ticket))

    def reset(self, stop_id: str = "stop-1", ticket: str = "") -> list[od.Order]:
        return self.do(ev.Reset(self.now, stop_id, "operator:ann", ticket))

    def end(self, name: str = "s1", state: SessionState = SessionState.ENDED) -> list[od.Order]:
        return self.do(ev.SessionEnded(self.now, name, state, "exit 0"))

    # What came of it

    def word(self, name: str = "s1") -> SessionState:
        return self.state.sessions[name].session.state

    def replies(self, name: str = "r1") -> list[Verdict]:
        return [o.verdict for o in self.all(od.Reply) if o.request == name]

    def allowed(self, name: str = "r1") -> bool:
        return Verdict.ALLOW in self.replies(name)

    def denied(self, name: str = "r1") -> bool:
        return self.replies(name) == [Verdict.DENY]

    def all(self, kind: type[T], where: Callable[[T], bool] = lambda _: True) -> list[T]:
        return [o for o in self.orders if isinstance(o, kind) and where(o)]

    def acts(self, name: str = "s1") -> list[str]:
        """The containment orders of a session, in order."""
        return [o.act for o in self.all(od.Contain) if o.session == name]

    def records(self, kind: Kind, receipt: str | None = None) -> list[dict[str, object]]:
        found = self.all(od.Append, lambda o: o.record.kind is kind and receipt in (None, o.record.receipt))
        return [msgspec.json.decode(o.record.body, type=dict[str, object]) for o in found]

    def answers(self, ticket: str) -> list[str]:
        return [o.error for o in self.all(od.Answer) if o.ticket == ticket]
