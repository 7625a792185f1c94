"""The latch: a file whose presence stops everything, read by hooks before any socket, written also without a daemon.

Whatever lies there counts as latched, readable or not: only its absence lets anything pass.
"""

import os
from pathlib import Path

import msgspec

from controlroom.model.clock import SECOND, Instant
from controlroom.storage.files import read_small, remove, replace
from controlroom.storage.paths import Places

UNREADABLE = "unreadable"
FRESH = 60 * SECOND  # ns for which the time in a latch is believed
_LIMIT = 4096  # bytes


class LatchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the latch says: the stop's id, who pulled it, and when (`wall`: ns since the epoch)."""

    stop_id: str
    by: str
    wall: int


class NotLatched(Exception):
    """No latch file could be written anywhere; the message names each path and its error."""


def write(path: Path, stop_id: str, by: str, wall: int) -> None:
    """Latch `path`, durably. On a full disk an empty file still latches. Raises OSError when nothing is there in the end."""
    try:
        replace(path, msgspec.json.encode(LatchFile(stop_id, by, wall)) + b"\n")
    except OSError:
        if os.path.lexists(path):
            return  # an older latch, or anything else: it counts
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.close(fd)


def read(path: Path) -> LatchFile | None:
    """The latch at `path`; None only where nothing is there. Unreadable or malformed: latched, stop id "unreadable"."""
    try:
        os.lstat(path)  # needs no descriptor: none being left must not count as a stop
    except FileNotFoundError:
        return None
    except OSError as error:
        return LatchFile(UNREADABLE, f"{path}: {error}", 0)
    try:
        return msgspec.json.decode(read_small(path, _LIMIT), type=LatchFile)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return LatchFile(UNREADABLE, f"{path}: {error}", 0)


def clear(path: Path) -> None:
    """Take the latch away, durably. Raises OSError where something stays."""
    remove(path)


def write_both(places: Places, stop_id: str, by: str, wall: int) -> tuple[str, ...]:
    """Latch the state copy and the copies that hooks look at. Returns what went wrong with one of them.

    All are tried whatever happens. Raises NotLatched only when none could be written.
    """
    paths = dict.fromkeys((places.gate_latch, places.latch))
    if places.inner.is_dir():
        paths[places.inner / "latch"] = None
    problems = []
    for path in paths:
        try:
            write(path, stop_id, by, wall)
        except OSError as error:
            problems.append(f"{path}: {error}")
    if len(problems) == len(paths):
        raise NotLatched("; ".join(problems))
    return tuple(problems)


def clear_both(places: Places) -> None:
    """Take all copies away: the hooks' copies last, so that a crash in between leaves the gate closed. Raises OSError."""
    clear(places.latch)
    clear(places.inner / "latch")
    clear(places.gate_latch)


def read_any(places: Places) -> LatchFile | None:
    """The latch, from whichever copy is there (a readable one first); None only where neither is."""
    found = [latch for latch in (read(places.latch), read(places.gate_latch)) if latch is not None]
    found.sort(key=lambda latch: latch.stop_id == UNREADABLE)
    return found[0] if found else None


def pulled(latch: LatchFile | None, now: Instant) -> Instant | None:
    """When this latch was pulled, None where that is not known, or so long ago that the clocks may have been set since."""
    if latch is None or not 0 <= now.wall - latch.wall <= FRESH:
        return None
    return Instant(now.boot - (now.wall - latch.wall), latch.wall)
