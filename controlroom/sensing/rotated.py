"""What else a log was rotated to: files that were at its path and away again between two looks (S17, R04).

Such a file has the log's name with a number or a date behind it, was not there before, and was written since we looked last.
Compressed ones are not taken: they are not the log's bytes any more.
"""

import os
import re
import time
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from controlroom.sensing.opening import Refused, open_log

MOST_NAMES = 20_000  # of a folder, that are looked at
SETTLED_NS = 2_000_000_000  # so long after a change the next one has another time, on any file system
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
        self._found: list[_Away] = []
        self._changed = 0  # when the folder was changed last, as of `_found`; 0 = it is to be read again

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
        self._known.update(one.identity for one in beside)  # as just seen: what a rename hid from us is new at the next turn
        return None

    def _beside(self) -> list[_Away]:
        """Where nothing came to the folder or went, what was there before: who waits for a log that is gone looks often."""
        try:
            changed = os.stat(self._folder or ".").st_mtime_ns
            if changed != self._changed:
                self._found = list(self._scan())
                self._changed = changed if time.time_ns() - changed > SETTLED_NS else 0
        except OSError:  # the folder has gone
            self._found, self._changed = [], 0
        return self._found

    def _scan(self) -> Iterator[_Away]:
        with os.scandir(self._folder or ".") as entries:
            for entry in islice(entries, MOST_NAMES):
                name = entry.name
                if name.startswith(self._name) and _AWAY.fullmatch(name, len(self._name)):
                    number = re.findall(r"\d+", name[len(self._name) :])
                    try:
                        there = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:  # it was moved on just now
                        continue
                    yield _Away((there.st_dev, there.st_ino), tuple(map(int, number)), there.st_mtime_ns, entry.path)


def _oldest_first(new: list[_Away], own: _Away | None) -> list[_Away]:
    """By their numbers as seen from the one that was followed, which is older; times of one tick are all the same."""
    if own is not None and all(one.number < own.number for one in new):
        return sorted(new, key=lambda one: one.number, reverse=True)
    if own is not None and all(one.number > own.number for one in new):
        return sorted(new, key=lambda one: one.number)
    return sorted(new, key=lambda one: one.written)
