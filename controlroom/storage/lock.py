"""One writer: an open-file-description lock on a file of the journal's folder, held for life (J12).

A process that is forked without exec shares the lock and keeps it alive; the descriptor is closed on exec.
"""

import fcntl
import os
import struct
from pathlib import Path

from controlroom.storage.files import write_all

_NAME = "lock"


class Locked(Exception):
    """Another process writes this journal. `pid` is what it wrote of itself, 0 where it has not done so yet."""

    def __init__(self, directory: Path, pid: int) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{directory} is in use by {who}; stop it first (controlroom daemon stop)")
        self.pid = pid


def take(directory: Path) -> int:
    """Take the lock; close the returned descriptor to give it back. Raises Locked, OSError."""
    fd = os.open(directory / _NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    # struct flock of Linux on 64 bits: type, whence, start, len, pid (must be 0 for this kind of lock).
    whole_file = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, whole_file)
        os.ftruncate(fd, 0)
        write_all(fd, f"{os.getpid()}\n".encode())
    except BlockingIOError:
        text = os.pread(fd, 32, 0).strip()
        os.close(fd)
        raise Locked(directory, int(text) if text.isdigit() else 0) from None
    except OSError:
        os.close(fd)
        raise
    return fd
