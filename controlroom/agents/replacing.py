"""Replacing a file of an agent's configuration whole, with its mode and owner kept."""

import os
import secrets
import stat
from pathlib import Path


def replace(path: Path, data: bytes, mode: int) -> None:
    """Put `data` at `path` durably: a temporary file beside it, fsync, rename, fsync of the folder.

    An existing file keeps its mode and owner; a new one gets `mode`. `path` must not be a symbolic link (the caller resolved
    it). Raises OSError; the old content is then untouched.
    """
    try:
        old: os.stat_result | None = os.lstat(path)
    except FileNotFoundError:
        old = None
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            os.fchmod(file.fileno(), mode if old is None else stat.S_IMODE(old.st_mode))
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
