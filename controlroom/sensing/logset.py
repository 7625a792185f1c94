"""Which files a pattern, a folder or a path means now: bounded, newest first, no link followed (R11). Blocking."""

import glob
import itertools
import os
import stat
from collections.abc import Iterable

MOST_LOOKED_AT = 10_000  # names of one pattern


def resolve(pattern: str, workspace: str, home: str) -> str:
    """An absolute pattern: `./...` lies in the workspace, `~/...` at home."""
    if pattern.startswith("~/"):
        return os.path.join(home, pattern[2:])
    return os.path.normpath(os.path.join(workspace, pattern))


def files(pattern: str, most: int) -> list[str]:
    """The newest `most` files. A plain path means itself, also while nothing is there; a folder means the files in it."""
    if os.path.isdir(pattern):
        pattern = os.path.join(glob.escape(pattern), "*")
    elif not glob.has_magic(pattern):
        return [pattern]
    return newest(itertools.islice(glob.iglob(pattern), MOST_LOOKED_AT), most)


def newest(paths: Iterable[str], most: int) -> list[str]:
    """Of these, the regular files that changed last, by name."""
    found = []
    for path in paths:
        try:
            there = os.lstat(path)
        except OSError:
            continue
        if stat.S_ISREG(there.st_mode):
            found.append((-there.st_mtime_ns, path))
    return sorted(path for _, path in sorted(found)[:most])


def rotated(path: str) -> str:
    """What was at `path` before the last rotation, by its usual names (`path.1`, `path.2026-11-25`); "" = nothing is there."""
    beside = (one for one in glob.iglob(f"{glob.escape(path)}.*") if not one.endswith((".gz", ".xz", ".bz2", ".zst")))
    found = newest(itertools.islice(beside, MOST_LOOKED_AT), 1)
    return found[0] if found else ""
