"""Calls that an agent made while nobody looked: its log tells of them, and no gate has ever heard of them. No I/O.

They are told in one line a session: when they were made nobody could hold them, and many of them are one fact, not many.
"""

import time
from collections import OrderedDict
from typing import NamedTuple

from controlroom.model.told import ToolResult, ToolUse

GRACE_SECONDS = 1.5  # for the hook of a call that stands in the log already
MOST_CALLS = 4096  # of one session; more are not counted, and it says so
NO_DAEMON, NO_RECORD = "no daemon ran", "no gate record"


class Span(NamedTuple):
    """Between the last record of the daemon before this one (0 = there was none) and this one's start, ns since 1970."""

    begin: int
    end: int


class Missed(NamedTuple):
    """A call that ended and of which no gate is known. `at`: when it was made, as the log claims, ns since 1970."""

    call: str
    at: int


class Unwatched:
    """One session's. `since`: what claims an earlier time was another process's call, or an earlier daemon looked at it."""

    def __init__(self, since: int) -> None:
        self._since = since
        self._open: OrderedDict[str, int] = OrderedDict()
        self._over: OrderedDict[str, tuple[Missed, float]] = OrderedDict()
        self._more = False

    def use(self, told: ToolUse, at: int) -> None:
        """The log tells of a call that stood there before we looked. `at`: when it was made, 0 = it does not say."""
        if at <= self._since:
            return
        if len(self._open) + len(self._over) < MOST_CALLS:
            self._open[told.call] = at
        else:
            self._more = True

    def result(self, told: ToolResult, now: float) -> None:
        """One is over. What was turned away never ran, and what has no end yet may still come to the gate."""
        at = self._open.pop(told.call, None)
        if at is not None and not told.refused:
            self._over[told.call] = (Missed(told.call, at), now)

    def waits(self, call: str) -> bool:
        """Whether its log tells of it and not yet that it is over."""
        return call in self._open

    def gated(self, call: str) -> None:
        """It came to the gate."""
        self._open.pop(call, None)
        self._over.pop(call, None)

    def late(self, now: float) -> list[Missed]:
        """Those that are over for long enough, each given once."""
        late = [missed for missed, seen in self._over.values() if now - seen >= GRACE_SECONDS]
        for missed in late:
            del self._over[missed.call]
        return late

    def text(self, missed: list[Missed], gap: Span) -> str:
        """All of them in one line."""
        away = sum(reason(one, gap) == NO_DAEMON for one in missed)
        first, last = min(one.at for one in missed), max(one.at for one in missed)
        when = f"from {_clock(first)} to {_clock(last)}" if len(missed) > 1 else f"at {_clock(first)}"
        least = "at least " if self._more else ""
        count = f"{least}{len(missed)} call{'s' if len(missed) > 1 else ''}"
        return f"UNWATCHED: the agent's log tells of {count}, {when}, that no gate has a record of; {_when(away, len(missed))}"


def reason(missed: Missed, gap: Span) -> str:
    """What stands in place of its gate record."""
    return NO_DAEMON if gap.begin < missed.at < gap.end else NO_RECORD


def _when(away: int, count: int) -> str:
    if not away:
        return "nobody looked at this agent then"
    return "no daemon ran then" if away == count else f"{away} of them while no daemon ran, else nobody looked at this agent"


def _clock(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at / 1e9))
