"""A file that is written anew as a whole each time something is added: read again when it changed, within bounds."""

import os
import stat

MOST = 16 << 20  # bytes of one document; a larger one is not read
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Document:
    """One such file at `path`. Blocking calls, each bounded."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._known: tuple[int, int, int] | None = None

    def read(self) -> bytes | None:
        """All of it, None where it is as it was, not there, too large, or no regular file."""
        try:
            descriptor = os.open(self._path, _FLAGS)
        except OSError:
            return None
        try:
            found = os.fstat(descriptor)
            now = (found.st_ino, found.st_size, found.st_mtime_ns)
            if now == self._known or found.st_size > MOST or not stat.S_ISREG(found.st_mode):
                return None
            self._known = now
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return file.read(MOST)
        finally:
            os.close(descriptor)
