"""Whether git tracks a file, read from the index itself: no program is started, and a large index costs milliseconds.

The format is gitformat-index(5), versions 2 and 3. An entry is 62 bytes (64 with extended flags) and the whole path, which a
NUL ends. Version 4 shortens paths and a split index keeps them elsewhere: then the answer is None.
"""

import mmap
import os

LIMIT = 256 << 20  # bytes of an index
MOST_TRIED = 64  # places, from the end, that look like the extension of a split index
_HEADER = 12
_SHARED = b"link"  # the extension of a split index
_MODES = frozenset(mode.to_bytes(4, "big") for mode in (0o100644, 0o100755, 0o120000, 0o160000, 0o100664))


def tracked(path: str) -> bool | None:
    """Whether the repository around an absolute, resolved path has it in its index; None without one, or when unclear."""
    found = _repository(os.path.dirname(path))
    if found is None:
        return None
    top, git = found
    name = os.fsencode(os.path.relpath(path, top))
    try:
        with open(os.path.join(git, "index"), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if not _HEADER + 20 <= size <= LIMIT:
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as index:
                return _holds(index, name)
    except FileNotFoundError:
        return False  # nothing was ever added
    except (OSError, ValueError):
        return None


def _holds(index: mmap.mmap, name: bytes) -> bool | None:
    if index[:4] != b"DIRC" or int.from_bytes(index[4:8], "big") not in (2, 3) or _is_split(index):
        return None
    at = index.find(name + b"\0")
    while at >= 0:
        if _is_entry(index, at, 62, len(name)) or _is_entry(index, at, 64, len(name)):
            return True
        at = index.find(name + b"\0", at + 1)
    return False


def _is_split(index: mmap.mmap) -> bool:
    """Whether an extension says that another file holds the rest: its length leads to the next extension or the checksum."""
    at, end = index.rfind(_SHARED), len(index) - 20
    for _ in range(MOST_TRIED):
        if at < _HEADER:
            return False
        after = at + 8 + int.from_bytes(index[at + 4 : at + 8], "big")
        if after == end or (after < end and index[after : after + 4].isalpha()):
            return True
        at = index.rfind(_SHARED, 0, at)
    return False


def _is_entry(index: mmap.mmap, at: int, fixed: int, length: int) -> bool:
    """Whether the path at `at` is a whole entry's: its mode holds two NULs, which no path has, so no path can look like one."""
    start = at - fixed
    if start < _HEADER or (start - _HEADER) % 8 % 4 or index[start + 24 : start + 28] not in _MODES:
        return False
    flags = int.from_bytes(index[start + 60 : start + 62], "big")
    return flags & 0xFFF == min(length, 0xFFF) and bool(flags & 0x4000) == (fixed == 64)


def _repository(folder: str) -> tuple[str, str] | None:
    """The top of the working tree around a folder, and its git folder (a worktree and a submodule name theirs in a file)."""
    at = folder
    while True:
        place = os.path.join(at, ".git")
        if os.path.isdir(place):
            return at, place
        if os.path.isfile(place):
            named = _named(place)
            return (at, os.path.join(at, named)) if named else None
        parent = os.path.dirname(at)
        if parent == at:
            return None
        at = parent


def _named(file: str) -> str:
    try:
        with open(file, "rb") as opened:
            said = opened.read(4096).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    return said.removeprefix("gitdir: ").rstrip("\n") if said.startswith("gitdir: ") else ""
