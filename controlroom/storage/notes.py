"""What the journal writes about itself: the bodies of its own kinds of records."""

import msgspec

from controlroom.model.agent import Session
from controlroom.model.clock import Instant
from controlroom.model.permissions import SeenChange
from controlroom.model.record import Kind, Receipt
from controlroom.model.use import Capability, Use

FORMAT = 1  # of lines, segments and the bodies below; a journal of a higher one is opened read-only


class Quarantined(msgspec.Struct, frozen=True):
    """A torn tail that was moved aside: `file` in `quarantine/`, its size in bytes, its SHA-256, and how it showed."""

    file: str
    size: int
    sha256: str
    why: str


class Opened(msgspec.Struct, frozen=True):
    """Body of `journal.opened`: a daemon began to write.

    `boot` is the machine's boot id, to which the `boot` clock of the records after it belongs. `seal` is the fingerprint of
    the life's first seal key.
    """

    boot: str
    version: str
    pid: int
    seal: str = ""
    format: int = FORMAT


class Link(msgspec.Struct, frozen=True):
    """Body of `journal.segment`, the first record of every segment but number 1.

    `after`: file name of the segment before. `cut`: how many of its bytes belong to the chain, null = all of them; a number
    means that a write or a sync failed there, and what stands behind was never acknowledged.
    """

    after: str
    why: str
    boot: str
    version: str
    cut: int | None = None
    format: int = FORMAT


class Recovered(msgspec.Struct, frozen=True):
    """Body of `journal.recovered`: what an opening found. `spooled` records of the reserve follow."""

    quarantined: tuple[Quarantined, ...] = ()
    spooled: int = 0


class Seal(msgspec.Struct, frozen=True):
    """Body of `journal.seal`: HMAC-SHA256, with the life's key of this epoch, over the sum of the record before it."""

    epoch: int
    mac: str


class StandingAlarm(msgspec.Struct, frozen=True):
    """An alarm about a session that nobody has cleared yet. `call`: the tool call that it is about, "" = none."""

    kind: str
    text: str
    call: str = ""


class Standing(msgspec.Struct, frozen=True):
    """The first of such alarms about one session, and how many more there are."""

    session: str
    alarms: tuple[StandingAlarm, ...]
    more: int = 0


class Leak(msgspec.Struct, frozen=True):
    """Where a secret was first seen in an agent's log, and its keyed digest. Also the body of a `leak` record."""

    path: str
    line: int
    kind: str
    mark: str


class Times(msgspec.Struct, frozen=True):
    """How often, and when last."""

    times: int
    last: Instant


class UseTimes(msgspec.Struct, frozen=True):
    """How often one capability was used during one skill ("" = none)."""

    use: Use
    skill: str
    times: int


class Uses(msgspec.Struct, frozen=True):
    """What one session used. `unseen`: uses of scopes that are not kept one by one; `skill`: the one that goes on."""

    skill: str = ""
    uses: tuple[UseTimes, ...] = ()
    unseen: dict[Capability, int] = {}


class Remembered(msgspec.Struct, frozen=True):
    """What is folded from all records there ever were. By session that is not over: `walls` that were seen to hold, `hooks`
    that have spoken (by event), `used`. `leaks`: all known ones. `changes` of agents' files that no operator has taken.
    """

    walls: dict[str, tuple[str, ...]] = {}
    hooks: dict[str, dict[str, Times]] = {}
    used: dict[str, Uses] = {}
    leaks: tuple[Leak, ...] = ()
    changes: tuple[SeenChange, ...] = ()


class Carried(msgspec.Struct, frozen=True):
    """Body of `journal.carried`: what a new segment takes along, so that a start needs no older one.

    `sessions` that are not over, `open` acts without an outcome (their long texts cut), the hashes of settings and manifest
    in force (`pins`), the alarms about those sessions that stand, and what else is folded (null = written by a version
    without it).
    """

    sessions: tuple[Session, ...] = ()
    open: tuple[Receipt, ...] = ()
    pins: dict[str, str] = {}
    standing: tuple[Standing, ...] | None = None
    remembered: Remembered | None = None


class Anchored(msgspec.Struct, frozen=True):
    """Body of `journal.anchored`: record `seq` with `sum` was written down outside, at `place`."""

    place: str
    seq: int
    sum: str


class End(msgspec.Struct, frozen=True):
    """The last record of the segment `file`."""

    file: str
    seq: int
    sum: str


class Dropped(msgspec.Struct, frozen=True):
    """Body of `journal.dropped`: these oldest segments go; the anchors at `place` were held against them before."""

    segments: tuple[End, ...]
    place: str


PASSING = frozenset({Kind.SEGMENT, Kind.SEAL, Kind.CARRIED})  # made anew for a new segment, never moved into one
OWN = frozenset({Kind.OPENED, Kind.SEGMENT, Kind.RECOVERED, Kind.SEAL, Kind.CARRIED, Kind.ANCHORED, Kind.DROPPED})
