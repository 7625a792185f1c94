"""Small files that are replaced whole: a reader sees the old content or the new, never a part (J23)."""

import os
import stat
from pathlib import Path

from controlroom.storage.paths import sync_dir

TEMPORARY = ".tmp-"  # prefix of files under way; whoever lists a folder skips them


def replace(path: Path, data: bytes) -> None:
    """Put `data` at `path`, mode 0600, durably: temporary file beside it, fsync, rename, fsync of the folder.

    A symlink at `path` is replaced, not followed. Raises OSError; then the old content is untouched, or the new is there
    but perhaps not durable yet.
    """
    temporary = path.parent / f"{TEMPORARY}{os.urandom(8).hex()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_dir(path.parent)


def remove(path: Path) -> None:
    """Take `path` away, durably; nothing happens where it is not there. Raises OSError."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    sync_dir(path.parent)


def read_small(path: Path, limit: int, owners: tuple[int, ...] = ()) -> bytes:
    """The content of a regular file of at most `limit` bytes, without following a symlink; of one of `owners` (() = any).

    Raises FileNotFoundError; OSError for anything else at `path` (link, folder, FIFO, too large, another's).
    """
    # O_NONBLOCK: opening a FIFO that somebody put there must not hang a stop.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):  # an empty FIFO would read like an empty file
            raise OSError(f"{path} is not a regular file")
        if owners and found.st_uid not in owners:
            raise OSError(f"{path} belongs to uid {found.st_uid}")
        data = b""
        while len(data) <= limit:
            part = os.read(fd, limit + 1 - len(data))
            if not part:
                return data
            data += part
    finally:
        os.close(fd)
    raise OSError(f"{path} is larger than {limit} bytes")


def write_all(fd: int, data: bytes) -> None:
    """Write all of `data`, however many calls it takes. Raises OSError."""
    view = memoryview(data)
    while view:
        written = os.write(fd, view)
        if written <= 0:
            raise OSError(f"write to descriptor {fd} stored nothing")
        view = view[written:]
