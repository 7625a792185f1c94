"""Opens a log of others to read it: a regular file, ours or root's, through no link, and without ever waiting for it (R05)."""

import os
import stat

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Refused(Exception):
    """What lies at the path is not read. The text says why, without the path."""


def open_log(path: str) -> tuple[int, os.stat_result]:
    """A descriptor to read `path` by offset, and what it is. Raises FileNotFoundError where nothing is, else Refused."""
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise Refused(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    found = os.fstat(descriptor)
    why = ""
    if not stat.S_ISREG(found.st_mode):
        why = "is not a regular file"
    elif found.st_uid not in (os.geteuid(), 0):
        why = f"belongs to uid {found.st_uid}, not to you"
    if why:
        os.close(descriptor)
        raise Refused(why)
    return descriptor, found


def same_file(a: os.stat_result, b: os.stat_result) -> bool:
    """Whether both are the same file, by device and inode."""
    return (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
