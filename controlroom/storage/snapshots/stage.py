"""Large files are copied while their content is verified: into files without a name, so that nothing is touched before all is
known to be whole, and nothing is left when it is not.
"""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

from controlroom.storage.port import Mode
from controlroom.storage.snapshots.disk import Disk, parent_of
from controlroom.storage.snapshots.manifest import Damaged, Entry, shown
from controlroom.storage.snapshots.store import Store

LARGE = 8 << 20  # bytes from which on it pays
MOST = 64  # files that are made so, each a descriptor
PIECE = 8 << 20


class Stage:
    """Files that are whole and have no name yet, by the path that they are for."""

    def __init__(self, store: Store) -> None:
        self._store, self._disk = store, store.disk
        self._files: dict[bytes, int] = {}

    def name(self, path: bytes, at: int, name: bytes) -> int:
        """Give the file for a path a name in a folder; its descriptor, which is the caller's then, -1 where there is none.

        Raises OSError, FileExistsError among them; the file is kept then.
        """
        fd = self._files.get(path, -1)
        if fd >= 0:
            self._disk.name(fd, at, name)
            del self._files[path]
        return fd

    def close(self) -> None:
        """What nobody took is gone."""
        for fd in self._files.values():
            self._disk.close(fd)
        self._files.clear()

    def add(self, entry: Entry) -> bool:
        """Make the file of an entry whose content is an object of its own; False = it is not made so, and nothing of it was
        verified. Raises Damaged, OSError.
        """
        if entry.stored < LARGE or entry.at or entry.parts or len(self._files) >= MOST:
            return False
        target = self._unnamed(entry.path)
        if target < 0:
            return False
        try:
            self._fill(entry, target)
        except BaseException:
            self._disk.close(target)
            raise
        self._files[entry.path] = target
        return True

    def _unnamed(self, path: bytes) -> int:
        """On the file system where the path is to be; -1 where that has no such files."""
        folder = os.path.dirname(path)
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        try:
            with parent_of(self._disk, folder.rstrip(b"/") + b"/x") as (at, _):
                return self._disk.unnamed(at)
        except OSError as e:
            if e.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.EACCES):
                return -1
            raise

    def _fill(self, entry: Entry, target: int) -> None:
        try:
            source = self._disk.open(self._store.path(entry.object), Mode.READ)
        except FileNotFoundError:
            raise Damaged(f"the content {entry.object[:16]} of the snapshot is missing") from None
        try:
            with ThreadPoolExecutor(1, thread_name_prefix="verify") as hasher:
                sum_ = hasher.submit(self._store.sum_of, source)
                copy_data(self._disk, source, target, entry)
                if sum_.result() != entry.object:
                    raise Damaged(f"the saved content of {shown(entry.path)} was changed")
        finally:
            self._disk.close(source)


def copy_data(disk: Disk, source: int, target: int, entry: Entry) -> None:
    """The content of a large file from its object, with its holes. Raises OSError."""
    offset = entry.at
    if not entry.extents and not entry.at and disk.clone(source, target):
        return
    for start, length in entry.pieces:
        end = start + length
        while start < end:
            done = disk.copy(source, target, min(PIECE, end - start), offset, start)
            if done <= 0:
                raise OSError(errno.EIO, "the saved content is too short")
            disk.begin_write(target, start, done)
            start, offset = start + done, offset + done
    if entry.extents and disk.fstat(target).st_size != entry.size:
        disk.truncate(target, entry.size)  # it ends in a hole


def copy_whole(disk: Disk, source: int, target: int, into: int) -> int:
    """All of a file, to `into`; how many bytes that were. Raises OSError."""
    size, at = disk.fstat(source).st_size, 0
    while at < size:
        done = disk.copy(source, target, size - at, at, into + at)
        if done <= 0:
            raise OSError(errno.EIO, "the saved content is too short")
        at += done
    return size
