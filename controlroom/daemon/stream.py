"""The newest of the agents' streams. Words are made only when somebody looks: records come faster than looks do."""

from collections import deque
from collections.abc import Callable

from controlroom.daemon import words
from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.model.view import LogView

MOST_LOG = 300  # lines, all sessions
MOST_LAST = 1000  # sessions
MOST_AT = 16  # acts of one session that it may be at
MOST_TEXT = 4096  # characters of one line
MOST_KEPT = 8192  # bytes of a record that waits for its words; larger ones get them at once


class Stream:
    """Takes records as they go into the journal; gives lines, and what each session was last at."""

    def __init__(self) -> None:
        self._log: deque[LogView | tuple[int, Record]] = deque(maxlen=MOST_LOG)
        self._heard: dict[str, Instant] = {}
        self._tools: dict[str, dict[str, str | Record]] = {}  # by session and receipt, the newest last
        self.stop_by = ""  # who pulled the last emergency stop

    def note(self, seq: int, record: Record) -> None:
        """One record: a line of its agent's stream, or none."""
        if record.kind in words.QUIET:
            return
        small = len(bytes(record.body)) <= MOST_KEPT
        self._log.append((seq, record) if small else _line(seq, record))
        if record.kind is Kind.LATCHED:
            self.stop_by = words.stopped_by(record)
        if not record.session:
            return
        self._heard[record.session] = record.at
        if record.kind is Kind.INTENT:
            tools = self._tools.setdefault(record.session, {})
            tools[record.receipt] = record if small else words.tool(record)
            if len(tools) > MOST_AT:
                del tools[next(iter(tools))]
        while len(self._heard) > MOST_LAST:
            oldest = next(iter(self._heard))
            del self._heard[oldest]
            self._tools.pop(oldest, None)

    def lines(self) -> tuple[LogView, ...]:
        """The newest of all sessions, oldest first."""
        for at, entry in enumerate(self._log):
            if not isinstance(entry, LogView):
                self._log[at] = _line(*entry)
        return tuple(entry for entry in self._log if isinstance(entry, LogView))

    def last(self, session: str, under_way: Callable[[str], bool] = lambda receipt: False) -> tuple[Instant | None, str]:
        """When a session was heard of, None = never, and what it is at: the newest of its acts that are under way, else the
        newest; "" = nothing yet.
        """
        tools = self._tools.get(session, {})
        newest = next(reversed(tools), "")
        receipt = next(filter(under_way, reversed(tools)), newest)
        tool = tools.get(receipt, "")
        if isinstance(tool, Record):
            tool = tools[receipt] = words.tool(tool)
        return self._heard.get(session), tool


def _line(seq: int, record: Record) -> LogView:
    return LogView(seq, record.at, record.session, record.kind, words.of(record)[:MOST_TEXT])
