"""Checkpoints: an agent's transcript and memory files as they are at a moment, kept in the store piece by piece.

A transcript only grows, so of a checkpoint after another only the last pieces are new. Files are reached as those of a
snapshot are: from the root, folder by folder, through no link.
"""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from controlroom.model.snapshot import Saved
from controlroom.storage.port import Mode, write_all
from controlroom.storage.snapshots.budget import SPARE, human
from controlroom.storage.snapshots.disk import parent_of
from controlroom.storage.snapshots.manifest import Damaged, Entry, Kept, Kind, Manifest, Root, shown
from controlroom.storage.snapshots.store import TEMPORARY, Store
from controlroom.storage.snapshots.walk import CannotSave

PART = 1 << 20  # bytes of a piece


class Bounds(msgspec.Struct, frozen=True):
    """Of one checkpoint: files, bytes of one of them and of all, seconds."""

    files: int = 256
    file: int = 128 << 20
    bytes: int = 256 << 20
    seconds: float = 15.0


class Made(NamedTuple):
    """`added`: bytes that were not in the store yet."""

    saved: Saved
    added: int


def checkpoint(
    store: Store,
    name: str,
    why: str,
    paths: Iterable[bytes],
    bounds: Bounds,
    room: Callable[[int], None] = lambda size: None,
    clock: Callable[[], float] = time.monotonic,
) -> Made:
    """Keep the regular files at these absolute paths under `name`; the first ones first, where not all fit.

    `room`: raises CannotSave where so many more bytes may not be added. Blocking. Never raises for what the disk or the
    files do: what of them was not kept stands in `Saved.left_out`, and where nothing was, `Saved.why` says why.
    """
    with store.making():
        keeper = _Keeper(store, name, bounds, room, clock)
        try:
            for number, path in enumerate(paths):
                if number >= bounds.files:
                    keeper.left.append(f"over {bounds.files} files, which is the limit: the others")
                    break
                keeper.add(path)
            saved = keeper.seal(why)
        except (CannotSave, Damaged) as e:
            saved = Saved("", left_out=tuple(keeper.left), why=str(e))
        except OSError as e:
            saved = Saved("", left_out=tuple(keeper.left), why=f"{e.strerror or e}")
        return Made(saved, keeper.added)


def as_snapshot(made: Manifest) -> Manifest:
    """A checkpoint as what an undo can bring back: its files, and the folders around them that are not there any more."""
    entries: dict[bytes, Entry] = {}
    for kept in made.kept:
        folder = os.path.dirname(kept.path)
        missing = []
        while not os.path.lexists(folder):
            missing.append(Entry(folder, Kind.FOLDER, 0o700, kept.owner, kept.mtime_ns))
            folder = os.path.dirname(folder)
        entries |= {entry.path: entry for entry in reversed(missing)}
        one, more = (kept.parts[0], ()) if len(kept.parts) == 1 else ("", kept.parts)
        sum_ = kept.sha256 if kept.size else ""
        entry = Entry(kept.path, Kind.FILE, kept.mode, kept.owner, kept.mtime_ns, size=kept.size, object=one, sha256=sum_)
        entries[kept.path] = msgspec.structs.replace(entry, parts=more)
    roots = tuple(Root(kept.path, False) for kept in made.kept)
    return msgspec.structs.replace(made, roots=roots, entries=tuple(entries.values()), kept=())


class _Keeper:
    def __init__(
        self, store: Store, name: str, bounds: Bounds, room: Callable[[int], None], clock: Callable[[], float]
    ) -> None:
        self._store, self._disk, self._name, self._bounds = store, store.disk, name, bounds
        self._room, self._clock, self._until = room, clock, clock() + bounds.seconds
        self._kept: list[Kept] = []
        self._fresh: set[str] = set()
        self._bytes = 0
        self.left: list[str] = []
        self.added = 0

    def seal(self, why: str) -> Saved:
        if not self._kept:
            raise CannotSave("there is no file that could be kept")
        manifest = Manifest(self._name, (), (), left_out=tuple(self.left), kept=tuple(self._kept), why=why)
        return Saved(self._store.seal(manifest, self._fresh), manifest.files, manifest.size, manifest.left_out)

    def add(self, path: bytes) -> None:
        """Keep one file; what cannot be kept is said."""
        try:
            with parent_of(self._disk, path) as (at, name):
                found = self._disk.stat(at, name)
                why = self._why_not(found)
                fd = -1 if why else self._disk.open_file(at, name)
        except OSError as e:
            why, fd = e.strerror or str(e), -1
        if fd < 0:
            self.left.append(f"{shown(path)}: {why}")
            return
        try:
            self._keep(path, fd)
        finally:
            self._disk.close(fd)

    def _why_not(self, found: os.stat_result) -> str:
        if not stat.S_ISREG(found.st_mode):
            return "it is no regular file"
        if found.st_nlink > 1:
            return "it has another name (a hard link)"
        if found.st_size > self._bounds.file:
            return f"{human(found.st_size)}, over the limit of {human(self._bounds.file)} for one file"
        if self._bytes + found.st_size > self._bounds.bytes:
            return f"{human(found.st_size)} more, over the limit of {human(self._bounds.bytes)} for all"
        return ""

    def _keep(self, path: bytes, fd: int) -> None:
        """What it holds now; what is appended meanwhile belongs to the next checkpoint."""
        facts = self._disk.fstat(fd)
        if why := self._why_not(facts):  # another one than was looked at
            self.left.append(f"{shown(path)}: {why}")
            return
        parts: list[str] = []
        whole = hashlib.sha256()
        for offset in range(0, facts.st_size, PART):
            count = min(PART, facts.st_size - offset)
            data = self._read(fd, count, offset)
            if len(data) < count:
                self.left.append(f"{shown(path)}: it became shorter while it was read")
                return
            parts.append(self._part(data))
            whole.update(data)
        self._bytes += facts.st_size
        owner = (facts.st_uid, facts.st_gid)
        kept = Kept(path, facts.st_size, facts.st_mtime_ns, tuple(parts), whole.hexdigest(), stat.S_IMODE(facts.st_mode), owner)
        self._kept.append(kept)

    def _read(self, fd: int, count: int, offset: int) -> bytes:
        data = b""
        while len(data) < count and (more := self._disk.read(fd, count - len(data), offset + len(data))):
            data += more
        return data

    def _part(self, data: bytes) -> str:
        """Its name; it is written where the store does not have it yet."""
        if self._clock() > self._until:
            raise CannotSave(f"it takes over {self._bounds.seconds:.0f} s, which is the limit")
        digest = hashlib.sha256(data).hexdigest()
        if self._store.holds(digest, len(data)):
            return digest
        self._room(self.added + len(data))
        if len(data) + SPARE > self._store.free:
            raise CannotSave(f"the disk of the snapshots has only {human(self._store.free)} left")
        temporary = self._store.objects / f"{TEMPORARY}{self._name}-part"
        self._disk.remove(temporary)
        fd = self._disk.open(temporary, Mode.CREATE)
        try:
            write_all(self._disk, fd, data)
            self._disk.sync(fd)
        finally:
            self._disk.close(fd)
        self._store.keep(temporary, digest)
        self._fresh.add(digest)
        self.added += len(data)
        return digest
