"""Lines of logs from the files themselves, read-only: the newest ones across rotation, a search, what comes from now on."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from controlroom.cli import out
from controlroom.model.stream import word
from controlroom.model.view import LineView, LogView
from controlroom.sensing import logset
from controlroom.sensing.cleaned import cleaned
from controlroom.sensing.index import Rule
from controlroom.sensing.loglines import recognise
from controlroom.sensing.opening import Refused
from controlroom.sensing.pages import LogFile
from controlroom.sensing.tail import Found, Gap, Line, Tail
from controlroom.sensing.unended import Unended
from controlroom.text.lines import Keys, drawn
from controlroom.text.safe import SafeText, again

LONG = 256 << 20  # bytes
UNENDED = "[no end yet] "
LOOK_SECONDS = 0.1  # between two looks at what is followed


class Row(msgspec.Struct, frozen=True):
    """One line for the terminal. `at`: ns since the epoch, 0 = not known; `source`: the log's name, or what happened.

    Of a call: `gate`, our record of it, and `outcome`, what its log says came of it. `open`: the line has no end yet; the whole
    one has the same id.
    """

    at: int
    source: SafeText
    text: SafeText
    level: str = ""
    path: str = ""
    id: str = ""
    remark: bool = False
    gate: str = ""
    outcome: str = ""
    open: bool = False

    def as_object(self) -> dict[str, object]:
        """For programs."""
        kind = "line" if self.path else self.source
        told = {"kind": kind, "level": self.level, "gate": self.gate, "outcome": self.outcome, "text": self.text}
        return {"id": self.id, "at": self.at, "log": self.path, "open": self.open, **told}

    def as_line(self) -> str:
        """For people; what stands in brackets is ours."""
        gate = f"[{self.gate}] " if self.gate else UNENDED if self.open else ""
        end = f" -> {self.outcome}" if self.outcome else ""
        return f"{_clock(self.at)}  {self.source:12} {self.level:5} {gate}{self.text}{end}"


def _clock(wall: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(wall / 1e9)) if wall else "--:--:--"


def remark(text: str) -> Row:
    """Words of ours; they go to standard error."""
    return Row(0, SafeText(""), out.safe(text), remark=True)


def of_line(line: LineView) -> Row:
    """A line that the daemon told."""
    if line.offset < 0:
        return remark(f"{line.path}: {line.text}")
    text = _cut(again(line.text), line.cut)
    return Row(line.at.wall, out.safe(line.name, 40), text, line.level, line.path, f"{line.path}:{line.offset}", open=line.open)


def of_told(row: LogView) -> Row:
    """What it did, and what its own log tells: the same words as in the Log tab."""
    text = f"(subagent) {row.text}" if row.subagent else row.text
    name = f"told:{row.seq}" if row.told else str(row.seq)
    gate, outcome = out.safe(row.gate), out.safe(row.outcome)
    return Row(row.at.wall, out.safe(word(row)), out.safe(text), "", "", name, gate=gate, outcome=outcome)


def _cut(text: SafeText, count: int) -> SafeText:
    return SafeText(f"{text} ...+{count} bytes") if count else text


class _Followed:
    """One log that is followed."""

    def __init__(self, path: str, start: int) -> None:
        self.path, self.tail, self.keys, self.unended = path, Tail(path, start=start), Keys(), Unended()


class Files:
    """The logs of one agent. `follow` goes on exactly where the lines that were given last ended."""

    def __init__(self, paths: Iterable[str], rule: Rule | None, following: bool) -> None:
        self._rule, self._following = rule, following
        self._ends: dict[str, int | None] = dict.fromkeys(paths)
        self._tails: list[_Followed] | None = None
        self._told: dict[str, int] = {}

    def last(self, most: int, before: Mapping[str, int | None] | None = None) -> list[Row]:
        """The newest lines of each log that count, oldest first; log by log. `before`: only lines before this offset of it."""
        return [row for path in self._ends for row in self._last(path, most, (before or {}).get(path))]

    def _last(self, path: str, most: int, before: int | None) -> list[Row]:
        rows, wrong = self._lines(path, most, before, newest=True)
        older = logset.rotated(path) if len(rows) < most else ""
        if older:
            more, more_wrong = self._lines(older, most - len(rows), None, newest=False)
            rows, wrong = [*more, *rows], [*wrong, *more_wrong]
            if more:
                wrong.append(f"the first {len(more)} lines are from before a rotation, in {older}")
        return [*map(remark, wrong), *rows]

    def _lines(self, path: str, most: int, before: int | None, *, newest: bool) -> tuple[list[Row], list[str]]:
        """Lines of one file, and what is wrong with it."""
        try:
            log = LogFile(path)
        except FileNotFoundError:
            return [], [f"{path}: there is no such file"]
        except Refused as error:
            return [], [f"{path} {error}"]
        try:
            end = log.ended() if newest and self._following else log.size
            end = end if before is None else min(end, before)
            if newest:
                self._ends[path] = end
            return self._rows(log, end, most), []
        finally:
            log.close()

    def _rows(self, log: LogFile, at: int, most: int) -> list[Row]:
        found: list[Line] = []
        more = most > 0
        while more:
            page = log.back(at, most - len(found), self._rule)
            found = [*page.lines, *found]
            at, more = page.begin, page.more
            progress(log.size, log.size - at)
        when = os.fstat(log.descriptor).st_mtime_ns
        ended, both = log.ended(), zip(found, cleaned(log, found), strict=True)
        return [_row(log.path, line, text, when, open_=line.at >= ended) for line, text in both]

    def follow(self) -> Iterator[Row]:
        """What is written to the logs from now on, through rotation, for ever."""
        while True:
            came = self.come()
            yield from came
            if not came:
                time.sleep(LOOK_SECONDS)

    def go_on(self, told: Mapping[str, int]) -> None:
        """Go on behind these lines, each told by the offset where it begins; a log of which none was told, from its begin."""
        self._ends, self._told = {path: told.get(path, 0) for path in self._ends}, dict(told)

    def come(self) -> list[Row]:
        """What was written to the logs since the last look."""
        if self._tails is None:
            self._tails = [_Followed(path, end or 0) for path, end in self._ends.items()]
        return [row for one in self._tails for row in self._look(one)]

    def _look(self, one: _Followed) -> list[Row]:
        rows = [row for found in one.tail.read() for row in self._came(one.path, one.keys, found)]
        line = one.unended.line if one.unended.look(one.tail, time.monotonic()) else None
        if line is not None and (self._rule is None or self._rule.holds(line.text, True)):
            rows.append(_row(one.path, line, one.keys.peek(line.text), time.time_ns(), open_=True, torn=one.unended.torn))
        return rows

    def _came(self, path: str, keys: Keys, found: Found) -> Iterator[Row]:
        if isinstance(found, Gap):
            yield remark(f"{path}: {found.why}")
            return
        if self._told.pop(path, -1) == found.at:
            return
        text = keys.clean(found.text)
        if self._rule is None or self._rule.holds(found.text, True):
            yield _row(path, found, text, time.time_ns())


def progress(size: int, done: int) -> None:
    """A long look through a file says how far it is."""
    if sys.stderr.isatty() and size > LONG:
        print(f"\rlooked through {100 * done // size:3} % ", end="\n" if done >= size else "", file=sys.stderr, flush=True)


def _row(path: str, line: Line, data: bytes, otherwise: int = 0, *, open_: bool = False, torn: bool = False) -> Row:
    told = recognise(line.text)
    text, more = drawn(data, torn=torn or line.cut > 0)
    text = _cut(text, line.cut + more)
    name, id_ = out.safe(os.path.basename(path), 40), f"{path}:{line.at}"
    return Row(told.time or otherwise, name, text, told.level, path, id_, open=open_)


class Begun:
    """For people no text is printed twice: of a line that was printed before it had an end, what came since."""

    def __init__(self) -> None:
        self._begun: dict[str, tuple[str, str]] = {}  # by log, the row and what of it was printed

    def rest(self, row: Row) -> Row | None:
        """The row as it is printed now; None = there is nothing new in it."""
        known, printed = self._begun.get(row.path, ("", ""))
        if row.open:
            self._begun[row.path] = (row.id, row.text)
        elif known == row.id:
            del self._begun[row.path]
        if known != row.id or not row.text.startswith(printed):
            return row
        rest = SafeText(row.text[len(printed) :])
        return msgspec.structs.replace(row, text=SafeText(f"... {rest}")) if rest.strip() else None
