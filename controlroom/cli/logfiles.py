"""Rows of logs from the files themselves, read-only: the newest lines across rotation, a search, what comes from now on."""

import os
import sys
import time
from collections.abc import Iterable, Iterator

import msgspec

from controlroom.cli import out
from controlroom.daemon import words
from controlroom.model.record import Record
from controlroom.model.view import LineView, LogView
from controlroom.sensing import logset
from controlroom.sensing.cleaned import cleaned
from controlroom.sensing.index import Rule
from controlroom.sensing.loglines import recognise
from controlroom.sensing.opening import Refused
from controlroom.sensing.pages import LogFile
from controlroom.sensing.tail import Gap, Line, Tail
from controlroom.storage.chain import Damaged
from controlroom.storage.paths import Places
from controlroom.storage.segments import read
from controlroom.text.lines import Keys, drawn
from controlroom.text.safe import SafeText, again

LOOK_SECONDS = 0.1  # between two looks at what is followed
SEGMENTS = 2  # of the journal that are looked through for events


class Row(msgspec.Struct, frozen=True):
    """One line for the terminal. `at`: ns since the epoch, 0 = not known; `source`: the log's name, or "event"."""

    at: int
    source: SafeText
    text: SafeText
    level: str = ""
    path: str = ""
    id: str = ""
    remark: bool = False

    def as_object(self) -> dict[str, object]:
        """For programs."""
        return {"id": self.id, "at": self.at, "log": self.path, "level": self.level, "text": self.text}


def remark(text: str) -> Row:
    """Words of ours; they go to standard error."""
    return Row(0, SafeText(""), out.safe(text), remark=True)


def of_line(line: LineView) -> Row:
    """A line that the daemon told."""
    if line.offset < 0:
        return remark(f"{line.path}: {line.text}")
    text = _cut(again(line.text), line.cut)
    return Row(line.at.wall, out.safe(line.name, 40), text, line.level, line.path, f"{line.path}:{line.offset}")


def of_event(event: LogView) -> Row:
    """An event that the daemon told."""
    return Row(event.at.wall, out.safe("event"), out.safe(event.text), "", "", str(event.seq))


def _cut(text: SafeText, count: int) -> SafeText:
    return SafeText(f"{text} ...+{count} bytes") if count else text


class Files:
    """The logs of one agent. `follow` goes on exactly where the lines that were given last ended."""

    def __init__(self, paths: Iterable[str], rule: Rule | None, following: bool) -> None:
        self._rule, self._following = rule, following
        self._ends: dict[str, int | None] = dict.fromkeys(paths)

    def last(self, most: int) -> list[Row]:
        """The newest lines of each log that count, oldest first; log by log."""
        return [row for path in self._ends for row in self._last(path, most)]

    def _last(self, path: str, most: int) -> list[Row]:
        rows, wrong = self._lines(path, most, newest=True)
        older = logset.rotated(path) if len(rows) < most else ""
        if older:
            before, more_wrong = self._lines(older, most - len(rows), newest=False)
            rows, wrong = [*before, *rows], [*wrong, *more_wrong]
            if before:
                wrong.append(f"the first {len(before)} lines are from before a rotation, in {older}")
        return [*map(remark, wrong), *rows]

    def _lines(self, path: str, most: int, *, newest: bool) -> tuple[list[Row], list[str]]:
        """Lines of one file, and what is wrong with it."""
        try:
            log = LogFile(path)
        except FileNotFoundError:
            return [], [f"{path}: there is no such file"]
        except Refused as error:
            return [], [f"{path} {error}"]
        try:
            end = log.ended() if newest and self._following else log.size
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
            _progress(log.size, log.size - at)
        when = os.fstat(log.descriptor).st_mtime_ns
        return [_row(log.path, line, text, when) for line, text in zip(found, cleaned(log, found), strict=True)]

    def follow(self) -> Iterator[Row]:
        """What is written to the logs from now on, through rotation, for ever."""
        tails = [(path, Tail(path, start=end or 0), Keys()) for path, end in self._ends.items()]
        while True:
            quiet = True
            for path, tail, keys in tails:
                for found in tail.read():
                    quiet = False
                    if isinstance(found, Gap):
                        yield remark(f"{path}: {found.why}")
                        continue
                    text = keys.clean(found.text)
                    if self._rule is None or self._rule.holds(found.text, True):
                        yield _row(path, found, text, time.time_ns())
            if quiet:
                time.sleep(LOOK_SECONDS)


def _progress(size: int, done: int) -> None:
    """A long look through a file says how far it is."""
    if sys.stderr.isatty() and size > 1 << 30:
        print(f"\rlooked through {100 * done // size:3} % ", end="\n" if done >= size else "", file=sys.stderr, flush=True)


def _row(path: str, line: Line, data: bytes, otherwise: int = 0) -> Row:
    told = recognise(line.text)
    text = _cut(drawn(data)[0], line.cut)
    return Row(told.time or otherwise, out.safe(os.path.basename(path), 40), text, told.level, path, f"{path}:{line.at}")


def merged(files: Files, places: Places, session: str, most: int, rule: Rule | None) -> list[Row]:
    """The newest of its events and of all its logs' lines by the times that they claim: nobody saw in which order they came."""
    found = [*events(places, session, rule), *files.last(most)]
    rows = sorted((row for row in found if not row.remark), key=lambda row: row.at)
    return [*(row for row in found if row.remark), *rows[max(0, len(rows) - most) :]]


def events(places: Places, session: str, rule: Rule | None) -> list[Row]:
    """What the newest part of the journal tells of a session."""
    found = []
    try:
        for stored in read(places.journal, newest=SEGMENTS):
            record = stored.record
            if record is not None and record.session == session and record.kind not in words.QUIET:
                row = _event(stored.seq, record)
                if rule is None or rule.holds(row.text.encode(), True):
                    found.append(row)
    except Damaged as error:
        out.tell(f"the journal is damaged at record {error.seq}: {error.why}. See: controlroom audit verify")
    return found


def _event(seq: int, record: Record) -> Row:
    return Row(record.at.wall, out.safe("event"), out.safe(words.of(record)), "", "", str(seq))
