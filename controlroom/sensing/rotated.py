"""What else a log was rotated to: files that were at its path and away again between two looks (S17, R04).

Such a file has the log's name with a number or a date behind it, was not there before, and was written since we looked last.
Compressed ones are not taken: they are not the log's bytes any more.
"""

import os
import re
from itertools import islice
from typing import NamedTuple

from controlroom.sensing.opening import Refused, open_log

MOST_NAMES = 20_000  # of a folder, that are looked at
_AWAY = re.compile(r"[.-]\d[\d.:T_-]*")
Identity = tuple[int, int]  # device and inode


class _Away(NamedTuple):
    """One file beside the log. `number`: what stands behind the log's name; `written`: when last, ns."""

    identity: Identity
    number: tuple[int, ...]
    written: int
    path: str


class Rotated:
    """The files beside one log."""

    def __init__(self, path: str) -> None:
        self._folder, self._name = os.path.split(path)
        self._known: set[Identity] = set()  # what was there when we looked, or has been read

    def learn(self) -> None:
        """Whatever is there now is not what we look for."""
        self._known = {one.identity for one in self._beside()}

    def next(self, current: Identity, since: int) -> tuple[int, os.stat_result] | None:
        """The oldest that lay at the path after the file `current`, opened; None = no more. It was written at `since` (ns) or
        later.
        """
        self._known.add(current)
        beside = self._beside()
        new = [one for one in beside if one.identity not in self._known and one.written >= since]
        for one in _oldest_first(new, next((own for own in beside if own.identity == current), None)):
            self._known.add(one.identity)
            try:
                return open_log(one.path)
            except (FileNotFoundError, Refused):
                continue
        return None

    def _beside(self) -> list[_Away]:
        found = []
        try:
            with os.scandir(self._folder or ".") as entries:
                for entry in islice(entries, MOST_NAMES):
                    name = entry.name
                    if name.startswith(self._name) and _AWAY.fullmatch(name, len(self._name)):
                        there, number = entry.stat(follow_symlinks=False), re.findall(r"\d+", name[len(self._name) :])
                        identity = (there.st_dev, there.st_ino)
                        found.append(_Away(identity, tuple(map(int, number)), there.st_mtime_ns, entry.path))
        except OSError:
            return found  # the folder or a file of it has just gone
        return found


def _oldest_first(new: list[_Away], own: _Away | None) -> list[_Away]:
    """By their numbers as seen from the one that was followed, which is older; times of one tick are all the same."""
    if own is not None and all(one.number < own.number for one in new):
        return sorted(new, key=lambda one: one.number, reverse=True)
    if own is not None and all(one.number > own.number for one in new):
        return sorted(new, key=lambda one: one.number)
    return sorted(new, key=lambda one: one.written)
