"""Going through what is at a path, folder before content, without following a link or leaving its file system."""

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from controlroom.storage.snapshots.disk import Disk, parent_of
from controlroom.storage.snapshots.manifest import Root, shown

MOST_DEEP = 200  # folders inside each other; each holds a descriptor open while it is gone through


class CannotSave(Exception):
    """There can be no snapshot; the text says why, for the operator."""


class Moved(Exception):
    """What is being saved is being changed at the same time; the text says what."""


class Found(NamedTuple):
    """Something at a path: `at` is the descriptor of its folder (only until the next step), `name` its name there."""

    path: bytes
    at: int
    name: bytes
    stat: os.stat_result


class Gone(NamedTuple):
    """Nothing is at the path of a root."""

    path: bytes


def walk(disk: Disk, root: Root) -> Iterator[Found | Gone]:
    """Everything at a root. Raises CannotSave (too deep, another file system below, no permission), Moved, OSError."""
    try:
        with parent_of(disk, root.path) as (at, name):
            found = Found(root.path, at, name, disk.stat(at, name))
            yield found
            if root.deep and stat.S_ISDIR(found.stat.st_mode):
                yield from _below(disk, found, root.skip, 0)
    except FileNotFoundError:
        yield Gone(root.path)
    except PermissionError as e:
        raise CannotSave(f"{shown(root.path)}: something in it may not be read ({e.strerror})") from e


def _below(disk: Disk, folder: Found, skip: tuple[bytes, ...], deep: int) -> Iterator[Found]:
    if deep >= MOST_DEEP:
        raise CannotSave(f"{shown(folder.path)}: folders are nested more than {MOST_DEEP} deep")
    try:
        fd = disk.open_folder(folder.at, folder.name)
    except (FileNotFoundError, NotADirectoryError) as e:
        raise Moved(f"{shown(folder.path)} is no longer the folder that it was") from e
    try:
        before = disk.fstat(fd)
        if before.st_ino != folder.stat.st_ino:
            raise Moved(f"{shown(folder.path)} was exchanged")
        try:
            names = disk.listing(fd)
        except FileNotFoundError as e:
            raise Moved(f"{shown(folder.path)}: something in it is gone") from e
        for name, found in names:
            inner = Found(folder.path.rstrip(b"/") + b"/" + name, fd, name, found)
            if inner.path in skip:
                continue
            if found.st_dev != before.st_dev:
                raise CannotSave(f"{shown(inner.path)}: another file system is mounted there")
            yield inner
            if stat.S_ISDIR(found.st_mode):
                yield from _below(disk, inner, skip, deep + 1)
        after = disk.fstat(fd)
        if (before.st_mtime_ns, before.st_ctime_ns) != (after.st_mtime_ns, after.st_ctime_ns):
            raise Moved(f"{shown(folder.path)}: something in it came or went")
    finally:
        disk.close(fd)


def special(mode: int) -> str:
    """What a file that has no content to save is called; "" = it can be saved."""
    kinds = ((stat.S_ISSOCK, "socket"), (stat.S_ISFIFO, "named pipe"), (stat.S_ISBLK, "device"), (stat.S_ISCHR, "device"))
    return next((word for test, word in kinds if test(mode)), "")
