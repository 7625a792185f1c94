"""From an emergency stop's arrival in the daemon's core to the first freeze, while 10,000 events a second go through it.

The runner, core and journal are the real ones; the hands only note when they are called: a freeze begins with its write.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from controlroom.core import Limits
from controlroom.daemon.clock import boot_id, now
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.runner import Runner
from controlroom.model import event as ev
from controlroom.model.agent import Handle, Rung, SessionState, StopResult
from controlroom.model.request import Request
from controlroom.model.tier import Verdict
from controlroom.storage.journal import Journal
from tests.bench.figure import Figure
from tests.support.core_make import session

STOPS = 100
RATE = 10_000  # events a second
STEP = 0.001  # s between two handfuls of events
BAR = 100.0  # ms


class _Gate:
    def reply(self, request: str, connection: str, verdict: Verdict, by: str, reason: str) -> bool:
        return True

    async def hooks_gone(self, session: str) -> bool:
        return True

    def changed(self, request: Request) -> str:
        return ""


class _Latches:
    def write(self, stop_id: str, by: str) -> str:
        return ""

    def clear(self) -> str:
        return ""


class _Hands:
    def __init__(self) -> None:
        self.frozen = 0.0

    def __call__(self, act: str, handle: Handle) -> StopResult:
        if act == "freeze" and not self.frozen:
            self.frozen = time.perf_counter()
        return StopResult(handle.session, act, f"{act} proved", 0)


def figures() -> list[Figure]:
    """p50 and p99 over `STOPS` stops, and how many events a second really went through meanwhile."""
    with tempfile.TemporaryDirectory(prefix="cr", dir="/tmp") as folder:
        reached, rate = asyncio.run(_measure(Path(folder)))
    cuts = statistics.quantiles(reached, n=100)
    return [
        Figure("events through the core meanwhile", rate, "1/s", RATE * 0.9, "higher"),
        Figure("emergency stop to first freeze, p50", cuts[49], "ms", 0, "shown"),
        Figure("emergency stop to first freeze, p99", cuts[98], "ms", BAR, "lower"),
    ]


async def _measure(folder: Path) -> tuple[list[float], float]:
    journal = Journal.open(folder, clock=now, boot=boot_id(), version="bench")
    hands = _Hands()
    runner = Runner(Limits(), journal, Ledger(), now, _Latches(), hands)
    runner.gate = _Gate()
    fed = 0

    async def flow() -> None:
        nonlocal fed
        begun = time.perf_counter()
        while True:
            for _ in range(int((time.perf_counter() - begun) * RATE) - fed):
                runner.feed(ev.Tick(now()))
                fed += 1
            await asyncio.sleep(STEP)

    flood = asyncio.create_task(flow())
    begun = time.perf_counter()
    reached = [await _one(runner, hands, number) for number in range(STOPS)]
    rate = fed / (time.perf_counter() - begun)
    flood.cancel()
    await asyncio.wait([flood])
    journal.close()
    return reached, rate


async def _one(runner: Runner, hands: _Hands, number: int) -> float:
    name = f"s{number}"
    runner.handles[name] = Handle(name, name, Rung.CGROUP)
    runner.feed(ev.SessionOpened(now(), session(name)))
    await asyncio.sleep(0.02)
    hands.frozen = 0.0
    pulled = time.perf_counter()
    runner.feed(ev.Estop(now(), f"stop{number}", "operator:bench"))
    await runner.settled(5.0)
    assert hands.frozen, "nothing was frozen"
    runner.feed(ev.SessionEnded(now(), name, SessionState.ENDED, ""))
    runner.feed(ev.Reset(now(), f"stop{number}", "operator:bench"))
    return (hands.frozen - pulled) * 1000
