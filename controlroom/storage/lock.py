"""One writer: an open-file-description lock on a file of the journal's folder, held for life (J12).

A process that is forked without exec shares the lock and keeps it alive; the descriptor is closed on exec. That a lock holds
at all on this file system is tried, not believed (J13).
"""

import fcntl
import os
import struct
from pathlib import Path

from controlroom.storage.files import write_all
from controlroom.storage.paths import Insecure

_NAME = "lock"
_FLAGS = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_ELSEWHERE = "choose a folder on a local disk (XDG_STATE_HOME, CONTROLROOM_HOME)"


class Locked(Exception):
    """Another process writes this journal. `pid` is what it wrote of itself, 0 where it has not done so yet."""

    def __init__(self, directory: Path, pid: int) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {who}; stop it first (controlroom daemon stop)")
        self.pid = pid


def take(directory: Path) -> int:
    """Take the lock; close the returned descriptor to give it back. Raises Locked, Insecure where no lock holds, OSError."""
    fd = os.open(directory / _NAME, _FLAGS | os.O_CREAT, 0o600)
    try:
        _lock(fd, directory)
        _try(directory)
        os.ftruncate(fd, 0)
        write_all(fd, f"{os.getpid()}\n".encode())
    except BlockingIOError:
        text = os.pread(fd, 32, 0).strip()
        os.close(fd)
        raise Locked(directory, int(text) if text.isdigit() else 0) from None
    except (OSError, Insecure):
        os.close(fd)
        raise
    return fd


def _lock(fd: int, directory: Path) -> None:
    """Raises BlockingIOError where somebody has it, Insecure where there are no locks."""
    # struct flock of Linux on 64 bits: type, whence, start, len, pid (must be 0 for this kind of lock).
    whole_file = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, whole_file)
    except BlockingIOError:
        raise
    except OSError as error:
        raise Insecure(str(directory), f"no lock can be had on this file system ({error.strerror}); {_ELSEWHERE}") from error


def _try(directory: Path) -> None:
    """Somebody else's lock must be refused now."""
    other = os.open(directory / _NAME, _FLAGS)
    try:
        _lock(other, directory)
    except BlockingIOError:
        return
    finally:
        os.close(other)
    raise Insecure(str(directory), f"a lock does not hold on this file system: two daemons could write at once; {_ELSEWHERE}")
