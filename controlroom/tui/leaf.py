"""One open log as a screen sees it: some rows of it, moved about, while the rest is counted and searched. No thread, no clock.

`go_on` does a bit of what is left to do. The index and the search live with the screen and not in the daemon: they are work for
one operator's eyes, and whoever holds agents must not be held up by a look at 10 GB.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

from controlroom.sensing.cleaned import cleaned
from controlroom.sensing.index import Holding, Index, Leveled, Rule, never
from controlroom.sensing.loglines import LEVELS, Tally, recognise
from controlroom.sensing.opening import Refused
from controlroom.sensing.pages import LogFile
from controlroom.sensing.tail import Line
from controlroom.text.lines import drawn
from controlroom.tui.sheet import Doing, Sheet, SheetRow

STEP = 2 << 20  # bytes that an index goes on at once
FAR = 256 * 1024  # bytes that came at once: the end is shown anew instead of moving there line by line
MOST_SHOWN = 2000  # characters of a row; its own page has all of it
LEVEL = "level:"  # a filter `level:warn` shows lines of that level and worse


class _Seek(NamedTuple):
    """Rows that are still looked for: `missing` of them, before or from `at` on."""

    back: bool
    at: int
    missing: int


def rule_of(find: str) -> Rule | None:
    """What a filter asks of a line; None = nothing."""
    level = next((level for level in LEVELS if find == LEVEL + level), None)
    if level is not None:
        return Leveled(level)
    return Holding(find) if find else None


class Leaf:
    """`path` with only lines that hold `find`, in `height` rows. `interrupted`: somebody waits for something else."""

    def __init__(self, path: str, find: str, height: int, interrupted: Callable[[], bool] = never) -> None:
        self.path, self.find, self.height = path, find, max(1, height)
        self._interrupted = interrupted
        self._rule = rule_of(find)
        self._log: LogFile | None = None
        self._note = ""
        self._doing: Doing = ""
        self._gone = False
        self._follow = True
        self._cursor = -1
        self._rows: list[Line] = []
        self._shown: dict[int, SheetRow] = {}
        self._counted: tuple[int, int] | None = None  # an offset, and how many lines come before it
        self._below = 0  # where the first line behind the rows begins; of one that has no end yet, its begin
        self._seek: _Seek | None = None
        self._reopen()

    def _reopen(self) -> None:
        self.close()
        self._every, self._matches = Index(), Index(self._rule)
        self._tally: Tally | None = None
        self._rows, self._seek, self._below = [], None, 0
        self._shown, self._counted = {}, None
        try:
            self._log = LogFile(self.path)
        except FileNotFoundError:
            self._note = self._note or "there is no such file yet"
            return
        except Refused as error:
            self._note = f"it {error}"
            return
        if os.pread(self._log.descriptor, 1, 0) == b"{":
            self._tally = Tally()
            self._every = Index(tally=self._tally)
        self._to_end()

    def close(self) -> None:
        """Let go of the file."""
        if self._log is not None:
            self._log.close()
            self._log = None

    # What the operator does

    def resize(self, height: int) -> None:
        """So many rows."""
        if max(1, height) == self.height:
            return
        self.height = max(1, height)
        if self._follow or not self._rows:
            self._to_end()
        else:
            self._from(self._rows[0].at)

    def look_for(self, find: str) -> None:
        """Only lines that hold this, from the end on; what was counted stays so."""
        self.find, self._rule = find, rule_of(find)
        self._matches = Index(self._rule)
        self._follow = True
        self._to_end()

    def stay(self, follow: bool) -> None:
        """At the end while it grows, or where it is."""
        self._follow = follow
        if follow:
            self._to_end()
        else:
            self._cursor = len(self._rows) - 1

    def move(self, command: str) -> None:
        """Go there; whoever moves does not follow, but for the way to the end."""
        page = max(1, self.height - 1)
        if command == "last":
            self.stay(True)
        elif command == "first":
            self._follow, self._cursor = False, 0
            self._from(0)
        elif command in ("up", "page-up"):
            self._up(1 if command == "up" else page)
        elif command in ("down", "page-down") and not self._follow:
            self._down(1 if command == "down" else page)

    def _up(self, count: int) -> None:
        at = len(self._rows) - 1 if self._follow else self._cursor
        self._follow, self._cursor = False, max(0, at - count)
        if at < count and self._rows and self._rows[0].at > 0:
            self._seek = _Seek(True, self._rows[0].at, count - at)

    def _down(self, count: int) -> None:
        last = len(self._rows) - 1
        if last < 0:
            return
        over = self._cursor + count - last
        self._cursor = min(last, self._cursor + count)
        if over > 0 and self._rows[-1].at < self._below:  # else that is the very last line, still without an end
            self._seek = _Seek(False, self._below, over)

    def _to_end(self) -> None:
        self._rows, self._cursor = [], -1 if self._follow else self._cursor
        if self._log is not None:
            self._below = self._log.ended()
            self._seek = _Seek(True, self._log.size, self.height)

    def _from(self, at: int) -> None:
        self._rows, self._below = [], at
        self._seek = _Seek(False, at, self.height)

    # What goes on by itself

    def go_on(self) -> bool:
        """Look at the file, then do a bit of what is left; whether there is more."""
        if self._log is None:
            before = self._note
            self._reopen()
            return self._log is not None or self._note != before
        size = self._log.size
        changed = self._log.change()
        if changed:
            self._note = f"{changed}; from its new begin"
            self._reopen()
            return True
        self._gone = self._log.gone()
        if self._log.size != size and self._seek is None:
            self._grown(size)
        if self._seek is not None:
            self._find(self._log, self._seek)
            self._doing = "looking" if self._seek is not None else self._doing
            return True
        self._doing = ""
        left: tuple[tuple[Index, Doing], ...] = ((self._every, "counting"), (self._matches, "searching"))
        for index, doing in left[: 1 if self._rule is None else 2]:
            if index.step(self._log.descriptor, self._log.size, STEP, self._interrupted):
                self._doing = doing
                return True
        return False

    def _grown(self, before: int) -> None:
        assert self._log is not None
        if self._follow and self._log.size - before > FAR:
            self._to_end()
            return
        while self._rows and self._rows[-1].at >= self._below:  # it had no end yet
            self._shown.pop(self._rows.pop().at, None)
        missing = FAR if self._follow else self.height - len(self._rows)
        if missing:
            self._seek = _Seek(False, self._below, missing)

    def _find(self, log: LogFile, seek: _Seek) -> None:
        """One look for rows; the place to go on from is kept."""
        if seek.back:
            page = log.back(seek.at, seek.missing, self._rule, self._interrupted)
            self._rows = [*page.lines, *self._rows]
            if len(self._rows) > self.height:
                self._below = self._rows[self.height].at
                del self._rows[self.height :]
            at = page.begin
        else:
            page = log.on(seek.at, seek.missing, self._rule, self._interrupted)
            self._rows = [*self._rows, *page.lines]
            over = max(0, len(self._rows) - self.height)
            del self._rows[:over]
            at = page.end
            self._below = min(page.end, log.ended())
        missing = seek.missing - len(page.lines)
        more = page.more and missing > 0
        self._seek = _Seek(seek.back, at, missing) if more else None
        if not self._follow:
            self._cursor = max(0, min(self._cursor, len(self._rows) - 1))

    # What is seen

    def sheet(self) -> Sheet:
        """All of it at this moment."""
        log, tally = self._log, self._tally
        first = self._rows[0].at if self._rows else 0
        levels = tally.levels if tally is not None else None
        return Sheet(
            path=self.path,
            rows=self._drawn(),
            cursor=-1 if self._follow else self._cursor,
            find=self.find,
            follow=self._follow,
            size=log.size if log else 0,
            number=self._number(first),
            lines=self._every.rows,
            worse=levels["error"] + levels["fatal"] if levels is not None else None,
            warned=levels["warn"] if levels is not None else 0,
            found=self._matches.rows if self._rule else 0,
            counted=self._near(self._every),
            searched=self._near(self._matches),
            doing=self._doing,
            gone=self._gone_through(),
            note="it was taken away; what is open is shown" if self._gone else self._note,
        )

    def _number(self, first: int) -> int | None:
        """How many lines come before an offset, counted once."""
        if self._log is not None and (self._counted is None or self._counted[0] != first):
            number = self._every.before(self._log.descriptor, first)
            self._counted = None if number is None else (first, number)
        return self._counted[1] if self._counted is not None else None

    def _near(self, index: Index) -> bool:
        """Whether it has gone through all but what has just come."""
        return self._log is None or self._log.size - index.done <= FAR

    def _gone_through(self) -> int:
        """Bytes, for what is being done."""
        if self._doing == "looking" and self._seek is not None and self._log is not None:
            return self._log.size - self._seek.at if self._seek.back else self._seek.at
        return {"counting": self._every.done, "searching": self._matches.done}.get(self._doing, 0)

    def _drawn(self) -> tuple[SheetRow, ...]:
        """Only rows that are new are decoded, redacted and made safe."""
        log = self._log
        if log is None:
            return ()
        known = self._shown
        new = [line for line in self._rows if line.at not in known]
        for line, text in zip(new, cleaned(log, new), strict=True):
            begin = text[: 4 * MOST_SHOWN]
            shown, _ = drawn(begin, MOST_SHOWN, torn=line.cut > 0 or len(begin) < len(text))
            known[line.at] = SheetRow(line.at, shown, recognise(line.text).level, text, line.cut)
        self._shown = {line.at: known[line.at] for line in self._rows}
        return tuple(self._shown.values())
