"""A process that already runs, and all that is found to belong to it, moved into a cgroup of its own where that is permitted.

What is found is a claim of one look after the other, not a proof: what left the tree before, in a session and group of
its own, is not seen. That is why an adopted agent stays ADVISORY.
"""

import os

import msgspec

from controlroom.containment import cgroup, processes
from controlroom.model.agent import ProcessId

ROUNDS = 50  # of looking again, while the tree goes on to fork


class Moved(msgspec.Struct, frozen=True):
    """`count` processes are in `leaf` ("" = none was made); `why`: in words why not, or what could not be moved."""

    leaf: str
    count: int
    why: str = ""


def belongs(root: ProcessId) -> list[processes.Stat]:
    """The root, its descendants, and what is still in a session or process group that the root leads. Parents first."""
    led = [s for s in processes.listing().values() if root.pid in (s.sid, s.group) and s.start >= root.start]
    return processes.forest([root.pid, *(stat.pid for stat in led)])


def move(root: ProcessId, leaf: str) -> Moved:
    """Make the leaf and move everything in, until a look finds nobody outside of it. Nothing is left where it cannot be."""
    try:
        cgroup.create(leaf)
    except OSError as error:
        return Moved("", 0, f"no cgroup can be made for it: {error.strerror}")
    inside: set[int] = set()
    for _ in range(ROUNDS):
        outside = [stat for stat in belongs(root) if stat.pid not in inside and not stat.dead]
        if not outside:
            return Moved(leaf, len(cgroup.procs(leaf)))
        for stat in outside:
            why = _put(leaf, stat.pid)
            if why and stat.pid == root.pid:
                cgroup.remove(leaf, 0)
                return Moved("", 0, f"it cannot be moved into a cgroup: {why}")
            inside.add(stat.pid)
    return Moved(leaf, len(cgroup.procs(leaf)), "it forked faster than it could be moved: some may be outside")


def _put(leaf: str, pid: int) -> str:
    """Why this process cannot be moved; "" = it is in, or gone."""
    try:
        cgroup.put(leaf, pid)
    except ProcessLookupError:
        return ""
    except OSError as error:
        return error.strerror or os.strerror(error.errno or 0)
    return ""
