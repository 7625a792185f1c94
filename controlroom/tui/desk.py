"""The operator's desk: the approval machine, and what the epoch was when a key was read from the terminal."""

import time
from collections import deque
from collections.abc import Callable

from controlroom.tui import approval
from controlroom.tui.approval import Approval
from controlroom.tui.approval_events import Answer, Event, Key, Source

KEPT = 64  # changes of the epoch; a key older than all of them is older than anything on screen
_BEFORE_ALL = -1


class Desk:
    """Feeds events to `approval.step` and keeps the result. `clock`: monotonic seconds, the clock of the key events."""

    def __init__(self, *, read_only: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.now = Approval(read_only=read_only)
        self._seen_at: float | None = None  # as it was before the last event, which may have been the answer
        self._epochs: deque[tuple[float, int]] = deque([(clock(), self.now.epoch)], maxlen=KEPT)

    def feed(self, event: Event) -> tuple[Answer, ...]:
        """What the event brings: the answers that have to be carried out, in order."""
        self._seen_at = self.now.seen_at
        self.now, answers = approval.step(self.now, event)
        if self.now.epoch != self._epochs[-1][1]:
            self._epochs.append((self._clock(), self.now.epoch))
        return answers

    def key(self, key: str, at: float, source: Source = "plain") -> tuple[Answer, ...]:
        """A key that was read at `at`."""
        return self.feed(Key(at, key, self.epoch_at(at), source))

    def epoch_at(self, at: float) -> int:
        """The epoch at that moment."""
        return next((epoch for since, epoch in reversed(self._epochs) if since <= at), _BEFORE_ALL)

    def shown_ms(self) -> int | None:
        """How long the request that was just answered had been fully shown without a break; None = that is not known."""
        return None if self._seen_at is None else round(max(0.0, self._clock() - self._seen_at) * 1000)

    def unready(self) -> str:
        """Why the focused request cannot be allowed at this moment, "" = it can."""
        return approval.unready(self.now, self._clock())
