"""The real file system behind policy's Tree port: bounded, never following a link out, never raising."""

import os
import stat as modes
import subprocess

from controlroom.policy.tree import Scan, Stat

_GIT_SECONDS = 1.0
_GONE = (FileNotFoundError, NotADirectoryError)


class RealTree:
    """Looks at this machine's files. One instance serves one assessment: what git tracks is remembered in it."""

    def __init__(self) -> None:
        self._tracked: dict[str, bool | None] = {}

    def lstat(self, path: str) -> Stat | None:
        """What is at `path` itself; names that cannot exist (NUL, too long) are nothing."""
        try:
            found = os.lstat(path)
        except _GONE:
            return None
        except (OSError, ValueError):
            return Stat("unknown")
        mode = found.st_mode
        kinds = ((modes.S_ISREG, "file"), (modes.S_ISDIR, "dir"), (modes.S_ISLNK, "link"))
        kind = next((name for test, name in kinds if test(mode)), "other")
        return Stat(kind, found.st_dev, found.st_ino, found.st_size, found.st_nlink)

    def realpath(self, path: str) -> str | None:
        """Every link followed. A link loop, or a folder that may not be entered, is None."""
        try:
            return os.path.realpath(path, strict=True)
        except _GONE:
            return self._missing(path)
        except (OSError, ValueError):
            return None

    def _missing(self, path: str) -> str | None:
        """The real path of what is not there yet; dangling links are followed to where they would create it."""
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return None
        return real

    def listdir(self, path: str) -> tuple[str, ...] | None:
        """Names in a directory, sorted."""
        try:
            return tuple(sorted(os.listdir(path)))
        except (OSError, ValueError):
            return None

    def read(self, path: str, limit: int) -> bytes | None:
        """At most `limit` bytes of a regular file; never blocks on a FIFO or device."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        except (OSError, ValueError):
            return None
        try:
            if not modes.S_ISREG(os.fstat(fd).st_mode):
                return None
            chunks: list[bytes] = []
            while limit > 0 and (chunk := os.read(fd, min(limit, 1 << 16))):
                chunks.append(chunk)
                limit -= len(chunk)
            return b"".join(chunks)
        except OSError:
            return None
        finally:
            os.close(fd)

    def scan(self, path: str, max_entries: int) -> Scan:
        """Breadth first, on one device, links seen but not followed; a folder that cannot be read makes it partial."""
        files = size = 0
        partial = False
        seen: list[str] = []
        try:
            device = os.lstat(path).st_dev
        except (OSError, ValueError):
            return Scan(0, 0, True)
        queue = [path]
        for folder in queue:
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if len(seen) >= max_entries:
                            return Scan(files, size, True, tuple(seen))
                        seen.append(entry.path)
                        found = entry.stat(follow_symlinks=False)
                        if modes.S_ISDIR(found.st_mode):
                            if found.st_dev == device:
                                queue.append(entry.path)
                            else:
                                partial = True
                        elif modes.S_ISREG(found.st_mode):
                            files += 1
                            size += found.st_size
            except NotADirectoryError:
                return Scan(0, 0, False)
            except OSError:
                partial = True
        return Scan(files, size, partial, tuple(seen))

    def tracked(self, path: str) -> bool | None:
        """Whether git has `path` in the index of the repository around it; None without one, or when git does not answer."""
        if path not in self._tracked:
            self._tracked[path] = self._ask_git(path)
        return self._tracked[path]

    @staticmethod
    def _ask_git(path: str) -> bool | None:
        folder, name = os.path.split(path)
        if not _in_repository(folder):
            return None
        command = ["git", "-C", folder, "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--", f":(literal){name}"]
        environment = {"PATH": os.defpath, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_CONFIG_NOSYSTEM": "1"}
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, timeout=_GIT_SECONDS, check=False, stdin=subprocess.DEVNULL
            )
        except (OSError, ValueError, subprocess.SubprocessError):
            return None
        return {0: True, 1: False}.get(done.returncode)


def _in_repository(folder: str) -> bool:
    at = folder
    while True:
        if os.path.lexists(os.path.join(at, ".git")):
            return True
        parent = os.path.dirname(at)
        if parent == at:
            return False
        at = parent
