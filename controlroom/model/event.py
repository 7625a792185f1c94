"""Everything that can change a decision, a state or an alarm: the only input of the core.

Each event carries `at`, the daemon's clock when it happened. `ticket` names the operator's call that waits for an answer
("" where nobody waits); the core answers it with exactly one `Answer` order.
"""

from typing import Literal

import msgspec

from controlroom.model.agent import Session, SessionState, StopResult
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.permissions import LayerChange
from controlroom.model.record import Outcome
from controlroom.model.request import Request
from controlroom.model.snapshot import Saved
from controlroom.model.storing import Storing
from controlroom.model.tier import Verdict


class SessionOpened(msgspec.Struct, frozen=True, tag=True):
    """A session began (launched, adopted, or first heard of at the gate), or one that lived on is met again.

    `review`: why it is frozen until an operator has looked at it, "" = it goes on.
    """

    at: Instant
    session: Session
    ticket: str = ""
    review: str = ""


class SessionEnded(msgspec.Struct, frozen=True, tag=True):
    """A session is over: the agent's own exit, or nobody can say (`LOST`). `note` says how."""

    at: Instant
    session: str
    state: SessionState
    note: str = ""


class Asked(msgspec.Struct, frozen=True, tag=True):
    """A request came in at the gate, assessed and bound; nothing of it was taken from the asker's own claims."""

    at: Instant
    request: Request


class Decided(msgspec.Struct, frozen=True, tag=True):
    """An operator answered a request, naming the digest that was on screen. `shown_ms`: as in `Decision`."""

    at: Instant
    request: str
    digest: str
    verdict: Verdict
    by: str
    reason: str = ""
    ticket: str = ""
    shown_ms: int | None = None


class Snapped(msgspec.Struct, frozen=True, tag=True):
    """What became of the snapshot of `request`: verified and on disk, or `saved.why` it is not."""

    at: Instant
    request: str
    saved: Saved


class Checked(msgspec.Struct, frozen=True, tag=True):
    """The second look at what was judged: `changed` says what is no longer as shown, "" = unchanged."""

    at: Instant
    request: str
    changed: str = ""


class Durable(msgspec.Struct, frozen=True, tag=True):
    """The journal holds the allow of `request` durably (`error` = why it does not)."""

    at: Instant
    request: str
    error: str = ""


class Delivered(msgspec.Struct, frozen=True, tag=True):
    """What became of a reply: `ok` False = the peer was gone or the connection broke."""

    at: Instant
    request: str
    ok: bool


class PeerGone(msgspec.Struct, frozen=True, tag=True):
    """A gate connection ended without a verdict, or its process died."""

    at: Instant
    connection: str


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The agent says that a call is over (PostToolUse and the like): closes the receipt."""

    at: Instant
    session: str
    call: str
    outcome: Outcome


class GrantAsked(msgspec.Struct, frozen=True, tag=True):
    """An operator gives a grant; seconds are capped by the limits."""

    at: Instant
    id: str
    session: str
    effects: tuple[EffectKind, ...]
    uses: int
    seconds: float
    by: str
    argv: tuple[str, ...] = ()
    path: str = ""
    subagent: str = ""
    ticket: str = ""
    dev: int = 0
    ino: int = 0


class GrantRevoked(msgspec.Struct, frozen=True, tag=True):
    """An operator takes a grant back."""

    at: Instant
    id: str
    by: str
    ticket: str = ""


class PolicyChanged(msgspec.Struct, frozen=True, tag=True):
    """Other settings or another manifest are in force from now on: grants were given under the old ones and end (A16).

    `hold`: how long requests that come from now on wait, in seconds.
    """

    at: Instant
    by: str
    hold: float


class SubagentEnded(msgspec.Struct, frozen=True, tag=True):
    """A subagent is over: its grants end with it."""

    at: Instant
    session: str
    subagent: str


class Steered(msgspec.Struct, frozen=True, tag=True):
    """An operator (or a rule of ours) pauses, resumes, stops or kills a session. `act`: pause, resume, stop, kill."""

    at: Instant
    session: str
    act: str
    by: str
    ticket: str = ""


DoubtKind = Literal["ungated", "other-input", "transcript", "unwatched"]


class Doubted(msgspec.Struct, frozen=True, tag=True):
    """An agent's log or hooks tell of a call otherwise than the gate knows it, or the log itself was tampered with,
    or it tells of calls that were made while nobody looked.

    `call`: the agent's id of the call, "" for the log itself. Stands until an operator clears it.
    """

    at: Instant
    session: str
    kind: DoubtKind
    text: str
    call: str = ""


class Cleared(msgspec.Struct, frozen=True, tag=True):
    """An operator has looked at the doubts about a session."""

    at: Instant
    session: str
    by: str
    ticket: str = ""


class HooksGone(msgspec.Struct, frozen=True, tag=True):
    """The hook processes of a session are gone (`ok`), or still there after their time."""

    at: Instant
    session: str
    ok: bool


class Contained(msgspec.Struct, frozen=True, tag=True):
    """What a freeze, thaw, stop or kill came to."""

    at: Instant
    result: StopResult


class Estop(msgspec.Struct, frozen=True, tag=True):
    """EMERGENCY STOP. `stop_id` is the latch's id; the latch file is already written by whoever pulled, at `since` if known."""

    at: Instant
    stop_id: str
    by: str
    ticket: str = ""
    since: Instant | None = None


class Reset(msgspec.Struct, frozen=True, tag=True):
    """An operator resets the stop by naming its id. Resumes nothing, restores no grant."""

    at: Instant
    stop_id: str
    by: str
    ticket: str = ""


class Usage(msgspec.Struct, frozen=True):
    """What a session has come to; None = it cannot be told. `cpu`: seconds of CPU since it began, all processes together.

    `memory`: resident bytes; `deletes`: files that vanished in its workspace in the last minute; `writes`: files that were made
    or changed there, each time counted; `cost`: dollars by its transcript; `alone`: seconds without an operator.
    """

    processes: int | None = None
    cpu: float | None = None
    memory: int | None = None
    deletes: int | None = None
    writes: int | None = None
    tokens: int | None = None
    cost: float | None = None
    alone: float | None = None


class Measured(msgspec.Struct, frozen=True, tag=True):
    """A session was looked at."""

    at: Instant
    session: str
    usage: Usage


class LayerSeen(msgspec.Struct, frozen=True, tag=True):
    """A file that agents read beside their task was changed. `sessions`: whose agents read it, the one that did it first.

    `text`: the change in words.
    """

    at: Instant
    sessions: tuple[str, ...]
    change: LayerChange
    text: str


class LayerTaken(msgspec.Struct, frozen=True, tag=True):
    """An operator takes a change of such a file as it is."""

    at: Instant
    change: str
    by: str


class Violated(msgspec.Struct, frozen=True, tag=True):
    """Never-touch members changed on the disk, whoever did it. `text`: which, and how, for people; `walled`: sessions whose
    walls keep them from these very members.
    """

    at: Instant
    text: str
    walled: tuple[str, ...] = ()


class Stored(msgspec.Struct, frozen=True, tag=True):
    """How well the journal can be written has changed."""

    at: Instant
    level: Storing


class Tick(msgspec.Struct, frozen=True, tag=True):
    """Time passes."""

    at: Instant


Event = (
    SessionOpened
    | SessionEnded
    | Asked
    | Decided
    | Snapped
    | Checked
    | Durable
    | Delivered
    | PeerGone
    | Finished
    | GrantAsked
    | GrantRevoked
    | PolicyChanged
    | SubagentEnded
    | Steered
    | Doubted
    | Cleared
    | HooksGone
    | Contained
    | Estop
    | Reset
    | Measured
    | LayerSeen
    | LayerTaken
    | Violated
    | Stored
    | Tick
)
