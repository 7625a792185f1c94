"""`audit verify`: is the journal as it was written? Needs no lock and no daemon."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from controlroom.storage.chain import FIRST_SEQ, GENESIS, Damaged, Line, Torn, decode, walk

_SETTLE = 0.2  # seconds in which a line that is being written gets its end


class Verified(msgspec.Struct, frozen=True):
    """What verification came to.

    `records`: good ones from the start on. `head`: sum of the last good one. `first_bad_seq`: None where all are good.
    `limits`: what this cannot see, always to be shown with the verdict (J10). `unknown`: records of kinds that this version
    does not know.
    """

    ok: bool
    records: int
    head: str
    limits: str
    first_bad_seq: int | None = None
    why: str = ""
    unknown: int = 0


def verify(directory: Path, pause: Callable[[float], None] = time.sleep) -> Verified:
    """Check every record of the journal in `directory`. Raises OSError where it cannot be read.

    A last line without an end is looked at a second time after `pause`, because a daemon may just be writing it.
    """
    first = _once(directory)
    if not first[1]:
        return first[0]
    pause(_SETTLE)
    return _once(directory)[0]


def _once(directory: Path) -> tuple[Verified, bool]:
    last: Line | None = None
    unknown = 0
    try:
        for line in walk(directory):
            unknown += decode(line).record is None
            last = line
    except Damaged as damage:
        return _verdict(last, unknown, damage), isinstance(damage, Torn)
    return _verdict(last, unknown, None), False


def _verdict(last: Line | None, unknown: int, damage: Damaged | None) -> Verified:
    records = last.seq - FIRST_SEQ + 1 if last else 0
    head = last.sum if last else GENESIS
    seq = last.seq if last else 0
    limits = (
        f"cannot see: records lost after number {seq}, and a whole journal written anew with new sums. "
        f"Compare the head {head[:16]} with a copy that you keep elsewhere."
    )
    if damage is None:
        return Verified(True, records, head, limits, unknown=unknown)
    return Verified(False, records, head, limits, damage.seq, damage.why, unknown)
