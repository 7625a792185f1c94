"""Looks for secrets in one growing log, line by line, in small pieces of time.

A line of any length is looked at in linear time: piece by piece, each together with the end of the one before it.
"""

import os
import time
from collections.abc import Callable
from typing import NamedTuple

from controlroom.sensing.tail import Gap, Line, Tail
from controlroom.text.finding import secrets_in, secrets_in_piece

PIECE = 64 * 1024  # bytes that are read at once
OVERLAP = 16 * 1024  # bytes of a piece that are looked at again with the next: more than a private key takes
MOST_OF_LINE = 1000  # secrets of one line that are told apart

Mark = Callable[[str], str]


class Hit(NamedTuple):
    """A secret in a line, which is counted from 1."""

    line: int
    kind: str
    mark: str


class LogSecrets:
    """One log, from its first byte on. A secret is told once a line."""

    def __init__(self, path: str, mark: Mark) -> None:
        self.path = path
        self._tail, self._mark = Tail(path, keep=PIECE, pieces=True), mark
        self._number = 0
        self._read = 0  # bytes of the present file
        self._begun = b""  # the end of the last piece of a line that goes on
        self._goes_on = -1  # where that line goes on
        self._told: set[str] = set()  # marks that were found in the line

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
        if line.at != self._goes_on:
            self._number = 1 if line.at == 0 else self._number + 1  # 0: the first of a file
            self._begun, self._told = b"", set()
        end = line.at + len(line.text)
        self._read = end + (not line.more)
        data = self._begun + line.text
        text = data.decode("utf-8", "replace")
        found = secrets_in_piece(text, self._mark, OVERLAP) if line.more else secrets_in(text, self._mark)
        self._goes_on, self._begun = (end, data[-OVERLAP:]) if line.more else (-1, b"")
        hits = []
        for secret in found:
            if secret.mark not in self._told and len(self._told) < MOST_OF_LINE:
                self._told.add(secret.mark)
                hits.append(Hit(self._number, secret.kind, secret.mark))
        return hits

    def left(self) -> int:
        """Bytes that were not looked at yet."""
        try:
            size = os.stat(self.path).st_size
        except OSError:
            size = 0
        return max(0, size - self._read)

    def close(self) -> None:
        """Let go of the file."""
        self._tail.close()
