"""What the core tells the daemon to do. Orders are carried out in the order given; none is optional."""

import msgspec

from controlroom.model.agent import Session
from controlroom.model.record import Record
from controlroom.model.tier import Verdict


class Append(msgspec.Struct, frozen=True):
    """Add a record to the journal. `confirm` names the request whose `Durable` event must follow once it is on disk."""

    record: Record
    confirm: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """Save what the request's act could destroy, verified and on disk; answer with `Snapped`."""

    request: str


class Check(msgspec.Struct, frozen=True):
    """Look again at everything the request is bound to; answer with `Checked`."""

    request: str


class Reply(msgspec.Struct, frozen=True):
    """Answer the gate, on the connection that asked and only while its peer lives; answer with `Delivered`.

    `by`: who decided; the adapter words the answer for its agent (a pass by policy leaves the agent's own rules in force).
    """

    request: str
    connection: str
    verdict: Verdict
    by: str
    reason: str


class Answer(msgspec.Struct, frozen=True):
    """Answer an operator's call: `error` "" = done."""

    ticket: str
    error: str = ""


class AwaitHooks(msgspec.Struct, frozen=True):
    """Wait (250 ms at most) until no hook process of the session is left; answer with `HooksGone`."""

    session: str


class Contain(msgspec.Struct, frozen=True):
    """Take hold of a session: `act` is freeze, thaw, stop (TERM, 5 s, kill) or kill; answer with `Contained`."""

    session: str
    act: str


class Latch(msgspec.Struct, frozen=True):
    """Make sure the latch file is there, durably."""

    stop_id: str
    by: str


class Unlatch(msgspec.Struct, frozen=True):
    """Remove the latch file, durably."""

    stop_id: str


class Alarm(msgspec.Struct, frozen=True):
    """Tell every operator now. `kind` is a short word (`ungated`, `undelivered`, `changed` ...); `call`: the agent's id."""

    kind: str
    session: str
    text: str
    call: str = ""


class Forget(msgspec.Struct, frozen=True):
    """A session is over: drop its handle and sockets."""

    session: Session


Order = Append | Snapshot | Check | Reply | Answer | AwaitHooks | Contain | Latch | Unlatch | Alarm | Forget
