"""What looking costs and how soon it tells: processes, files on disk, never-touch files. FULL=1 measures more often."""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from controlroom.containment import rungs
from controlroom.daemon.load import Sampler
from controlroom.model.view import ProcessesView
from controlroom.tui.glyphs import UNICODE
from controlroom.tui.render import processes as tab
from tests.bench.figure import Figure
from tests.support import daemon as daemons
from tests.support import home as homes
from tests.support.daemon import Daemon
from tests.support.hostile.session import hold_session
from tests.support.waiting import eventually

FULL = os.environ.get("FULL") == "1"
SLEEPERS = 1_000
LOOKS = 30 if FULL else 10
CHANGES = 400 if FULL else 100
VIOLATIONS = 20 if FULL else 6
SHOWN = 60  # rows that a room asks all of
RUN = [str(Path(sys.executable).parent / "controlroom"), "run", "--detach", "--workspace"]
HEART = """
import os, sys, time
beat, key, go = sys.argv[1:]
while True:
    open(beat, "w").close()
    if os.path.exists(go):
        os.unlink(go)
        open(go + ".at", "w").write(str(time.time_ns()))
        os.unlink(key)
    time.sleep(0.005)
"""


def figures() -> Iterator[Figure]:
    """The process view, then a real daemon with one idle agent."""
    yield from _process_view()
    with _daemon() as daemon:
        yield from _files(daemon)
    with _daemon() as daemon:
        yield _frozen(daemon)


@contextlib.contextmanager
def _daemon() -> Iterator[Daemon]:
    home = homes.make()
    try:
        daemon = daemons.start(home)
        try:
            yield daemon
        finally:
            daemon.call("kill", name="all")
            daemons.stop(daemon)
    finally:
        home.kill_all()
        homes.remove(home)


def _process_view() -> Iterator[Figure]:
    """One refresh a second of 1,000 sleepers: the daemon's look and answer, and the room's reading and drawing of it."""
    command = ("sh", "-c", f"i=0; while [ $i -lt {SLEEPERS} ]; do sleep 300 & i=$((i+1)); done; wait")
    with hold_session(rungs.probe(), command) as held:
        held.start()
        handle, sampler = held.handle(), Sampler()
        eventually(lambda: sampler.rows(handle, most=1).total > SLEEPERS, 60, "all sleep")
        told = sampler.rows(handle, most=200)
        looked, drawn = [], []
        for _ in range(LOOKS):
            time.sleep(1.0)
            begun = time.process_time()
            sampler.sample([handle])
            told = sampler.rows(handle, most=200, whole=[row.pid for row in told.rows[:SHOWN]])
            raw = msgspec.json.encode(told)
            middle = time.process_time()
            tab.render(msgspec.convert(msgspec.json.decode(raw), ProcessesView), 120, UNICODE)
            looked.append(middle - begun)
            drawn.append(time.process_time() - middle)
    share = (statistics.median(looked) + statistics.median(drawn)) * 100
    yield Figure("process view of 1,000 at 1 Hz, CPU of a core", share, "%", 3.0, "lower")
    yield Figure("  of which the daemon's", statistics.median(looked) * 100, "%", 3.0, "shown")


def _launch(daemon: Daemon, *command: str) -> str:
    words = [*RUN, str(daemon.workspace), "--name", "worker", "--", *command]
    subprocess.run(words, env=daemon.home.env, check=True, timeout=30, capture_output=True)
    session: str = daemon.call("agents")[-1]["id"]
    return session


def _files(daemon: Daemon) -> Iterator[Figure]:
    """From a write to the answer that has its row, as a room that looks at the tab gets it."""
    session = _launch(daemon, "sleep", "600")
    eventually(lambda: daemon.call("files", session=session)["watch"] == "", 20, "the workspace is watched")
    time.sleep(1.0)  # the watch has taken a first look at everything
    taken = []
    with daemon.operator() as operator:
        seq = operator.call("files", session=session)["seq"]
        for n in range(CHANGES):
            path = daemon.workspace / f"file{n % 7}"
            time.sleep(0.01 * (n % 13))  # at all moments of the watch's own pace
            begun = time.perf_counter()
            path.write_text("x" * n)
            while True:
                told = operator.call("files", session=session, seq=seq, wait=5.0)
                seq = told["seq"]
                if any(row["path"] == str(path) and row["size"] == n for row in told["rows"][:3]):
                    break
            taken.append((time.perf_counter() - begun) * 1000)
    yield Figure("file change to its row in Files, p99", statistics.quantiles(taken, n=100)[98], "ms", 250.0, "lower")
    yield Figure("  median", statistics.median(taken), "ms", 250.0, "shown")


def _frozen(daemon: Daemon) -> Figure:
    """From the moment a key is deleted past every gate to the last beat of the agent that did it."""
    key = daemon.home.user / ".ssh" / "id_ed25519"
    key.parent.mkdir(mode=0o700)
    key.write_text("key")
    beat, go = daemon.workspace / "beat", daemon.workspace / "go"
    _launch(daemon, sys.executable, "-c", HEART, str(beat), str(key), str(go))
    eventually(beat.exists, 20, "its heart beats")
    taken = []
    for _ in range(VIOLATIONS):
        daemon.call("resume", name="worker")
        if not key.exists():
            daemon.call("put_back", path=str(key))
        time.sleep(0.7)
        go.touch()
        eventually(lambda: daemon.call("agents")[0]["state"] == "paused", 20, "it is paused")
        deleted = int(Path(f"{go}.at").read_text("ascii"))
        taken.append((beat.stat().st_mtime_ns - deleted) / 1e6)
    return Figure("never-touch change to its agent frozen, worst", max(taken), "ms", 1000.0, "lower")
