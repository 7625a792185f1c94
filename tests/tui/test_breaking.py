"""Nothing that comes over a terminal, and no end of the daemon, breaks the room: the real one, with random hands (`breaker`).

`make test` makes a few choices, the same ones each time; `make soak` goes on for minutes with seeds of its own.
"""

import os
import secrets
import time

import pytest

from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.seat import PATIENCE, live, sit
from tests.tui.breaker import Breaker

SOAK_SECONDS = float(os.environ.get("CONTROLROOM_SOAK_SECONDS", "300"))
ROUND = 60  # choices between two looks at the screen, at most
STEPS = 150  # in make test


def breaks(seed: int, home: Home, daemon: Daemon, steps: int, seconds: float) -> int:
    """Chooses until `steps` are done or `seconds` are over, then leaves; how many choices that were."""
    breaker = Breaker(seed, home, daemon)
    end = time.monotonic() + seconds
    try:
        breaker.reset()  # of what the last one left
        with sit(home) as seat:
            live(seat)
            while len(breaker.log) < steps and time.monotonic() < end:
                for _ in range(breaker.dice.randint(1, ROUND)):
                    breaker.step(seat)
                breaker.look(seat)
    finally:
        daemons.stop(breaker.daemon)
    return len(breaker.log)


@pytest.mark.row("D03", "U06", "U08", "S06")
def test_no_hand_and_no_death_of_the_daemon_breaks_the_room(daemon: Daemon) -> None:
    assert breaks(1, daemon.home, daemon, STEPS, PATIENCE) >= 1


@pytest.mark.soak
@pytest.mark.skipif("CONTROLROOM_SOAK" not in os.environ, reason="a long campaign: make soak")
@pytest.mark.timeout(SOAK_SECONDS * 2 + 120)
def test_for_minutes(home: Home) -> None:
    end, done = time.monotonic() + SOAK_SECONDS, 0
    while time.monotonic() < end:
        seed = secrets.randbits(32)
        print(f"seed {seed}", flush=True)
        done += breaks(seed, home, daemons.start(home), 1500, 60.0)
    print(f"{done} choices")
