"""An agent's merged stream, as the Log tab has it: from the daemon, or, where none runs, made of the journal and the logs."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from controlroom.agents import TRANSCRIPTS
from controlroom.agents.gated import always
from controlroom.agents.transcript import moment
from controlroom.cli import out, room
from controlroom.cli.logfiles import LOOK_SECONDS, Files, Row, of_line, of_told, progress, remark
from controlroom.client.past import Past
from controlroom.client.rpc import Operator
from controlroom.daemon.following import Came, Following
from controlroom.daemon.story import MOST_ROWS, Story
from controlroom.model.clock import Instant
from controlroom.model.record import Record
from controlroom.model.stream import same, stream
from controlroom.model.view import LineView, LogSource, LogView, StoryView, merged
from controlroom.sensing.index import Rule
from controlroom.storage.chain import Damaged, Stored
from controlroom.storage.logbook import Listed
from controlroom.storage.newest import Watch, newest

WAIT_SECONDS = 1.0  # that the daemon holds a question back until a line comes; what a log tells is asked for as often
NO_DAEMON = (
    'no daemon has this session now: the order is that of the times that are claimed, a call "from before" has no record '
    "among the newest of the journal, and nobody looks whether calls pass the gate"
)


class _News:
    """Which rows of a story were not told yet; a call is told again when its gate record or its outcome is another."""

    def __init__(self) -> None:
        self._told: dict[tuple[bool, int], tuple[str, str]] = {}
        self._last = 0

    def of(self, rows: tuple[LogView, ...]) -> tuple[list[LogView], int]:
        """Those rows, and how many came and went between two looks."""
        now = {(row.told, row.seq): (row.gate, row.outcome) for row in rows}
        new = [row for row in rows if self._told.get((row.told, row.seq)) != now[row.told, row.seq]]
        numbers = [row.seq for row in rows if row.told]
        missed = max(0, min(numbers) - self._last - 1) if numbers and self._last else 0
        self._told, self._last = now, max([self._last, *numbers])
        return new, missed


class Live:
    """From the daemon. `newest` first, then `follow`."""

    def __init__(self, operator: Operator, listed: Listed, rule: Rule | None) -> None:
        self._operator, self._session, self._rule = operator, listed.session, rule
        self._listed = listed
        self.rows: tuple[LogView, ...] = ()  # of the story, as it was told last
        self.last: dict[str, int] = {}  # by log, where the last line begins that was told
        self._logs = listed.logs
        self._after = self._event = self._opens = 0
        self._open: dict[str, LineView] = {}  # by log
        self._seq: int | None = None
        self._older = False  # rows of the story that the daemon does not keep any more
        self._news = _News()
        self._printed: frozenset[str] = frozenset()  # lines that a search through the files has found already

    def newest(self, most: int) -> list[Row]:
        """What there is: as the daemon saw it come; what came before that is read from the files."""
        rows, lines, _ = self._look(0.0)
        said = [*_state(self._logs)]
        shown = [row for row in map(_drawn, stream(rows, lines)) if _holds(self._rule, row)]
        if self._rule is not None:
            found = Files([one.path for one in merged(self._logs)], self._rule, following=True).last(most)
            self._printed = frozenset(row.id for row in found)
            shown = _sorted([*found, *_past(self._listed, self._rule, most, rows)])
        elif len(shown) < most:
            begins = _begins(self._logs, lines)
            older = Files(begins, None, following=True).last(most - len(shown), begins)
            shown = [*_sorted(older), *shown]
            if self._older:
                came = [row for row in shown if row.path]
                shown = _sorted([*older, *came, *_past(self._listed, None, most, rows)])
        return [*said, *_most(shown, most)]

    def follow(self) -> Iterator[Row]:
        """What comes, for ever. Raises NoDaemon when the daemon ends."""
        while True:
            rows, lines, missed = self._look(WAIT_SECONDS)
            if missed:
                yield remark(f"{missed} rows came faster than they could be told; they are in the logs and in the journal")
            for row in map(_drawn, stream(rows, lines)):
                if _holds(self._rule, row) and row.id not in self._printed:
                    yield row

    def _look(self, wait: float) -> tuple[list[LogView], tuple[LineView, ...], int]:
        paths = [one.path for one in merged(self._logs)]
        asked = {
            "session": self._session,
            "after": self._after,
            "event": self._event,
            "paths": paths,
            "wait": wait,
            "opens": self._opens,
        }
        answer: dict[str, Any] = self._operator.call("log_lines", **asked)
        lines = msgspec.convert(answer["lines"], tuple[LineView, ...])
        missed = int(answer["missed"]) if self._after else 0
        self._logs = msgspec.convert(answer["logs"], tuple[LogSource, ...])
        self._after = max([self._after, *(line.seq for line in lines)])
        self.last.update({line.path: line.offset for line in lines if line.offset >= 0})
        lines = (*lines, *self._unended(answer))
        self._event = max([self._event, *(int(one["seq"]) for one in answer["events"])])
        known = {} if self._seq is None else {"seq": self._seq}
        told = self._operator.call("story", session=self._session, **known)
        if told is None:
            return [], lines, missed
        story = msgspec.convert(told, StoryView)
        self._seq, self.rows, self._older = story.seq, story.rows, story.older
        new, gone = self._news.of(story.rows)
        return new, lines, missed + gone

    def _unended(self, answer: dict[str, Any]) -> list[LineView]:
        """The lines without an end that are others now."""
        before, self._opens = self._open, int(answer["opens"])
        self._open = {line.path: line for line in msgspec.convert(answer["open"], tuple[LineView, ...])}
        return [line for path, line in self._open.items() if before.get(path) != line]


class Kept:
    """From the journal and the logs themselves, in the order of the times that they claim."""

    def __init__(self, listed: Listed, rule: Rule | None, *, following: bool) -> None:
        self._listed, self._rule = listed, rule
        self._watch = Watch(room.places().journal, listed.session) if following else None
        self._seq = 0  # of the journal, what was told last
        self._files = Files([one.path for one in merged(listed.logs)], rule, following)
        self._story, self._news = Story(listed.session, gated=always(listed.kind)), _News()
        self._following = Following(TRANSCRIPTS[listed.kind]) if listed.kind in TRANSCRIPTS else None
        for one in listed.logs:
            if one.origin == "transcript" and self._following is not None:
                self._following.add(one.path)

    def newest(self, most: int) -> list[Row]:
        """What there is."""
        wrong = self._fill()
        told = self._new()
        if self._rule is not None or (len(told) < most and (self._story.older or self._story.partial)):
            told = _past(self._listed, self._rule, most)
        rows = _sorted([*told, *self._files.last(most)])
        return [remark(NO_DAEMON), *map(remark, wrong), *_most(rows, most)]

    def take_over(self, live: Live) -> list[Row]:
        """Go on behind what a daemon told before it ended; its remarks."""
        wrong = self._fill()
        known, rows = set(map(same, live.rows)), tuple(self._story.rows())
        told = max((at for at, row in enumerate(rows, 1) if same(row) in known), default=0)
        self._news.of(rows[:told])
        self._files.go_on(live.last)
        return [remark(NO_DAEMON), *map(remark, wrong)]

    def _fill(self) -> list[str]:
        """Put what there is into the story; what is wrong with it, in words."""
        told, wrong = self._told()
        records = list(_records(self._listed))
        self._seq = records[-1][0] if records else 0
        noted = ((record.at.wall, (seq, record)) for seq, record in records)
        both: list[tuple[int, Came | tuple[int, Record]]] = [*told, *noted]
        for at, one in sorted(both, key=lambda pair: pair[0]):
            if isinstance(one, Came):
                self._entry(at, one)
            else:
                self._story.note(*one)
        return wrong

    def follow(self) -> Iterator[Row]:
        """What comes to its logs and, by a daemon that begins, to the journal, for ever."""
        while True:
            told, wrong = self._told()
            for at, came in told:
                self._entry(at, came)
            wrong += self._noted()
            rows = [*map(remark, wrong), *self._new(), *self._files.come()]
            yield from rows
            if not rows:
                time.sleep(LOOK_SECONDS)

    def _noted(self) -> list[str]:
        """What came to the journal goes into the story; what is wrong with it, in words."""
        try:
            for stored in self._watch.read() if self._watch is not None else ():
                if stored.record is not None and stored.seq > self._seq:
                    self._story.note(stored.seq, stored.record)
        except (Damaged, OSError) as error:
            self._watch = None
            return [_damage(error) if isinstance(error, Damaged) else f"the journal cannot be read: {error}"]
        return []

    def _told(self) -> tuple[list[tuple[int, Came]], list[str]]:
        """What its own logs tell, each with the time that it claims; what claims none has that of the one before."""
        found: list[tuple[int, Came]] = []
        wrong: list[str] = []
        at = 0
        while self._following is not None:
            batch = self._following.read()
            wrong += batch.wrong
            self._story.partial = batch.partial
            for came in batch.came:
                at = moment(came.heard.claimed) or at
                found.append((at, came))
            if not batch.came:
                break
        return found, wrong

    def _entry(self, at: int, came: Came) -> None:
        told, claimed, subagent = came.heard
        self._story.entry(Instant(0, at), told, claimed, subagent, True)

    def _new(self) -> list[Row]:
        rows, _ = self._news.of(tuple(self._story.rows()))
        return [row for row in map(of_told, rows) if _holds(self._rule, row)]


def _drawn(row: LogView | LineView) -> Row:
    return of_line(row) if isinstance(row, LineView) else of_told(row)


def _holds(rule: Rule | None, row: Row) -> bool:
    return rule is None or row.remark or rule.holds(row.text.encode(), True)


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.at)


def _most(rows: list[Row], most: int) -> list[Row]:
    """Remarks, then the newest of the others."""
    plain = [row for row in rows if not row.remark]
    return [*(row for row in rows if row.remark), *plain[max(0, len(plain) - most) :]]


def _past(listed: Listed, rule: Rule | None, most: int, live: Sequence[LogView] = ()) -> list[Row]:
    """The newest rows of all that its own logs and the journal tell of a session; those that a daemon has, as it has them."""
    mine = {same(row): row for row in live}
    met: set[tuple[object, ...]] = set()

    def holds(row: LogView) -> bool:
        met.add(same(row))
        return _holds(rule, of_told(mine.get(same(row), row)))

    past = Past(listed, room.places().journal, holds, most)
    while past.go_on():
        met &= mine.keys()
        progress(past.size, past.done)
    rows = [mine.get(same(row), row) for row in past.rows]
    newer = [row for row in live if same(row) not in met and _holds(rule, of_told(row))]
    return [*map(remark, past.wrong), *map(of_told, [*rows, *newer])]


def _records(listed: Listed) -> Iterator[tuple[int, Record]]:
    """The newest that the journal holds of a session, as many as a story has."""
    damaged: list[Damaged] = []
    found: list[Stored] = newest(room.places().journal, [listed.session], MOST_ROWS, listed.opened, damaged.append)
    for error in damaged:
        out.tell(_damage(error))
    yield from ((stored.seq, stored.record) for stored in found if stored.record is not None)


def _damage(error: Damaged) -> str:
    return f"the journal is damaged at record {error.seq}: {error.why}. See: controlroom audit verify"


def _begins(logs: tuple[LogSource, ...], lines: tuple[LineView, ...]) -> dict[str, int | None]:
    """By log, where in it the lines begin that the daemon told; not for one that became another file meanwhile."""
    turned = {line.path for line in lines if line.offset < 0}
    first: dict[str, int | None] = {one.path: None if one.lines else 0 for one in merged(logs) if one.path not in turned}
    for line in reversed(lines):
        if line.path in first:
            first[line.path] = line.offset
    return first


def _state(logs: tuple[LogSource, ...]) -> Iterator[Row]:
    """What whoever reads the stream must know of its logs."""
    dropped = [f"{one.path} {one.dropped:,} of {one.lines:,}" for one in merged(logs) if one.dropped]
    if dropped:
        yield remark(f"lines that the daemon does not keep any more: {', '.join(dropped)}. All of a log: --log PATH")
    polled = next((one.polled for one in logs if one.polled), "")
    if polled:
        yield remark(f"its logs are looked at every second: {polled}")
    yield from (remark(f"{one.path} is not followed: {one.state}") for one in merged(logs) if one.state)
