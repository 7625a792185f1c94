"""Work grows with the length of a command, not with its square: counted in lines of Python that run, not in time."""

import sys
from types import FrameType
from typing import Any

import pytest

from tests.bench.policy_bench import LONG
from tests.policy.fake import sh

MOST = 2.6  # twice the length may cost this many times the steps


def _steps(command: str) -> int:
    """Lines of Python that one assessment runs."""
    count = 0

    def tick(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += 1
        return tick

    before = sys.gettrace()
    sys.settrace(tick)
    try:
        sh(command)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("kind", list(LONG))
def test_steps_grow_with_the_length(kind: str) -> None:
    unit = LONG[kind]
    once, twice = (unit * (size // len(unit)) for size in (800, 1600))
    sh(once)
    base = _steps("ls")
    assert _steps(twice) - base <= MOST * max(_steps(once) - base, 500), kind
