"""Waiting for an event with a deadline, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP = 0.02  # seconds between two looks


def eventually(look: Callable[[], T | None], seconds: float = 20.0, what: str = "") -> T:
    """The first true-ish thing that `look` gives, looked for every 20 ms.

    Raises AssertionError naming `what`, the time and the last thing seen when `seconds` pass without one.
    """
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() >= end:
            raise AssertionError(
                f"not within {seconds:g} s: {what or getattr(look, '__name__', 'the event')} (last seen: {seen!r})"
            )
        time.sleep(STEP)


def never(look: Callable[[], object], seconds: float, what: str = "") -> None:
    """Look every 20 ms for `seconds`; raises AssertionError as soon as `look` gives something true-ish."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = look()
        assert not seen, f"must not happen: {what or getattr(look, '__name__', 'the event')} (seen: {seen!r})"
        time.sleep(STEP)
