"""How much a snapshot may cost, and how much one would be: measured before the operator is asked."""

import os
import stat
import time
from collections.abc import Callable, Iterable

import msgspec

from controlroom.storage.snapshots.disk import Disk
from controlroom.storage.snapshots.manifest import Root, shown
from controlroom.storage.snapshots.walk import CannotSave, Gone, Moved, special, walk

MOST_COUNTED = 250_000  # entries that are looked at to say how much it would be
COUNT_SECONDS = 3.0
SPARE = 512 << 20  # bytes that are left free on the disk of the snapshots


class Budget(msgspec.Struct, frozen=True):
    """Bytes of content, files and folders, seconds: of one snapshot."""

    bytes: int = 4 << 30
    files: int = 100_000
    seconds: float = 60.0


class Measure(msgspec.Struct, frozen=True):
    """What a snapshot would hold. `left_out`: what it cannot, in words."""

    files: int
    size: int
    left_out: tuple[str, ...] = ()


def measure(
    disk: Disk, roots: Iterable[Root], budget: Budget, free: int, clock: Callable[[], float] = time.monotonic
) -> Measure:
    """Count without reading any content. Raises CannotSave, in words for the operator, where it is over the budget or over
    `free` (bytes on the disk of the snapshots), or where something may not be read; OSError.
    """
    files = size = seen = 0
    left: list[str] = []
    until = clock() + COUNT_SECONDS
    try:
        for root in roots:
            for found in walk(disk, root):
                seen += 1
                if seen > MOST_COUNTED or clock() > until:
                    raise CannotSave(f"over {seen - 1} files, {human(size)} and more; the limit is {budget.files}")
                if isinstance(found, Gone):
                    continue
                word = special(found.stat.st_mode)
                if word and found.path == root.path:
                    raise CannotSave(f"{shown(root.path)} is a {word}")
                if word:
                    left.append(f"{word} {os.fsdecode(found.name)!r}")
                elif stat.S_ISREG(found.stat.st_mode):
                    files, size = files + 1, size + min(found.stat.st_size, found.stat.st_blocks * 512)
    except Moved as e:
        raise CannotSave(f"{e}: it is being changed right now") from e
    if seen > budget.files:
        raise CannotSave(f"{seen} files and folders, {seen - budget.files} over the limit of {budget.files}")
    if size > budget.bytes:
        raise CannotSave(f"{human(size)}, {human(size - budget.bytes)} over the limit of {human(budget.bytes)}")
    fits(size, free)
    return Measure(files, size, tuple(left))


def fits(size: int, free: int) -> None:
    """Raises CannotSave where so many bytes do not go on a disk with `free` left."""
    if size + SPARE > free:
        raise CannotSave(f"{human(size)}, and the disk of the snapshots has only {human(free)} left")


def human(size: int) -> str:
    """Bytes in a short word: 512 B, 3.4 MB, 12 GB."""
    value, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
