"""All that the core knows. Frozen; dictionaries are replaced, never changed in place."""

import msgspec

from controlroom.model.agent import Rung, Session
from controlroom.model.clock import Instant
from controlroom.model.request import GRANT_LONGEST, Grant, Request, RequestState
from controlroom.model.storing import Storing


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Figures of product.md, in seconds and counts."""

    hold: float = 600.0
    grant_longest: float = GRANT_LONGEST
    expiries_in_a_row: int = 5
    undecided: int = 20
    fresh: int = 10
    fresh_window: float = 600.0
    tombs: int = 4096
    acts: int = 4096  # released actions whose end is waited for
    over: int = 256  # ended sessions that are remembered


class Meter(msgspec.Struct, frozen=True):
    """What the trips of a session count. `call`, `row`: the last call and how often it came in a row.

    `cpu`: seconds of CPU at some moments of the window, oldest first. `bars`: figures that a trip has raised. `leave`: until
    when released acts may delete how many files.
    """

    call: str = ""
    row: int = 0
    cpu: tuple[tuple[Instant, float], ...] = ()
    bars: dict[str, float] = {}
    leave: tuple[tuple[Instant, int], ...] = ()


class Held(msgspec.Struct, frozen=True):
    """A session as the core sees it.

    `intent`: what is wanted: "" or thaw, freeze, stop, kill, halt (freeze for an emergency stop: kill where that fails);
    `ordered`: its order is out; `since`: when it was asked for, None = not yet, or nothing is wanted.
    `fresh`: when undecided requests came since the last answer. `tickets`: operators waiting for the intent's end.
    """

    session: Session
    intent: str = ""
    ordered: bool = False
    since: Instant | None = None
    denials: int = 0
    expiries: int = 0
    fresh: tuple[Instant, ...] = ()
    tickets: tuple[str, ...] = ()
    meter: Meter = Meter()

    @property
    def holdable(self) -> bool:
        """Whether there is a process to take hold of (a lane of an unknown peer has none)."""
        return self.session.rung is not Rung.OBSERVED or self.session.root is not None


class Act(msgspec.Struct, frozen=True):
    """An answered request: its answer is on its way, or it was released and nobody has told how it ended."""

    request: str
    session: str
    call: str
    hooked: bool


class State(msgspec.Struct, frozen=True):
    """`requests`: undecided and in flight. `tombs`: how the last ones ended, so that nothing is decided twice.

    `acts`: released and not yet over, by request. `replies`: answers on their way to the asker, by request.
    `tickets`: the operator's call that waits for a request's end. `latch`: id of the emergency stop in force, "" = none.
    `storing`: how well the journal can be written.
    """

    limits: Limits = Limits()
    sessions: dict[str, Held] = {}
    requests: dict[str, Request] = {}
    tombs: dict[str, RequestState] = {}
    acts: dict[str, Act] = {}
    replies: dict[str, Act] = {}
    grants: dict[str, Grant] = {}
    tickets: dict[str, str] = {}
    latch: str = ""
    storing: Storing = Storing.OK

    def pending(self) -> list[Request]:
        """What waits for a person, oldest first; not what is already on its way through."""
        return [r for r in self.requests.values() if r.state is RequestState.PENDING]

    def of_session(self, session: str) -> list[Request]:
        """The undecided and in-flight requests of a session, oldest first."""
        return [r for r in self.requests.values() if r.session == session]
