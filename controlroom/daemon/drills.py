"""Keeps the emergency stop proved: a drill soon after the daemon's start and once a day; one that fails is an alarm (E10)."""

import anyio
import anyio.to_thread

from controlroom.containment import drill
from controlroom.containment.rungs import Probe
from controlroom.daemon.runner import Runner
from controlroom.model.record import Kind

SOON_SECONDS = 2.0  # after the start: sessions that live are met again first
DAY_SECONDS = 86_400.0


async def keep(runner: Runner, probe: Probe) -> None:
    """For ever. While an emergency stop is in force nothing is launched, no dummy either."""
    await anyio.sleep(SOON_SECONDS)
    while True:
        if not runner.state.latch:
            came = await anyio.to_thread.run_sync(drill.run, probe, abandon_on_cancel=True)
            runner.record(Kind.DRILL, came)
            if came.why:
                runner.alarm("drill", f"the drill of the emergency stop failed on rung {probe.rung}: {came.why}")
        await anyio.sleep(DAY_SECONDS)
