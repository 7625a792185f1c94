"""Looks for secrets in one growing log, line by line, in small pieces of time."""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from controlroom.sensing.tail import Gap, Line, Tail
from controlroom.text.finding import secrets_in

PIECE = 64 * 1024  # bytes that are read at once
MOST_KNOWN = 200  # secrets of one log that are told apart; of more only that there are more

Mark = Callable[[str], str]


class Hit(NamedTuple):
    """A secret in a line, which is counted from 1."""

    line: int
    kind: str
    mark: str


class LogSecrets:
    """One log, from its first byte on. Lines longer than a tail keeps are looked at as far as it keeps them."""

    def __init__(self, path: str, mark: Mark) -> None:
        self.path = path
        self._tail, self._mark = Tail(path), mark
        self._number = 0
        self._read = 0  # bytes of the present file
        self.skipped = 0  # bytes of long lines that were not looked at

    def look(self, seconds: float) -> list[Hit]:
        """What is found in at most about so much of this thread's time. Blocking."""
        found: list[Hit] = []
        ends = time.thread_time() + seconds
        while True:
            for one in self._tail.read(PIECE):
                if isinstance(one, Line):
                    found += self._line(one)
                elif isinstance(one, Gap):
                    self._number = self._read = 0
            if not self._tail.more or time.thread_time() >= ends:
                return found

    def _line(self, line: Line) -> list[Hit]:
        if line.at == 0:
            self._number = 0  # the first of a file
        self._number += 1
        self._read = line.at + len(line.text) + line.cut + 1
        self.skipped += line.cut
        text = line.text.decode("utf-8", "replace")
        return [Hit(self._number, secret.kind, secret.mark) for secret in secrets_in(text, self._mark)]

    def left(self) -> int:
        """Bytes that were not looked at: what is still to come, and what long lines hide."""
        try:
            size = os.stat(self.path).st_size
        except OSError:
            size = 0
        return max(0, size - self._read) + self.skipped

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()
