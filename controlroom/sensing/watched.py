"""Watches small files by looking: what was made, changed, replaced or removed between two looks, with both contents.

Looking, not the kernel's events: those are lost silently when their queue is full, and say nothing of files that are not there
yet. A change is told when it has been the same for two looks, so that a file is not read half written; or after three.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

MOST_KEPT = 256 * 1024  # bytes of a content that is kept for a diff
MOST_READ = 8 << 20  # bytes of a file; of a longer one only these are compared
PATIENCE = 3  # looks until a file is told that changes all the time
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Content(msgspec.Struct, frozen=True):
    """A file at one look. `data`: None where it is longer than what is kept, or cannot be read (`why`)."""

    data: bytes | None
    sha256: str
    mode: int
    uid: int
    file: tuple[int, int]  # device and inode
    why: str = ""


class Seen(NamedTuple):
    """One change; None = not there. `unwatched`: it was made before the first look, since what an earlier watch had seen."""

    path: str
    before: Content | None
    after: Content | None
    unwatched: bool = False

    @property
    def what(self) -> str:
        """In one word, "" = nothing that matters."""
        old, new = self.before, self.after
        if old is None or new is None:
            return "" if old is new else ("made" if old is None else "removed")
        if old.sha256 != new.sha256 or old.why != new.why:
            return "changed"
        if (old.mode, old.uid) != (new.mode, new.uid):
            return "owner or mode"
        return "replaced" if old.file != new.file and not self.unwatched else ""


Signature = tuple[int, ...]
Group = Mapping[str, Content | None]  # the files of a group by path; None = not there
_EARLIER: Signature = (-1,)  # what no file looks like


class _File:
    def __init__(self, signature: Signature, content: Content | None, unwatched: bool) -> None:
        self.signature, self.content, self.unwatched = signature, content, unwatched
        self.waits: Signature | None = None  # what it looks like since the last look, where that is not what was told
        self.looks = 0


class Watched:
    """`look` again and again; blocking, bounded by the number of files and MOST_READ of each that changed."""

    def __init__(self, earlier: Mapping[str, Group] | None = None) -> None:
        """`earlier`: groups as an earlier watch saw them last (`seen`): what differs by now is told as `unwatched`."""
        earlier = earlier or {}
        there = [item for files in earlier.values() for item in files.items()]
        self._files = {path: _File(_EARLIER, content, unwatched=True) for path, content in there}
        self._groups = {name: frozenset(files) for name, files in earlier.items()}
        self._first = True

    def look(self, groups: Mapping[str, Iterable[str]]) -> list[Seen]:
        """What has changed. A group is watched by its name: what it holds at first is what was there; files that come to it
        later were made. Groups that are no longer named are forgotten.
        """
        wanted: dict[str, bool] = {}  # path → whether it came later
        now = {name: frozenset(paths) for name, paths in groups.items()}
        for name, paths in now.items():
            before = self._groups.get(name)
            for path in sorted(paths | (before or frozenset())):
                wanted[path] = wanted.get(path, True) and before is not None and path not in before
        found = [seen for path, late in wanted.items() if (seen := self._look(path, late))]
        self._groups = {name: paths | self._there(name) for name, paths in now.items()}
        self._files = {path: file for path, file in self._files.items() if path in wanted}
        self._first = False
        return found

    def seen(self, name: str) -> dict[str, Content | None]:
        """What the files of this group were told to hold last."""
        return {path: self._files[path].content for path in self.group(name) if path in self._files}

    def group(self, name: str) -> frozenset[str]:
        """The paths that this group held at the last look, and those of which the end was not told yet."""
        return self._groups.get(name, frozenset())

    def _there(self, name: str) -> frozenset[str]:
        """Of the last look: files of which the end was not told yet."""
        return frozenset(path for path in self._groups.get(name, ()) if path in self._files and self._files[path].content)

    def _look(self, path: str, late: bool) -> Seen | None:
        file = self._files.get(path)
        if file is None:
            before = ((), None) if late else (_signature(path), read(path))
            file = self._files[path] = _File(*before, unwatched=late and self._first)
        now = _signature(path)
        if now == file.signature:
            file.waits, file.looks = None, 0
            return None
        file.looks += 1
        if now != file.waits and file.looks < PATIENCE:
            file.waits = now
            return None
        seen = Seen(path, file.content, read(path), file.unwatched)
        file.signature, file.content, file.waits, file.looks, file.unwatched = now, seen.after, None, 0, False
        return seen if seen.what else None


def _signature(path: str) -> Signature:
    """What any change of a file changes; () = it is not there."""
    try:
        link, there = os.lstat(path), os.stat(path)
    except (OSError, ValueError):
        return ()
    own = (there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns, there.st_ctime_ns, there.st_mode, there.st_uid)
    return (link.st_dev, link.st_ino, link.st_mtime_ns, link.st_ctime_ns, *own)


def read(path: str) -> Content | None:
    """The file now; None = there is none. Links are followed, as the agent follows them; a FIFO or device is not read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as e:
        return Content(None, "", 0, -1, (0, 0), e.strerror or "cannot be read")
    try:
        there = os.fstat(descriptor)
        facts = (stat.S_IMODE(there.st_mode), there.st_uid, (there.st_dev, there.st_ino))
        if not stat.S_ISREG(there.st_mode):
            return Content(None, "", *facts, "is not a regular file")
        return _content(descriptor, facts)
    except OSError as e:
        return Content(None, "", 0, -1, (0, 0), e.strerror or "cannot be read")
    finally:
        os.close(descriptor)


def _content(descriptor: int, facts: tuple[int, int, tuple[int, int]]) -> Content:
    kept, digest, left = bytearray(), hashlib.sha256(), MOST_READ
    while left > 0 and (part := os.read(descriptor, min(left, 1 << 16))):
        digest.update(part)
        left -= len(part)
        if len(kept) <= MOST_KEPT:
            kept += part
    short = len(kept) <= MOST_KEPT
    return Content(bytes(kept) if short else None, digest.hexdigest(), *facts, "" if short else "is longer than 256 KiB")
