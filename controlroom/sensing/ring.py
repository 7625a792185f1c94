"""The newest lines of one log: bounded in lines and bytes, numbered once for all, and what was dropped is counted (S15)."""

from collections import deque

import msgspec

from controlroom.model.clock import Instant
from controlroom.sensing.tail import Found, Gap, Line

MOST_LINES = 200
MOST_BYTES = 256 * 1024


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A line, or a gap, as it came. `seq` counts what came to the whole session; `at`: when we saw it."""

    seq: int
    at: Instant
    found: Found


class Ring:
    """`came`: lines that came in all. `dropped`: those of them that are no longer here, or were passed over."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        self._bytes = 0
        self.came = self.dropped = 0

    def add(self, seq: int, at: Instant, found: Found) -> None:
        """The newest; the oldest give way."""
        self.came += isinstance(found, Line)
        self._kept.append(Kept(seq, at, found))
        self._bytes += _size(found)
        while len(self._kept) > MOST_LINES or (self._bytes > MOST_BYTES and len(self._kept) > 1):
            gone = self._kept.popleft().found
            self._bytes -= _size(gone)
            self.dropped += isinstance(gone, Line)

    def passed(self, lines: int) -> None:
        """Lines came that were never kept: too many at once."""
        self.came += lines
        self.dropped += lines

    def after(self, seq: int) -> list[Kept]:
        """What came after the number `seq`, oldest first."""
        newer = []
        for kept in reversed(self._kept):
            if kept.seq <= seq:
                break
            newer.append(kept)
        return newer[::-1]


def _size(found: Found) -> int:
    return len(found.why) if isinstance(found, Gap) else len(found.text)
