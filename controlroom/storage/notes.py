"""What the journal writes about itself: the bodies of its own kinds of records."""

import msgspec

from controlroom.model.agent import Session
from controlroom.model.record import Kind, Receipt

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


class Carried(msgspec.Struct, frozen=True):
    """Body of `journal.carried`: what a new segment takes along, so that a start needs no older one.

    `sessions` that are not over, `open` acts without an outcome (their long texts cut), the hashes of settings and manifest
    in force (`pins`), and the alarms about those sessions that stand (`standing`; null = written by a version without it).
    """

    sessions: tuple[Session, ...] = ()
    open: tuple[Receipt, ...] = ()
    pins: dict[str, str] = {}
    standing: tuple[Standing, ...] | None = None


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
