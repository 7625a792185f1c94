"""A request: an action held for a decision; the decision; the grant that may stand for one."""

from enum import StrEnum

import msgspec

from controlroom.model.action import Action, Binding
from controlroom.model.clock import Instant
from controlroom.model.effect import Assessment, EffectKind
from controlroom.model.tier import Verdict


class RequestState(StrEnum):
    """Where a request stands. Only DELIVERED means that the agent was told yes; every other end is a denial (S3)."""

    PENDING = "pending"  # waits for a person
    SAVING = "saving"  # allowed; its targets are being saved (snapshot)
    CHECKING = "checking"  # allowed and saved; what was judged is being looked at again
    RECORDING = "recording"  # checked; the journal is being made durable
    DELIVERED = "delivered"  # the allow went out on the connection that asked
    DENIED = "denied"
    EXPIRED = "expired"
    VOID = "void"  # the asker was gone before an answer could reach it


class Decision(msgspec.Struct, frozen=True):
    """An answer: for which request and digest, by whom (`operator:NAME`, `policy`, `grant:ID`, `stop`, `budget` ...), why.

    `shown_ms`: how long it had been fully shown in the room, without a break, when the key came; None = not answered in a room.
    """

    request: str
    digest: str
    verdict: Verdict
    by: str
    reason: str
    at: Instant
    shown_ms: int | None = None


class Request(msgspec.Struct, frozen=True):
    """One action of one session, on one connection.

    `id`: 32 hex digits, random, from the daemon, used once. `connection`: the only one that may be answered. `call`: the
    agent's own id of the call (a claim, "" where it has none). `subagent`: the agent's claim of which subagent asks.
    `says`: what the agent says about it: unverified, drawn last. `deadline`: an unanswered request is denied then.
    `hooked`: a hook waits for the answer, so an agent whose hook dies may run the call all the same (safety.md rule 5).
    """

    id: str
    session: str
    connection: str
    action: Action
    binding: Binding
    assessment: Assessment
    digest: str
    asked: Instant
    deadline: Instant
    call: str = ""
    subagent: str = ""
    says: str = ""
    hooked: bool = True
    state: RequestState = RequestState.PENDING
    decision: Decision | None = None


GRANT_LONGEST = 3600.0  # seconds, whatever is asked for


class Grant(msgspec.Struct, frozen=True):
    """An expiring, use-counted permission of one session: exact `argv`, or a `path` subtree with a set of effects.

    Exactly one of `argv` and `path` is set; an `argv` stands for itself in the folder `cwd` only. `dev` and `ino` are those of
    the folder `path`, or of the folder that the file is in: another one under that name is not what was granted. `uses` is
    what is left. There is no "always".
    """

    id: str
    session: str
    effects: tuple[EffectKind, ...]
    uses: int
    deadline: Instant
    by: str
    argv: tuple[str, ...] = ()
    cwd: str = ""
    path: str = ""
    subagent: str = ""
    dev: int = 0
    ino: int = 0
