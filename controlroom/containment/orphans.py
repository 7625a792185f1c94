"""Leaves that nobody will ever take away: their shim was killed after it had made them and before their handle was saved."""

import fcntl
import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from controlroom.containment import cgroup

YOUNG = 60.0  # s: a leaf that was just made may not be owned yet
_LEAF = re.compile(r"[0-9a-f]{16}|probe-[0-9a-f]{32}")  # the id of a session that was launched; what `rungs` tried


@contextmanager
def own(leaf: str) -> Iterator[None]:
    """Show that this process keeps the leaf, by a lock that goes with it however it ends. Raises OSError."""
    descriptor = os.open(leaf, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def clear(base: str, known: Collection[str]) -> list[str]:
    """Remove the leaves in `base` that are empty, older than a minute, owned by no process and of no `known` session; which.

    Other homes of this user have theirs in the same folder: only what nobody owns may go. What cannot be looked at stays.
    """
    try:
        names = os.listdir(base) if base else []
    except OSError:
        return []
    leaves = [f"{base}/{name}" for name in names if _LEAF.fullmatch(name) and name not in known]
    return [leaf for leaf in leaves if _is_left(leaf) and cgroup.remove(leaf, 0)]


def _is_left(leaf: str) -> bool:
    try:
        descriptor = os.open(leaf, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # it went just now, or is not ours
        return False
    try:
        if time.time() - os.fstat(descriptor).st_mtime < YOUNG:
            return False  # and not locked either, not even for a moment: its shim could not own it then
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)
