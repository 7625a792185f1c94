"""Pages of a log by offset: its end, or any place in it, at once, whatever its size and without an index.

A line is what ends in a line feed; of one longer than MOST_LINE the rest is counted. A line longer than FAR is shown in parts.
"""

import os
from collections.abc import Callable, Iterator

import msgspec

from controlroom.sensing.index import Rule, never
from controlroom.sensing.opening import open_log, same_file
from controlroom.sensing.tail import HEAD, MOST_LINE, Line

BITE = MOST_LINE  # bytes read at once: a line within one is kept whole
FAR = 4 << 20  # bytes that are looked through for the begin or the end of one line
BUDGET = 4 << 20  # bytes that are looked through under a rule before what was found is given


class Page(msgspec.Struct, frozen=True):
    """Lines in the order of the file. `begin`, `end`: what of it was looked through; `more`: not all that was asked for."""

    lines: tuple[Line, ...]
    begin: int
    end: int
    more: bool = False


class LogFile:
    """One open log. Blocking calls, each bounded; a file that changes meanwhile gives what was there when it was read."""

    def __init__(self, path: str) -> None:
        """Raises FileNotFoundError and Refused."""
        self.path = path
        self.descriptor, self._found = open_log(path)
        self._seen = 0
        self._head = b""
        self.change()

    def close(self) -> None:
        """Let go of it."""
        os.close(self.descriptor)

    @property
    def size(self) -> int:
        """Bytes, as of the last `change`."""
        return self._seen

    def change(self) -> str:
        """Look again: "" = as it was, or only longer; else what became of it, in words: all offsets are void then."""
        size = os.fstat(self.descriptor).st_size
        cut = size < self._seen or os.pread(self.descriptor, len(self._head), 0) != self._head
        self._seen = size
        if cut or len(self._head) < HEAD:
            self._head = os.pread(self.descriptor, min(HEAD, size), 0)
        if cut:
            return "it was cut or rewritten"
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return ""  # taken away: what is open is still there
        return "" if same_file(there, self._found) else "another file took its place"

    def gone(self) -> bool:
        """Whether nothing lies at its path any more; it may still be written to."""
        return not os.path.lexists(self.path)

    def ended(self) -> int:
        """Where its last whole line ends: behind it there may be a line that is still being written."""
        last = self.back(self._seen, 1).lines
        if not last or os.pread(self.descriptor, 1, self._seen - 1) == b"\n":
            return self._seen
        return last[0].at

    # Pages

    def back(self, end: int, count: int, rule: Rule | None = None, given_up: Callable[[], bool] = never) -> Page:
        """The last `count` lines that begin before `end` (a line's begin, or the size) and count under the rule."""
        found: list[Line] = []
        least = max(0, end - BUDGET)
        at = min(end, self._seen)
        end = at
        while at > 0 and len(found) < count and not given_up():
            if at <= least and rule is not None:
                return Page(tuple(reversed(found)), at, end, True)
            lines, at = self._before(at)
            found += [line for line in reversed(lines) if rule is None or self._counts(line, rule)]
        if len(found) > count:
            at = found[count - 1].at
        return Page(tuple(reversed(found[:count])), at, end, given_up())

    def on(self, begin: int, count: int, rule: Rule | None = None, given_up: Callable[[], bool] = never) -> Page:
        """The first `count` lines from `begin` (a line's begin) on that count under the rule; a last one may lack its end."""
        found: list[Line] = []
        at, until = begin, begin + BUDGET
        while at < self._seen and len(found) < count and not given_up():
            if at >= until and rule is not None:
                return Page(tuple(found), begin, at, True)
            for line, following in self._after(at):
                at = following
                if rule is None or self._counts(line, rule):
                    found.append(line)
                    if len(found) == count:
                        break
        return Page(tuple(found), begin, at, given_up())

    def _counts(self, line: Line, rule: Rule) -> bool:
        """The rule looks at all of a line, also at what is not kept of it."""
        if not line.cut:
            return rule.holds(line.text, True)
        at, end, first, rest = line.at, line.at + len(line.text) + line.cut, True, b""
        while at < end:
            piece = os.pread(self.descriptor, min(BITE, end - at), at)
            if not piece:
                return False
            if rule.holds(rest + piece, first):
                return True
            at, first = at + len(piece), False
            rest = (rest + piece)[-rule.overlap :] if rule.overlap else b""
        return False

    def _before(self, end: int) -> tuple[list[Line], int]:
        """Lines that lie right before `end`, at least one, and where the first of them begins."""
        low = max(0, end - BITE)
        data = os.pread(self.descriptor, end - low, low)
        if len(data) < end - low:
            return [], low  # it is shorter than it was
        last = len(data) - 1 if data.endswith(b"\n") else len(data)
        cut = 0 if low == 0 else data.find(b"\n", 0, last) + 1
        if low and not cut:
            begin = self._begin(low, max(0, end - FAR))
            text = os.pread(self.descriptor, min(MOST_LINE, low + last - begin), begin)
            return [Line(begin, text, low + last - begin - len(text))], begin
        return list(_lines(data[cut:last], low + cut)), low + cut

    def _begin(self, end: int, least: int) -> int:
        """Where the line begins that `end` lies in, not before `least`."""
        while end > least:
            low = max(least, end - BITE)
            found = os.pread(self.descriptor, end - low, low).rfind(b"\n")
            if found >= 0:
                return low + found + 1
            end = low
        return least

    def _after(self, at: int) -> list[tuple[Line, int]]:
        """Lines from `at` on, at least one, each with where the next one begins."""
        data = os.pread(self.descriptor, min(BITE, self._seen - at), at)
        end = data.rfind(b"\n")
        if end >= 0:
            return [(line, line.at + len(line.text) + 1) for line in _lines(data[:end], at)]
        stop = self._end(at + len(data), min(self._seen, at + FAR))
        text = data[:MOST_LINE]
        ended = stop < self._seen and os.pread(self.descriptor, 1, stop) == b"\n"
        return [(Line(at, text, stop - at - len(text)), stop + ended)]

    def _end(self, begin: int, most: int) -> int:
        """Where the line ends that `begin` lies in, not beyond `most`."""
        while begin < most:
            data = os.pread(self.descriptor, min(BITE, most - begin), begin)
            found = data.find(b"\n")
            if found >= 0 or not data:
                return begin + max(0, found)
            begin += len(data)
        return most


def _lines(data: bytes, at: int) -> Iterator[Line]:
    """Lines without their ends; `data` begins where a line does, and its last line has lost its end."""
    for text in data.split(b"\n"):
        yield Line(at, text)
        at += len(text) + 1
