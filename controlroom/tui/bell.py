"""The bell for a new request: it also flags the tmux window. At most one in a while, so that a flood is no noise."""

from collections.abc import Iterable

QUIET = 10.0  # seconds between two


class Bell:
    """Knows what was waiting before."""

    def __init__(self) -> None:
        self._known: frozenset[str] | None = None
        self._rang = float("-inf")

    def wanted(self, waiting: Iterable[str], at: float) -> bool:
        """Whether to ring: something new waits, and the last ring is a while ago. What waits at first is news too."""
        before, self._known = self._known or frozenset(), frozenset(waiting)
        if not self._known - before or at - self._rang < QUIET:
            return False
        self._rang = at
        return True
