"""What snapshots ask of the file system, in calls that a test can fail one by one. Nothing here follows a symlink.

A file of the operator's is only ever reached from the descriptor of its folder, and a folder from that of its parent, so that
nobody can turn a path into another one on the way.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
from collections.abc import Iterator
from typing import Protocol

from controlroom.storage.port import KernelStorage, Storage

FICLONE = 0x40049409  # linux/fs.h: share the blocks of a whole file
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_CLONE = (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EBADF, errno.ENOSYS, errno.ETXTBSY, errno.EPERM)
Xattrs = tuple[tuple[str, bytes], ...]
_BEGIN = 2  # SYNC_FILE_RANGE_WRITE
_LIBC = ctypes.CDLL(None, use_errno=True)


class Disk(Storage, Protocol):
    """Each call raises OSError as its system call does. `at` is the descriptor of a folder, `name` a name in it."""

    def open_folder(self, at: int | None, name: bytes) -> int:
        """A descriptor of a folder; `at` None: of the root of all folders."""

    def open_file(self, at: int, name: bytes) -> int:
        """A regular file, to read."""

    def create_file(self, at: int, name: bytes) -> int:
        """A new file (mode 0600), to read and write."""

    def listing(self, at: int) -> list[tuple[bytes, os.stat_result]]:
        """The names in a folder, with what is there."""

    def stat(self, at: int, name: bytes) -> os.stat_result:
        """What is at a name."""

    def fstat(self, fd: int) -> os.stat_result:
        """What a descriptor is of."""

    def read_link(self, at: int, name: bytes) -> bytes:
        """Where a symlink leads."""

    def xattrs(self, fd: int) -> Xattrs:
        """The extended attributes that are the owner's to keep."""

    def clone(self, source: int, target: int) -> bool:
        """Share the blocks of a whole file; False = this file system cannot."""

    def copy(self, source: int, target: int, count: int, offset: int, into: int) -> int:
        """Copy at most `count` bytes from `offset` to `into`; how many were."""

    def write(self, fd: int, data: memoryview) -> int:
        """Write where the descriptor stands; how many bytes were."""

    def mkdir(self, at: int, name: bytes) -> None:
        """A new folder (mode 0700)."""

    def symlink(self, target: bytes, at: int, name: bytes) -> None:
        """A new symlink."""

    def link(self, at: int, name: bytes, to: int, new: bytes) -> None:
        """A second name of a file."""

    def rename_at(self, at: int, old: bytes, new: bytes) -> None:
        """Another name in the same folder, in place of what had it."""

    def unlink(self, at: int, name: bytes, folder: bool) -> None:
        """Take a name away."""

    def set_facts(self, fd: int, mode: int, owner: tuple[int, int], mtime_ns: int, xattrs: Xattrs) -> None:
        """Owner, extended attributes, mode and time of change."""

    def set_link_facts(self, at: int, name: bytes, owner: tuple[int, int], mtime_ns: int) -> None:
        """The same of a symlink."""

    def unnamed(self, at: int) -> int:
        """A file without a name on the file system of a folder, to read and write; it is gone when it is closed."""

    def name(self, fd: int, at: int, name: bytes) -> None:
        """Give an unnamed file a name."""

    def begin_write(self, fd: int, at: int, count: int) -> None:
        """Let the disk begin with so many bytes, so that a sync has less to wait for. Promises nothing."""

    def sync_all(self, fd: int) -> None:
        """Everything on the file system of `fd` is on the disk when this returns."""


class KernelDisk(KernelStorage):
    """The real one."""

    def open_folder(self, at: int | None, name: bytes) -> int:
        return os.open(name, _FOLDER, dir_fd=at)

    def open_file(self, at: int, name: bytes) -> int:
        return os.open(name, os.O_RDONLY | _FILE, dir_fd=at)

    def create_file(self, at: int, name: bytes) -> int:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE, 0o600, dir_fd=at)

    def listing(self, at: int) -> list[tuple[bytes, os.stat_result]]:
        with os.scandir(at) as entries:
            return sorted((os.fsencode(e.name), e.stat(follow_symlinks=False)) for e in entries)

    def stat(self, at: int, name: bytes) -> os.stat_result:
        return os.stat(name, dir_fd=at, follow_symlinks=False)

    def fstat(self, fd: int) -> os.stat_result:
        return os.fstat(fd)

    def read_link(self, at: int, name: bytes) -> bytes:
        return os.readlink(name, dir_fd=at)

    def xattrs(self, fd: int) -> Xattrs:
        try:
            names = [n for n in os.listxattr(fd) if _kept(n)]
        except OSError as e:
            if e.errno == errno.EOPNOTSUPP:
                return ()
            raise
        return tuple((n, os.getxattr(fd, n)) for n in sorted(names))

    def clone(self, source: int, target: int) -> bool:
        try:
            fcntl.ioctl(target, FICLONE, source)
        except OSError as e:
            if e.errno in _NO_CLONE:
                return False
            raise
        return True

    def copy(self, source: int, target: int, count: int, offset: int, into: int) -> int:
        try:
            return os.copy_file_range(source, target, count, offset, into)
        except OSError as e:
            if e.errno not in _NO_CLONE:
                raise
        return os.pwrite(target, os.pread(source, min(count, 1 << 20), offset), into)

    def write(self, fd: int, data: memoryview) -> int:
        return os.write(fd, data)

    def mkdir(self, at: int, name: bytes) -> None:
        os.mkdir(name, 0o700, dir_fd=at)

    def symlink(self, target: bytes, at: int, name: bytes) -> None:
        os.symlink(target, name, dir_fd=at)

    def link(self, at: int, name: bytes, to: int, new: bytes) -> None:
        os.link(name, new, src_dir_fd=at, dst_dir_fd=to, follow_symlinks=False)

    def rename_at(self, at: int, old: bytes, new: bytes) -> None:
        os.rename(old, new, src_dir_fd=at, dst_dir_fd=at)

    def unlink(self, at: int, name: bytes, folder: bool) -> None:
        (os.rmdir if folder else os.unlink)(name, dir_fd=at)

    def set_facts(self, fd: int, mode: int, owner: tuple[int, int], mtime_ns: int, xattrs: Xattrs) -> None:
        found = os.fstat(fd)
        if (found.st_uid, found.st_gid) != owner:
            os.fchown(fd, *owner)
        there = self.xattrs(fd)
        if there != xattrs:
            wanted = dict(xattrs)
            for name in [n for n, _ in there if n not in wanted]:
                os.removexattr(fd, name)
            for name, value in xattrs:
                os.setxattr(fd, name, value)
        os.fchmod(fd, mode)  # after the owner, whose change drops bits, and the access list, which sets some
        os.utime(fd, ns=(found.st_atime_ns, mtime_ns))

    def set_link_facts(self, at: int, name: bytes, owner: tuple[int, int], mtime_ns: int) -> None:
        found = os.stat(name, dir_fd=at, follow_symlinks=False)
        if (found.st_uid, found.st_gid) != owner:
            os.chown(name, *owner, dir_fd=at, follow_symlinks=False)
        os.utime(name, ns=(found.st_atime_ns, mtime_ns), dir_fd=at, follow_symlinks=False)

    def unnamed(self, at: int) -> int:
        return os.open(b".", os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600, dir_fd=at)

    def name(self, fd: int, at: int, name: bytes) -> None:
        os.link(f"/proc/self/fd/{fd}", name, dst_dir_fd=at)

    def begin_write(self, fd: int, at: int, count: int) -> None:
        _LIBC.sync_file_range(fd, ctypes.c_int64(at), ctypes.c_int64(count), _BEGIN)

    def sync_all(self, fd: int) -> None:
        if _LIBC.syncfs(fd):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))


def _kept(name: str) -> bool:
    """Labels of security modules are the system's own; it sets them again."""
    return name.startswith(("user.", "system.posix_acl_")) or name == "security.capability"


@contextlib.contextmanager
def parent_of(disk: Disk, path: bytes) -> Iterator[tuple[int, bytes]]:
    """The folder of an absolute path, entered from the root name by name, and the last name. Raises OSError (ELOOP or
    ENOTDIR where a link has come in between).
    """
    *folders, name = [part for part in path.split(b"/") if part]
    at = disk.open_folder(None, b"/")
    try:
        for folder in folders:
            deeper = disk.open_folder(at, folder)
            disk.close(at)
            at = deeper
        yield at, name
    finally:
        disk.close(at)


def write_whole(disk: Disk, fd: int, data: bytes | memoryview) -> None:
    """Write all of `data` where the descriptor stands. Raises OSError."""
    view = memoryview(data)
    while view:
        stored = disk.write(fd, view)
        if stored <= 0:
            raise OSError(errno.EIO, "a write stored nothing")
        view = view[stored:]
