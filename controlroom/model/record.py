"""What the journal keeps: records, and the receipt that is folded from them."""

from enum import StrEnum

import msgspec

from controlroom.model.action import Action
from controlroom.model.clock import Instant
from controlroom.model.effect import Assessment
from controlroom.model.request import Decision
from controlroom.model.snapshot import Saved
from controlroom.model.touched import Seen


class Kind(StrEnum):
    """Kinds of journal records. Unknown kinds of newer versions are kept in the chain and shown raw."""

    OPENED = "journal.opened"  # a daemon began to write: boot id, version
    SEGMENT = "journal.segment"  # the link from one segment to the next
    RECOVERED = "journal.recovered"  # what an opening found: a torn tail, records in the reserve
    SEAL = "journal.seal"  # everything before it, under a key that is gone by now
    CARRIED = "journal.carried"  # what a new segment takes along of the older ones
    ANCHORED = "journal.anchored"  # the head was written down outside
    DROPPED = "journal.dropped"  # the oldest segments go, as the operator's settings say
    INTENT = "intent"
    SNAPSHOT = "snapshot"  # what was saved before the act, or why nothing was
    DECISION = "decision"
    STARTED = "started"
    OUTCOME = "outcome"
    SEEN = "seen"  # what changed in the workspace while an act was under way
    CHECKPOINT = "checkpoint"  # transcript and memory files of a session were kept, or why they were not
    UNDONE = "undone"  # an undo took the act back; names the undo's own receipt
    INTERRUPTED = "interrupted"
    REFUSED = "refused"  # an operator's decision that was not taken: wrong digest, unknown id, latched
    UNDELIVERED = "undelivered"
    REJECTED = "gate.rejected"  # a gate message that was not a request: malformed, too large, reserved fields
    OBSERVED = "observed"  # what an agent's hook told: session start, subagent, prompt of its own, config change
    CLAIMED = "claimed"  # a line of others in the folder of claims: nothing of it is proved
    SESSION = "session"  # opened, state changes, ended
    GRANT = "grant"
    REVOKED = "grant.revoked"
    STOP = "stop"  # freeze, thaw, stop, kill: ordered
    PROOF = "stop.proof"  # what it came to
    DRILL = "stop.drill"  # what the drill of the emergency stop came to
    LATCHED = "latched"
    RESET = "reset"
    ACCEPTED = "accepted"  # an operator has seen that the journal had failed: acts may be allowed again
    DISMISSED = "dismissed"  # an operator ended the daemon: agents may go on without it
    CONFIG = "config"
    WALLS = "walls"  # what was tried in vain against the walls of an ENFORCED session, before its agent ran
    THROWN = "thrown"  # files of a throw-away home or temporary folder, which went with the session
    LEAK = "secret"  # one was seen in an agent's log: where, and of which kind
    LAYER = "layer"  # a file that agents read beside their task was changed: who, what, what it weakens
    LAYER_TAKEN = "layer.taken"  # an operator takes such a change as it is
    ALARM = "alarm"
    CLEARED = "alarm.cleared"  # an operator has looked at the doubts about a session


class Record(msgspec.Struct, frozen=True):
    """One thing that happened, before it is stored. `body` is JSON text of a Struct that fits the kind.

    `receipt` is the request's id for the records of one act, "" for others.
    """

    kind: Kind
    at: Instant
    session: str = ""
    receipt: str = ""
    body: msgspec.Raw = msgspec.Raw(b"{}")


class Stage(StrEnum):
    """How far an act came, as its receipt shows it."""

    INTENT = "intent"
    DENIED = "denied"
    ALLOWED = "allowed"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNDELIVERED = "undelivered"


UNRELEASED = (Stage.INTENT, Stage.DENIED)


class Intent(msgspec.Struct, frozen=True):
    """Body of an INTENT record: what was asked and what policy made of it."""

    digest: str
    action: Action
    assessment: Assessment
    agent: str
    call: str = ""
    subagent: str = ""
    says: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """Body of an OUTCOME record: what the agent says came of it (a claim, S20)."""

    ok: bool
    note: str = ""
    duration_ms: int | None = None


class Receipt(msgspec.Struct, frozen=True):
    """The record of one act, folded from the journal: intent, decision, start, outcome."""

    id: str
    seq: int
    session: str
    stage: Stage
    at: Instant
    intent: Intent
    decision: Decision | None = None
    started: Instant | None = None
    ended: Instant | None = None
    outcome: Outcome | None = None
    note: str = ""
    saved: Saved | None = None  # its snapshot
    undone: str = ""  # the receipt of the undo that took it back
    seen: Seen | None = None  # None = no sensor told
