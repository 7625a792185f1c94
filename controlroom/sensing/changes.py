"""What is different in a folder since it was last looked at: files that came, went or have other content. Blocking.

Names, inodes, sizes and times are compared, never content; links are not followed and other file systems not entered.
"""

import os
import stat
import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

import msgspec

What = Literal["created", "written", "deleted"]
MOST_FOLDERS = 20_000  # of one index; each takes one watch of the kernel's (fs.inotify.max_user_watches)
MOST_FILES = 200_000
BREATH_ENTRIES = 500  # looked at before others get their turn
BREATH_SECONDS = 0.001


class TooLarge(Exception):
    """There is more in the folder than is kept; the text says so."""


class Change(msgspec.Struct, frozen=True):
    """One file that is not what it was. `size`: of now, or of a deleted file before; None = not known. `inode`: which file
    that is or was, 0 = not known; a file that was renamed is deleted and created with the same one. `changed`: when it was
    last changed in any way, in ns since 1970 by the file system's own clock, which no program can set; 0 = not known.
    """

    path: str
    what: What
    size: int | None = None
    inode: int = 0
    changed: int = 0


class Mark(NamedTuple):
    """What a file is known by. Not by its time of change: that moves with its mode and its name too."""

    inode: int
    size: int
    mtime_ns: int


FOLDER = Mark(0, -1, 0)
Names = dict[str, Mark]


class Index:
    """Everything below `top` as it was seen last. `whole` looks at all of it, `look` at one path.

    `fresh`: folders that were not there before, which `again` looks at once more.
    """

    def __init__(self, top: str, folders: int = MOST_FOLDERS, files: int = MOST_FILES) -> None:
        self.top = os.path.realpath(top)
        self._most = (folders, files)
        self.fresh: set[str] = set()
        self._files = 0
        self._folders: dict[str, Names] = {}
        self._device = 0

    def whole(self) -> list[Change]:
        """All that is different. Raises OSError where not even `top` can be read, TooLarge."""
        self._device = os.stat(self.top).st_dev
        os.scandir(self.top).close()
        found: list[Change] = []
        for folder in [self.top, *self._folders]:
            if folder in self._folders or folder == self.top:  # it may have gone with one before it
                found += self.folder(folder)
        return found

    def look(self, path: str, hint: What) -> list[Change]:
        """What is different at one path, and below it. `hint`: what somebody told of it; a file that was made and is gone
        before anybody looked is known by that alone. Raises TooLarge.
        """
        folder, name = os.path.split(path)
        known = self._folders.get(folder)
        if known is None:
            return self._way_to(folder)
        before, now = known.get(name), _lstat(path)
        found = list(self._compare(path, known, now))
        if now is not None and name in known and known[name] is FOLDER and before is not FOLDER:
            found += self.folder(path)
        if not found and now is None and before is None and hint != "deleted":
            return [Change(path, "created"), Change(path, "deleted")]
        return found

    def folder(self, path: str) -> list[Change]:
        """What is different in one folder, and in those below it that are new. Raises TooLarge."""
        found: list[Change] = []
        todo = [path]
        while todo:
            folder = todo.pop()
            if folder not in self._folders:
                self.fresh.add(folder)
            known = self._folders.setdefault(folder, {})
            if len(self._folders) > self._most[0]:
                raise TooLarge(f"over {self._most[0]} folders: too large to watch")
            names = _names(folder)
            if names is None:
                continue
            for name in known.keys() - names.keys():
                found += self._compare(f"{folder}/{name}", known, None)
            for number, (name, now) in enumerate(names.items(), 1):
                new = known.get(name) is not FOLDER
                found += self._compare(f"{folder}/{name}", known, now)
                if new and known.get(name) is FOLDER:
                    todo.append(f"{folder}/{name}")
                if number % BREATH_ENTRIES == 0:
                    time.sleep(BREATH_SECONDS)
        return found

    def again(self) -> list[Change]:
        """What new folders got since: before the kernel watched them, nobody told. Raises TooLarge."""
        fresh, self.fresh = self.fresh, set()
        return [change for folder in sorted(fresh) if folder in self._folders for change in self.folder(folder)]

    def _way_to(self, folder: str) -> list[Change]:
        """In a folder that nobody told us of: the nearest one above it that is known is looked at."""
        while folder not in self._folders and len(folder) > len(self.top):
            folder = os.path.dirname(folder)
        return self.folder(folder) if folder in self._folders else []

    def _compare(self, path: str, known: Names, now: os.stat_result | None) -> Iterator[Change]:
        """One name in a folder as it was and as it is; `known` is the folder's, and is changed."""
        name = path.rpartition("/")[2]
        before, mark = known.get(name), self._mark(now)
        if mark == before:
            return
        if before is FOLDER or mark is None or mark is FOLDER:
            known.pop(name, None)
            yield from self._gone(path, before)
            before = None
        if mark is not None:
            known[name] = mark
        if now is None or mark is None or mark is FOLDER:
            return
        if before is None:
            self._files += 1
            if self._files > self._most[1]:
                raise TooLarge(f"over {self._most[1]} files: too large to watch")
        yield Change(path, "written" if before else "created", mark.size, mark.inode, now.st_ctime_ns)

    def _gone(self, path: str, before: Mark | None) -> Iterator[Change]:
        """What was at a path is no longer there; with a folder, all that was known below it."""
        if before is FOLDER:
            for name, mark in self._folders.pop(path, {}).items():
                yield from self._gone(f"{path}/{name}", mark)
        elif before is not None:
            self._files -= 1
            yield Change(path, "deleted", before.size, before.inode)

    def _mark(self, found: os.stat_result | None) -> Mark | None:
        """None for nothing, and for what holds nothing: sockets, pipes, devices, what is mounted here."""
        if found is None:
            return None
        if stat.S_ISDIR(found.st_mode):
            return FOLDER if found.st_dev == self._device else None
        if stat.S_ISREG(found.st_mode) or stat.S_ISLNK(found.st_mode):
            return Mark(found.st_ino, found.st_size, found.st_mtime_ns)
        return None


def _names(folder: str) -> dict[str, os.stat_result] | None:
    """The entries of a folder and what they are; empty where it is gone, None where it may not be read."""
    found: dict[str, os.stat_result] = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                now = _lstat(entry.path)
                if now is not None:
                    found[entry.name] = now
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:
        return None
    return found


def _lstat(path: str) -> os.stat_result | None:
    """What is there, None where nothing is or it cannot be told."""
    try:
        return os.lstat(path)
    except (OSError, ValueError):
        return None
