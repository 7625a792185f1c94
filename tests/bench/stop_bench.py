"""From an order to kill to the kernel's proof, beside the bare primitive of the same rung, in one run.

Trees are mixed: children, daemons that left session and environment, re-forking chains, a few that spin; all are deaf to TERM.
Both ways kill the same tree under the same shim, detached and standing; of the bare one no daemon knows. Who lives is what the
victims' heartbeats say. Loads are bounded: every victim ends itself, and none is more than asked for.
How long a thousand take to die varies by a third: the medians of six and more kills are told, each way in turn.
"""

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from controlroom.client.rpc import Operator
from controlroom.containment import cage, cgroup, control, pidns, processes, rungs
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, Rung
from tests.bench.figure import Figure
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.hostile import Grove, hold_session
from tests.support.waiting import eventually

SIZES = (10, 100, 1000)
THOUSANDS = {Rung.CGROUP: 6, Rung.SUBREAPER: 9, Rung.PIDNS: 6}  # kills of a thousand: a subreaper's spread is twice the others'
FEW = 2  # kills of the smaller ones
STEADY = 0.5  # s without a new victim after which a tree stands
LIFE = 40.0  # s that a victim lives at most
QUIET_MS, PENDING_MS = 20.0, 300.0  # what the daemon may add to the bare primitive
BOMB, BOMBS, BOMB_MS = 300, 5, 500.0  # spinning processes, how often, and when none of them may run any more


def figures() -> Iterator[Figure]:
    """Medians of a few runs each, ours and bare in turn; survivors summed over all runs of ours. See the module's text."""
    probe = rungs.probe()
    if probe.rung is not Rung.CGROUP:
        raise SystemExit(f"the stop bench needs a writable cgroup v2: {probe.why}")
    survivors = 0
    with _daemon() as daemon:
        for rung in (Rung.CGROUP, Rung.SUBREAPER, Rung.PIDNS):
            if rung is Rung.PIDNS and rungs.bwrap_refuses():
                print(f"stop: no PID namespace: {rungs.bwrap_refuses()}", file=sys.stderr)
                continue
            for size in SIZES:
                count = THOUSANDS[rung] if size == 1000 else FEW
                bare, ours = [], []
                for turn in range(2 * count):
                    if turn % 4 in (0, 3):  # who is first changes: neither has the warmer machine
                        bare.append(_bare(rung, size))
                        continue
                    ms, left = _through(daemon, size, rung)
                    ours.append(ms)
                    survivors += left
                base = statistics.median(bare)
                yield Figure(f"{rung}, {size}: bare primitive", base, "ms", 0, "shown")
                yield Figure(f"{rung}, {size}: bare, slowest of {count}", max(bare), "ms", 0, "shown")
                yield Figure(f"kill of {size}, {rung}", statistics.median(ours), "ms", round(base + QUIET_MS, 1), "lower")
                yield Figure(f"kill of {size}, {rung}, slowest of {count}", max(ours), "ms", 0, "shown")
                if rung is Rung.CGROUP:
                    ms, left = _through(daemon, size, rung, pending=True)
                    survivors += left
                    bar = round(base + PENDING_MS, 1)
                    yield Figure(f"kill of {size}, {rung}, a request pending", ms, "ms", bar, "lower")
        worst, left = _bomb(daemon)
        yield Figure(f"emergency stop of a fork bomb of {BOMB}, worst of {BOMBS}", worst, "ms", BOMB_MS, "lower")
        yield Figure("of which still run", left, "alive", 0, "lower")
    yield Figure("survivors of all kills above", survivors, "alive", 0, "lower")
    for name, way in (("psutil children(recursive) + kill", _psutil), ("one pass of SIGSTOP", _one_pass)):
        for size in SIZES:
            ms, left = _held(probe, size, way)
            yield Figure(f"{name}, {size}", ms, "ms", 0, "shown")
            yield Figure(f"{name}, {size}: survivors", left, "alive", 0, "shown")


@contextmanager
def _daemon() -> Iterator[Daemon]:
    top = Path(tempfile.mkdtemp(prefix="cr", dir="/tmp"))
    for name in ("c", "u"):
        (top / name).mkdir(mode=0o700)
    home = Home(top / "c", top / "u")
    profiles = home.path / "config" / "profiles"
    profiles.mkdir(parents=True, mode=0o700)
    profiles.parent.chmod(0o700)
    (profiles / "bench.toml").write_text("[trips]\nprocesses = 5000\nmemory_gib = 1000\n")
    daemon = daemons.start(home)
    try:
        yield daemon
    finally:
        daemon.call("kill", name="all")
        daemons.stop(daemon)
        home.kill_all()
        shutil.rmtree(top, ignore_errors=True)


@contextmanager
def _grove() -> Iterator[Grove]:
    folder = Path(tempfile.mkdtemp(prefix="cr", dir="/tmp"))
    try:
        yield Grove(folder, LIFE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _up(grove: Grove, size: int) -> None:
    """Until all beat, and nobody new for a while: a tree that still grows dies otherwise than one that stands."""
    grove.wait_for(size, 30)
    there, since = grove.beats().keys(), time.monotonic()
    while time.monotonic() - since < STEADY:
        time.sleep(0.05)
        if (now := grove.beats().keys()) != there:
            there, since = now, time.monotonic()


def _silence(size: int) -> float:
    """Long enough to hear the slowest victim twice: of a thousand each beats every half second."""
    return max(0.3, 2 * size / 2000)


def _held(
    probe: Probe, size: int, way: Callable[[Handle], object], *, caged: bool = False, count: bool = True
) -> tuple[float, int]:
    """ms that it took on a tree of its own, and how many of it still beat afterwards (0 where they are not to be counted)."""
    built = cage.namespace(cage.find_bwrap()) if caged else None
    with _grove() as grove, hold_session(probe, grove.command("mixed", size), cage=built) as held:
        held.start("detached")  # with a terminal of its own, as the daemon's are
        _up(grove, size)
        handle = held.handle()
        begun = time.perf_counter()
        way(handle)
        ms = (time.perf_counter() - begun) * 1000
        return ms, len(grove.heard(_silence(size))) if count else 0


def _bare(rung: Rung, size: int) -> float:
    """ms of the rung's own primitive on a tree of its own, with nothing of ours around it."""
    if rung is Rung.CGROUP:
        return _held(rungs.probe(), size, _bare_cgroup, count=False)[0]
    way = _bare_namespace if rung is Rung.PIDNS else _bare_reaper
    return _held(rungs.probe(Rung.SUBREAPER), size, way, caged=rung is Rung.PIDNS, count=False)[0]


def _bare_cgroup(handle: Handle) -> None:
    cgroup.kill(handle.cgroup)
    with suppress(FileNotFoundError):  # empty, and its shim was faster
        cgroup.wait(handle.cgroup, lambda state: not state.populated, time.monotonic() + 10)


def _bare_reaper(handle: Handle) -> None:
    control.ask(handle, "kill", 10)


def _bare_namespace(handle: Handle) -> None:
    assert handle.init is not None
    pidns.end(handle.init, time.monotonic() + 10)


def _psutil(handle: Handle) -> None:
    assert handle.root is not None
    root = psutil.Process(handle.root.pid)
    for process in [*root.children(recursive=True), root]:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _one_pass(handle: Handle) -> None:
    assert handle.root is not None
    for stat in processes.forest([handle.root.pid]):
        try:
            os.kill(stat.pid, signal.SIGSTOP)
        except ProcessLookupError:
            continue


def _bomb(daemon: Daemon) -> tuple[float, int]:
    """ms of the slowest emergency stop of a fork bomb, as its caller sees it, and how many still beat after all of them."""
    worst, left = 0.0, 0
    for _ in range(BOMBS):
        with _grove() as grove, Operator(daemon.places, seconds=20) as operator:
            name = _launch(daemon, grove.command("bomb", BOMB))
            grove.wait_for(BOMB, 30)
            begun = time.perf_counter()
            stopped: Any = operator.call("estop")
            worst = max(worst, (time.perf_counter() - begun) * 1000)
            left += len(grove.heard())
            operator.call("kill", name=name)
            operator.call("reset", stop_id=stopped["stop_id"])
    return worst, left


def _launch(daemon: Daemon, command: Sequence[str], *options: str, under: Sequence[str] = ()) -> str:
    """Launch it detached, `under` another command line where one is given; the agent's name."""
    name = f"v{time.monotonic_ns()}"
    words = ["run", "--detach", "--profile", "bench", "--name", name, *options, "--", *command]
    env = {**daemon.home.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    whole = [*under, sys.executable, "-m", "controlroom", *words]
    subprocess.run(whole, env=env, cwd=daemon.workspace, capture_output=True, check=True)
    return name


def _through(daemon: Daemon, size: int, rung: Rung, *, pending: bool = False) -> tuple[float, int]:
    """ms from an order to the proof, as the daemon's receipt says, and how many still beat afterwards."""
    contain = "none" if rung is Rung.SUBREAPER else "auto"
    # Who launches where no control groups can be seen gets the next rung.
    blind = ["unshare", "--mount", "sh", "-c", 'umount -R /sys/fs/cgroup; exec "$@"', "sh"] if rung is Rung.PIDNS else []
    with _grove() as grove:
        command = list(grove.command("mixed", size))
        if pending:
            ask = f"{sys.executable} -m controlroom ask --op delete --path {daemon.workspace}/../f --reason bench"
            command = ["sh", "-c", f'{ask} & exec "$@"', "sh", *command]
        name = _launch(daemon, command, "--contain", contain, under=blind)
        _up(grove, size)
        with Operator(daemon.places, seconds=20) as operator:
            (agent,) = [row for row in operator.call("agents") if row["name"] == name]
            assert agent["rung"] == rung, f"it is held by {agent['rung']}"
            if pending:
                eventually(lambda: operator.call("pending"), 20, "a request is pending")
            rows: Any = operator.call("kill", name=name)
        left = len(grove.heard(_silence(size)))
        if not rows[0]["proof"]:
            left = max(left, 1)  # no proof is no success, whoever is silent
        return float(rows[0]["ms"]), left
