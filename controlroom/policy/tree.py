"""The file-system port: the only way policy learns what is on disk. A test gives a dictionary, the daemon the real one."""

from typing import Protocol

import msgspec


class Stat(msgspec.Struct, frozen=True):
    """What lies at a path. `kind`: file, dir, link, other (devices, sockets), or unknown (may not be looked at)."""

    kind: str
    dev: int = 0
    ino: int = 0
    size: int = 0
    nlink: int = 1


class Scan(msgspec.Struct, frozen=True):
    """What lies below a path: regular files, their bytes, every path seen; `partial` when it stopped at its bound.

    `linked`: device, inode and path of the files among them that have another name somewhere.
    """

    files: int
    size: int
    partial: bool
    paths: tuple[str, ...] = ()
    linked: tuple[tuple[int, int, str], ...] = ()


class Tree(Protocol):
    """Facts about files. Nothing raises for what it may not see: None is "unknown", except for `lstat` (see there)."""

    def lstat(self, path: str) -> Stat | None:
        """What is at `path` itself, None when nothing is, kind `unknown` when that cannot be told."""
        ...

    def realpath(self, path: str) -> str | None:
        """`path` with every symlink followed (missing tails are kept), None on a loop or where it may not look."""
        ...

    def listdir(self, path: str) -> tuple[str, ...] | None:
        """Names in a directory, sorted, None when it is none or may not be read."""
        ...

    def read(self, path: str, limit: int) -> bytes | None:
        """At most `limit` bytes of a regular file, None when there is none or it may not be read."""
        ...

    def scan(self, path: str, max_entries: int) -> Scan:
        """What is below `path`, not following links and not leaving its device, at most `max_entries` entries."""
        ...

    def elsewhere(self, path: str) -> tuple[str, ...]:
        """Other absolute paths that lead to the same file or folder (bind mounts); () where there is none."""
        ...

    def mounts(self, path: str) -> tuple[str, ...]:
        """Mount points strictly below a path."""
        ...

    def tracked(self, path: str) -> bool | None:
        """Whether git has `path` in its index, None outside a repository or when that cannot be told."""
        ...
