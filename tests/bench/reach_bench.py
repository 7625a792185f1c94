"""From the key in the room to an agent that the kernel has frozen, while 10,000 records a second go through its daemon.

The whole way: terminal, room, latch file on disk, operator's socket, daemon, control group. The first write is earlier still.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Iterator

from controlroom.client.rpc import Operator
from controlroom.containment import cgroup, rungs
from controlroom.model.agent import Handle, Rung
from controlroom.storage import handles
from controlroom.storage.paths import Places, places
from tests.bench.figure import Figure
from tests.bench.room_bench import FLOOD, ROOM, ROOT, crowded, fresh_home
from tests.support.terminal import Terminal, run

STOPS = 100 if os.environ.get("FULL") == "1" else 40
KEY = "\x1c"  # ctrl+\
BAR = 100.0  # ms


def figures() -> Iterator[Figure]:
    """Median and p99 (of 40: the slowest) over so many emergency stops, each reset and resumed before the next."""
    if rungs.probe().rung is not Rung.CGROUP:
        raise SystemExit(f"the reach bench needs a writable cgroup v2: {rungs.probe().why}")
    with fresh_home() as home, crowded(home) as crowd:
        words = ["run", "--name", "quiet", "--detach", "--workspace", str(home.user), "--", "sleep", "600"]
        subprocess.run([*ROOM, *words], env=home.env, check=True, capture_output=True)
        where = places(home.env)
        (handle,) = handles.load_all(where.agents)
        with run(ROOM, columns=120, rows=70, env=home.env, cwd=ROOT) as room:
            room.shows("agent-07", 20)
            crowd.tell(f"flood {FLOOD}")
            took = sorted(_stopped(room, handle, where) for _ in range(STOPS))
        subprocess.run([*ROOM, "kill", "quiet"], env=home.env, check=True, capture_output=True)
    yield Figure("stop key in the room to frozen, median", statistics.median(took), "ms", 0, "shown")
    yield Figure("stop key to frozen at 10,000 events/s, p99", took[-1 - STOPS // 100], "ms", BAR, "lower")


def _stopped(room: Terminal, handle: Handle, where: Places) -> float:
    """ms from the key to `frozen 1`; afterwards everything runs again."""
    begun = time.perf_counter()
    room.type(KEY)
    assert cgroup.wait(handle.cgroup, lambda state: state.frozen, time.monotonic() + 10), "it was never frozen"
    took = (time.perf_counter() - begun) * 1000
    with Operator(where, seconds=20) as operator:
        stop_id = operator.call("status")["stop_id"]
        room.shows(f"EMERGENCY STOP {stop_id}: latched", 20)  # until then the room is still at it, and takes no other
        operator.call("reset", stop_id=stop_id)
        operator.call("resume", name="quiet")
    return took
