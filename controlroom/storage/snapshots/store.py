"""Where snapshots lie: `objects/` (content, each file named by the SHA-256 of what is in it), `lists/` (a manifest a receipt).

Only the daemon writes here, from threads. An object is complete and on the disk before it gets its name, and a manifest comes
after all of its objects, so that a crash leaves nothing but files that no manifest names: the next collection removes them.
"""

import hashlib
import threading
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from controlroom.storage.port import Mode, put, read_all
from controlroom.storage.snapshots.disk import Disk, KernelDisk
from controlroom.storage.snapshots.manifest import Damaged, History, Manifest, decode, encode, seal_of

TEMPORARY = ".tmp-"
_PIECE = 1 << 20


class Listed(msgspec.Struct, frozen=True):
    """A snapshot in the store: its receipt, when it was made (ns, wall clock), bytes of its content; `why` of a checkpoint."""

    name: str
    made: int
    size: int
    files: int
    why: str = ""


class Store:
    """The folder of the snapshots. `secure` it before the first use."""

    def __init__(self, folder: Path, disk: Disk | None = None) -> None:
        self.disk: Disk = disk or KernelDisk()
        self.objects, self.lists = folder / "objects", folder / "lists"
        self.folder = folder
        self.histories: dict[bytes, History] = {}  # the last one of each repository, to which a later one adds
        self._guard = threading.Condition()
        self._making = 0

    def secure(self) -> None:
        """Make the folders, or see that they can be trusted. Raises Insecure, OSError."""
        for folder in (self.folder, self.objects, self.lists):
            self.disk.secure(folder)

    @property
    def free(self) -> int:
        """Bytes free on its disk."""
        return self.disk.space(self.folder).free

    def making(self) -> AbstractContextManager[None]:
        """While this is held nothing is collected."""
        return _Making(self)

    def path(self, digest: str) -> Path:
        """Where an object lies."""
        return self.objects / digest

    def holds(self, digest: str, size: int) -> bool:
        """Whether an object of this name and size is there. Raises OSError."""
        try:
            return self.path(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def keep(self, temporary: Path, digest: str) -> None:
        """Give a complete object that is on the disk its name; the folder is synced by `seal`."""
        self.disk.rename(temporary, self.path(digest))

    def seal(self, manifest: Manifest, unread: set[str]) -> str:
        """Put the manifest there, durably, after its objects, and read it again; its seal. Raises OSError, Damaged.

        `unread`: objects whose sum was not made from what lies in the store; they are read again too.
        """
        if manifest.objects:
            self.disk.fsync_dir(self.objects)
        raw = encode(manifest)
        put(self.disk, self.lists / manifest.name, raw)
        for digest in sorted(unread):
            self.verify(digest)
        if self._raw(manifest.name) != raw:
            raise Damaged(f"the list of snapshot {manifest.name} reads back otherwise than it was written")
        return seal_of(raw)

    def verify(self, digest: str) -> None:
        """Read an object again. Raises Damaged where it is missing or is not what its name says; OSError."""
        try:
            fd = self.disk.open(self.path(digest), Mode.READ)
        except FileNotFoundError:
            raise Damaged(f"the content {digest[:16]} of the snapshot is missing") from None
        try:
            found = self.sum_of(fd)
        finally:
            self.disk.close(fd)
        if found != digest:
            raise Damaged(f"the content {digest[:16]} of the snapshot was changed")

    def sum_of(self, fd: int) -> str:
        """SHA-256 of all that is in an open file. Raises OSError."""
        found, at = hashlib.sha256(), 0
        while part := self.disk.read(fd, _PIECE, at):
            found.update(part)
            at += len(part)
        return found.hexdigest()

    def load(self, name: str, seal: str) -> Manifest:
        """The manifest of a receipt, if it is the one that the journal holds the seal of (J22). Raises Damaged, OSError."""
        try:
            raw = self._raw(name)
        except FileNotFoundError:
            raise Damaged(f"there is no snapshot {name} any more: it was collected, or removed") from None
        if seal_of(raw) != seal:
            raise Damaged(f"the list of snapshot {name} was changed since it was saved: its sum is not the journal's")
        return decode(raw)

    def _raw(self, name: str) -> bytes:
        fd = self.disk.open(self.lists / name, Mode.READ)
        try:
            return read_all(self.disk, fd)
        finally:
            self.disk.close(fd)

    def drop(self, name: str) -> None:
        """Take a manifest away; its content goes with the next collection. Raises OSError."""
        self.disk.remove(self.lists / name)

    def names(self) -> list[str]:
        """Receipts that have a snapshot."""
        return [n for n in self.disk.names(self.lists) if not n.startswith(TEMPORARY)]

    def listed(self, name: str) -> Listed | None:
        """What is in the store under a name, None where it is gone or cannot be read."""
        path = self.lists / name
        try:
            manifest, made = decode(self._raw(name)), path.stat().st_mtime_ns
        except (Damaged, OSError):
            return None
        return Listed(name, made, manifest.size, manifest.files, manifest.why)

    def used(self) -> int:
        """Bytes of all objects on the disk."""
        total = 0
        for name in self.disk.names(self.objects):
            try:
                total += (self.objects / name).stat().st_blocks * 512
            except FileNotFoundError:
                continue
        return total

    def sweep(self) -> int:
        """Remove the content that no manifest names, and what a crash left half made; how many files. Waits for nobody: while a
        snapshot is being made, or a manifest cannot be read, nothing is removed. Raises OSError.
        """
        with self._guard:
            if self._making:
                return 0
            needed: set[str] = set()
            for name in self.names():
                try:
                    needed |= decode(self._raw(name)).objects
                except Damaged:
                    return 0
            return self._remove(self.objects, lambda n: n not in needed) + self._remove(
                self.lists, lambda n: n.startswith(TEMPORARY)
            )

    def _remove(self, folder: Path, which: Callable[[str], bool]) -> int:
        gone: Collection[str] = [n for n in self.disk.names(folder) if which(n)]
        for name in gone:
            self.disk.remove(folder / name)
        return len(gone)


class _Making:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __enter__(self) -> None:
        with self._store._guard:
            self._store._making += 1

    def __exit__(self, *_: object) -> None:
        with self._store._guard:
            self._store._making -= 1
