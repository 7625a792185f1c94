"""The one door between what is kept and the disk: everything that can fail, in calls that a test can fail one by one.

`KernelStorage` is the real one. The tests have a disk in memory that loses power (tests/storage/disk.py).
"""

import contextlib
import os
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import msgspec

from controlroom.storage.lock import take
from controlroom.storage.paths import secure_dir, sync_dir


class Space(msgspec.Struct, frozen=True):
    """Room on a file system, in bytes: `free` for us, `total` of it."""

    free: int
    total: int


class Mode(IntEnum):
    """How a file is opened. No mode follows a symlink, and every descriptor is closed on exec."""

    READ = os.O_RDONLY | os.O_NONBLOCK  # opening a FIFO that somebody put there must not hang
    UPDATE = os.O_RDWR  # in place; the file is there
    APPEND = os.O_WRONLY | os.O_APPEND  # the file is there
    CREATE = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL  # a new file, for the owner only


class Storage(Protocol):
    """Each call raises OSError as its system call does. Writes may store less than they were given (`write_all` goes on)."""

    def secure(self, folder: Path) -> None:
        """Make sure that `folder` is one that only we can reach or replace. Raises Insecure."""

    def lock(self, folder: Path) -> int:
        """Be the one writer of `folder` for as long as the descriptor is open. Raises Locked."""

    def names(self, folder: Path) -> list[str]:
        """The names in a folder, sorted; none where it is missing."""

    def open(self, path: Path, mode: Mode) -> int:
        """A descriptor of a regular file."""

    def close(self, fd: int) -> None:
        """Give a descriptor back."""

    def size(self, fd: int) -> int:
        """Bytes of the file, -1 where its name is gone or it has a second one."""

    def read(self, fd: int, count: int, offset: int) -> bytes:
        """At most `count` bytes at `offset`; b"" at the end."""

    def append(self, fd: int, data: memoryview) -> int:
        """Write at the end (of a file opened with APPEND or CREATE); how many bytes were stored."""

    def overwrite(self, fd: int, data: memoryview, offset: int) -> int:
        """Write in place (of a file opened with UPDATE); how many bytes were stored."""

    def sync(self, fd: int) -> None:
        """Data and size on the disk when this returns. After an error nothing is known of what was written since the last."""

    def truncate(self, fd: int, size: int) -> None:
        """Cut the file."""

    def rename(self, old: Path, new: Path) -> None:
        """Give a file another name, in place of what had it."""

    def remove(self, path: Path) -> None:
        """Take a name away; nothing happens where it is not there."""

    def fsync_dir(self, folder: Path) -> None:
        """Names of the folder on the disk when this returns."""

    def space(self, folder: Path) -> Space:
        """Room on the file system of `folder`."""


class KernelStorage:
    """The real one."""

    def secure(self, folder: Path) -> None:
        secure_dir(folder)

    def lock(self, folder: Path) -> int:
        return take(folder)

    def names(self, folder: Path) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []

    def open(self, path: Path, mode: Mode) -> int:
        return os.open(path, mode | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def size(self, fd: int) -> int:
        found = os.fstat(fd)
        return found.st_size if found.st_nlink == 1 else -1

    def read(self, fd: int, count: int, offset: int) -> bytes:
        return os.pread(fd, count, offset)

    def append(self, fd: int, data: memoryview) -> int:
        return os.write(fd, data)

    def overwrite(self, fd: int, data: memoryview, offset: int) -> int:
        return os.pwrite(fd, data, offset)

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)  # data and the size, not the times

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def remove(self, path: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)

    def fsync_dir(self, folder: Path) -> None:
        sync_dir(folder)

    def space(self, folder: Path) -> Space:
        found = os.statvfs(folder)
        return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize)


def write_all(storage: Storage, fd: int, data: bytes) -> None:
    """Append all of `data`, however many calls it takes. Raises OSError; a part may be stored then."""
    view = memoryview(data)
    while view:
        stored = storage.append(fd, view)
        if stored <= 0:
            raise OSError("a write stored nothing")
        view = view[stored:]


def overwrite_all(storage: Storage, fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` in place. Raises OSError; a part may be stored then."""
    view = memoryview(data)
    while view:
        stored = storage.overwrite(fd, view, offset)
        if stored <= 0:
            raise OSError("a write stored nothing")
        view, offset = view[stored:], offset + stored


def read_all(storage: Storage, fd: int, offset: int = 0, most: int = 1 << 40) -> bytes:
    """From `offset` to the end, at most `most` bytes. Raises OSError."""
    parts = []
    while most and (part := storage.read(fd, min(most, 1 << 20), offset)):
        parts.append(part)
        offset, most = offset + len(part), most - len(part)
    return b"".join(parts)


def put(storage: Storage, path: Path, data: bytes) -> None:
    """Put `data` at `path` whole and durably: a temporary file beside it, sync, rename, sync of the folder (J23).

    Raises OSError; then the old content is untouched, or the new is there but perhaps not durable yet.
    """
    temporary = path.parent / f".tmp-{path.name}"
    storage.remove(temporary)
    fd = storage.open(temporary, Mode.CREATE)
    try:
        try:
            write_all(storage, fd, data)
            storage.sync(fd)
        finally:
            storage.close(fd)
        storage.rename(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            storage.remove(temporary)
        raise
    storage.fsync_dir(path.parent)
