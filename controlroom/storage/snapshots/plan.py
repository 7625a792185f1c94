"""What an undo would do: the snapshot compared with what is there now. Nothing is changed here."""

import difflib
import hashlib
import os
import stat
import time
from enum import StrEnum

import msgspec

from controlroom.storage.port import Mode
from controlroom.storage.snapshots.disk import Disk, parent_of
from controlroom.storage.snapshots.history import NoGit, NoHistory, is_whole
from controlroom.storage.snapshots.manifest import Damaged, Entry, History, Kind, Manifest, shown
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.take import extents_of
from controlroom.storage.snapshots.walk import Gone, walk

MOST_DIFF = 64 << 10  # bytes of all diffs of a plan
MOST_SIDE = 32 << 10  # bytes of a file that a diff is made of
HISTORY_SECONDS = 20.0  # for looking whether a repository has all its objects
_KINDS = ((stat.S_ISREG, Kind.FILE), (stat.S_ISDIR, Kind.FOLDER), (stat.S_ISLNK, Kind.LINK))


class Do(StrEnum):
    """What is done to one path."""

    CREATE = "create"  # nothing is there
    REPLACE = "replace"  # something else is there, or other content
    FACTS = "facts"  # mode, owner, times or extended attributes
    JOIN = "join"  # a second name of a file again
    REMOVE = "remove"  # it was not there


class Step(msgspec.Struct, frozen=True):
    """One path. `was`: how the snapshot has it (None: it was not there). `newer`: it was changed after the act had ended."""

    do: Do
    path: bytes
    was: Entry | None
    newer: bool = False


class Plan(msgspec.Struct, frozen=True):
    """`steps` in the order in which they are done. `diff`: of text files, as far as it is short. `notes`: what it cannot do.

    `sum` names exactly these steps: what an operator said yes to is what is done, or nothing is.
    """

    name: str
    steps: tuple[Step, ...]
    diff: str
    notes: tuple[str, ...]
    sum: str
    histories: tuple[History, ...] = ()  # of which git has lost something by now

    @property
    def conflicts(self) -> list[Step]:
        """What somebody worked on after the act."""
        return [s for s in self.steps if s.newer]


def plan(store: Store, manifest: Manifest, ended_ns: int | None) -> Plan:
    """Compare. `ended_ns`: wall clock when the act ended; what was changed later is newer work (None: that cannot be told).

    Raises CannotSave, Moved, OSError where what is there cannot be looked at.
    """
    look = _Look(store, manifest, ended_ns)
    steps = look.steps()
    lost = tuple(h for h in manifest.histories if look.is_lost(h))
    told = b"\0".join([*(b"%s %s %d" % (s.do.encode(), s.path, s.newer) for s in steps), *(h.git for h in lost)])
    total = hashlib.sha256(manifest.name.encode() + b"\0" + told + b"\0".join(look.seen)).hexdigest()
    return Plan(manifest.name, tuple(steps), look.diffs(steps), tuple(look.notes()), total, lost)


class _Look:
    def __init__(self, store: Store, manifest: Manifest, ended_ns: int | None) -> None:
        self._store, self._disk, self._manifest, self._ended = store, store.disk, manifest, ended_ns
        self._there: dict[bytes, os.stat_result] = {}
        self._names: dict[int, list[bytes]] = {}  # by inode, as it is now
        self._known: dict[bytes, Entry] = {}
        self._unsure: list[str] = []
        self.seen: list[bytes] = []

    def steps(self) -> list[Step]:
        for root in self._manifest.roots:
            for found in walk(self._disk, root):
                if not isinstance(found, Gone):
                    self._there[found.path] = found.stat
        known = {e.path: e for e in self._manifest.entries if e.kind is not Kind.ABSENT}
        self._known = known
        for path, there in self._there.items():
            self._names.setdefault(there.st_ino, []).append(path)
        extra = [p for p in self._there if p not in known and not self._special(p)]
        removals = [Step(Do.REMOVE, p, None, self._is_newer(p)) for p in sorted(extra, reverse=True)]
        steps = [step for e in known.values() if (step := self._compare(e))]
        return removals + steps + self._joins(known, {s.path for s in steps if s.do in (Do.CREATE, Do.REPLACE)})

    def is_lost(self, found: History) -> bool:
        """Whether objects are gone; where that cannot be told in time they are brought back."""
        until = time.monotonic() + HISTORY_SECONDS

        def in_time() -> None:
            if time.monotonic() > until:
                raise NoHistory("it takes too long")

        try:
            return not is_whole(self._store, found, in_time)
        except NoHistory as e:
            self._unsure.append(f"whether {shown(found.git)} has all its objects cannot be told: {e}")
            return not isinstance(e, NoGit)

    def _special(self, path: bytes) -> bool:
        mode = self._there[path].st_mode
        return not any(test(mode) for test, _ in _KINDS)  # a socket is not in the snapshot either: it is left alone

    def _is_newer(self, path: bytes) -> bool:
        found = self._there.get(path)
        if found is not None:
            self.seen.append(b"%s %d %d" % (path, found.st_ino, found.st_ctime_ns))
        return found is not None and self._ended is not None and found.st_ctime_ns > self._ended

    def _compare(self, entry: Entry) -> Step | None:
        found = self._there.get(entry.path)
        if found is None:
            return Step(Do.CREATE, entry.path, entry)
        if next((kind for test, kind in _KINDS if test(found.st_mode)), None) is not entry.kind:
            return Step(Do.REPLACE, entry.path, entry, self._is_newer(entry.path))
        if entry.kind is not Kind.FOLDER and (found.st_ino, found.st_ctime_ns) == (entry.inode, entry.ctime_ns):
            return None
        if entry.kind is not Kind.FOLDER and (self._is_grown_together(entry, found) or not self._same_content(entry, found)):
            return Step(Do.REPLACE, entry.path, entry, self._is_newer(entry.path))
        if self._same_facts(entry, found):
            return None
        return Step(Do.FACTS, entry.path, entry, entry.kind is not Kind.FOLDER and self._is_newer(entry.path))

    def _is_grown_together(self, entry: Entry, found: os.stat_result) -> bool:
        """Whether it is now one file with a name that was another file."""
        if found.st_nlink == 1:
            return False
        others = (self._known.get(p) for p in self._names[found.st_ino] if p != entry.path)
        return any(o is not None and (o.device, o.inode) != (entry.device, entry.inode) for o in others)

    def _same_facts(self, entry: Entry, found: os.stat_result) -> bool:
        now = (stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid), found.st_mtime_ns)
        if now != (entry.mode, entry.owner, entry.mtime_ns):
            return False
        if entry.kind is Kind.LINK:
            return True
        with parent_of(self._disk, entry.path) as (at, name):
            opened = self._disk.open_folder if entry.kind is Kind.FOLDER else self._disk.open_file
            fd = opened(at, name)
            try:
                return self._disk.xattrs(fd) == entry.xattrs
            finally:
                self._disk.close(fd)

    def _same_content(self, entry: Entry, found: os.stat_result) -> bool:
        with parent_of(self._disk, entry.path) as (at, name):
            if entry.kind is Kind.LINK:
                return self._disk.read_link(at, name) == entry.target
            if found.st_size != entry.size:
                return False
            fd = self._disk.open_file(at, name)
            try:
                return same_data(self._disk, fd, entry)
            finally:
                self._disk.close(fd)

    def _joins(self, known: dict[bytes, Entry], made: set[bytes]) -> list[Step]:
        """Names that were one file and are not any more, or will not be."""
        groups: dict[tuple[int, int], list[Entry]] = {}
        for entry in known.values():
            if entry.kind is Kind.FILE and entry.links > 1:
                groups.setdefault((entry.device, entry.inode), []).append(entry)
        steps: list[Step] = []
        for first, *rest in groups.values():
            whole = {self._inode(e.path) for e in (first, *rest)}
            if rest and (len(whole) > 1 or made & {e.path for e in (first, *rest)}):
                steps += [Step(Do.JOIN, e.path, e) for e in rest]
        return steps

    def _inode(self, path: bytes) -> int:
        found = self._there.get(path)
        return found.st_ino if found else -1

    def notes(self) -> list[str]:
        names: dict[tuple[int, int], int] = {}
        for entry in self._manifest.entries:
            if entry.kind is Kind.FILE:
                names[entry.device, entry.inode] = names.get((entry.device, entry.inode), 0) + 1
        outside = [e.path for e in self._manifest.entries if e.kind is Kind.FILE and e.links > names[e.device, e.inode]]
        notes = self._unsure + [f"not saved, so not brought back: {text}" for text in self._manifest.left_out]
        if outside:
            notes.append(f"{len(outside)} files have other names outside, which stay as they are: {shown(outside[0])}")
        return notes

    def diffs(self, steps: list[Step]) -> str:
        parts: list[str] = []
        left = MOST_DIFF
        for step in steps:
            if step.do is not Do.REPLACE or step.was is None or step.was.kind is not Kind.FILE or left <= 0:
                continue
            text = self._diff(step.was)
            if len(text) <= left:
                parts.append(text)
            left -= len(text)
        return "".join(parts)

    def _diff(self, was: Entry) -> str:
        found = self._there.get(was.path)
        if found is None or not stat.S_ISREG(found.st_mode) or max(found.st_size, was.size) > MOST_SIDE or was.extents:
            return ""
        with parent_of(self._disk, was.path) as (at, name):
            fd = self._disk.open_file(at, name)
            try:
                now = self._disk.read(fd, MOST_SIDE, 0)
            finally:
                self._disk.close(fd)
        before = content(self._store, was)
        try:
            sides = [side.decode().splitlines(keepends=True) for side in (now, before)]
        except UnicodeDecodeError:
            return ""
        label = shown(was.path)
        lines = difflib.unified_diff(sides[0], sides[1], f"now {label}", f"then {label}")
        return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def same_data(disk: Disk, fd: int, entry: Entry) -> bool:
    """Whether a file of the same size has the content, and the holes, of the entry."""
    if not entry.sha256:
        return entry.size == 0
    if entry.extents and extents_of(fd, disk.fstat(fd)) != entry.extents:
        return False
    found = hashlib.sha256()
    for offset, length in entry.pieces:
        end = offset + length
        while offset < end and (part := disk.read(fd, min(1 << 20, end - offset), offset)):
            found.update(part)
            offset += len(part)
    return found.hexdigest() == entry.sha256


def content(store: Store, entry: Entry) -> bytes:
    """The content of a small file without holes, from the store. Raises Damaged, OSError."""
    if not entry.sha256:
        return b""
    try:
        fd = store.disk.open(store.path(entry.object), Mode.READ)
    except FileNotFoundError:
        raise Damaged(f"the saved content of {shown(entry.path)} is missing") from None
    try:
        found = store.disk.read(fd, entry.size, entry.at)
    finally:
        store.disk.close(fd)
    if hashlib.sha256(found).hexdigest() != entry.sha256:
        raise Damaged(f"the saved content of {shown(entry.path)} was changed")
    return found
