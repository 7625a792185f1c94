"""The room on a real terminal of 120x40, beside a bare textual app, htop and btop, all measured in the same run.

FULL=1 measures longer. What is missing on this machine is said in a line on standard error, and its figure left out.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypedDict

from tests.bench.figure import Figure
from tests.support import daemon as daemons
from tests.support import home as homes
from tests.support.emulator import Screen
from tests.support.home import Home
from tests.support.terminal import Terminal, run

FULL = os.environ.get("FULL") == "1"
SECONDS = 30.0 if FULL else 8.0  # of every look at bytes and CPU
ROUNDS = 15 if FULL else 9
KEYS = 300 if FULL else 60
REQUESTS = 60 if FULL else 15
FLOOD = 10_000  # records a second
EVENTS = 1_000_000


class Size(TypedDict):
    """Of the terminal, in cells."""

    columns: int
    rows: int


SIZE: Size = {"columns": 120, "rows": 40}
ROOM = [str(Path(sys.executable).parent / "controlroom")]
BARE = [sys.executable, "-m", "tests.bench.bare"]
ROOT = str(Path(__file__).resolve().parent.parent.parent)


def figures() -> Iterator[Figure]:
    """First paint and idle with one quiet agent, then everything with a crowd of twenty."""
    with fresh_home() as home:
        daemon = daemons.start(home)
        try:
            words = ["run", "--name", "quiet", "--detach", "--workspace", str(daemon.workspace), "--", "sleep", "600"]
            subprocess.run([*ROOM, *words], env=home.env, check=True, capture_output=True)
            yield _first_paint(home)
            yield from _idle(home)
            subprocess.run([*ROOM, "kill", "all"], env=home.env, check=False, capture_output=True)
        finally:
            daemons.stop(daemon)
    with fresh_home() as home, crowded(home) as crowd, run(ROOM, **SIZE, env=home.env, cwd=ROOT) as room:
        room.shows("agent-07", 20)
        room.type("5")  # the log tab is closed
        room.shows("works in")
        yield from _busy(room, crowd, home)
        yield _answers(room, home)
        yield _keys(room, crowd)
        yield from _memory(room, crowd)


@contextmanager
def fresh_home() -> Iterator[Home]:
    """A home that is taken away again with all that runs in it."""
    made = homes.make()
    try:
        yield made
    finally:
        made.kill_all()
        homes.remove(made)


class Crowd:
    """The daemon of `crowd`, told what to do line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def tell(self, wanted: str) -> None:
        """Waits for its answer."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{wanted}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == wanted, "the crowd's daemon ended"


@contextmanager
def crowded(home: Home) -> Iterator[Crowd]:
    """The daemon of the home, with twenty agents in it."""
    command = [sys.executable, "-m", "tests.bench.crowd"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=home.env, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            assert process.stdout and process.stdout.readline() == "ready\n", "the crowd's daemon did not start"
            yield Crowd(process)
        finally:
            process.kill()


def _first_paint(home: Home) -> Figure:
    """From the start of the process to all of its screen, interleaved; the room's daemon already runs."""
    room: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        room.append(_painted(ROOM, home, ("quiet", "? help", "journal ok")))
        bare.append(_painted(BARE, home, ("a bare app",)))
    both = statistics.median(room), statistics.median(bare)
    return Figure("room: first full paint / a bare textual app", both[0] / both[1], "ratio", 1.3, "lower")


def _painted(command: Sequence[str], home: Home, words: tuple[str, ...]) -> float:
    begun = time.perf_counter()
    with run(command, **SIZE, env=home.env, cwd=ROOT) as terminal:
        terminal.until(lambda screen: all(word in screen.text for word in words), f"{words} on screen", 30)
        return terminal.heard - begun


def _idle(home: Home) -> Iterator[Figure]:
    """Side by side in the same seconds: what a room with a quiet agent writes, and what it costs."""
    with (
        run(ROOM, **SIZE, env=home.env, cwd=ROOT) as room,
        run(BARE, **SIZE, env=home.env, cwd=ROOT) as bare,
    ):
        room.shows("? help", 20)
        bare.shows("a bare app", 20)
        room.quiet(1.5, 20)
        before, used = len(room.output), (_cpu(room.pid), _cpu(bare.pid))
        _read([room, bare], SECONDS)
        spent = _cpu(room.pid) - used[0], _cpu(bare.pid) - used[1]
        yield Figure("room: idle, bytes", (len(room.output) - before) / SECONDS, "B/s", 0.0, "lower")
        yield Figure("room: idle, CPU / a bare textual app", spent[0] / spent[1], "ratio", 1.5, "lower")


def _busy(room: Terminal, crowd: Crowd, home: Home) -> Iterator[Figure]:
    """Twenty agents at work, the log closed; htop and btop look at this machine in the same seconds."""
    crowd.tell("busy")
    with ExitStack() as stack:
        others: dict[str, Terminal] = {}
        for name in ("htop", "btop"):
            if shutil.which(name):
                others[name] = stack.enter_context(run([name], **SIZE, env=home.env))
            else:
                print(f"room: {name} is not installed (make system): not compared", file=sys.stderr)
        everyone = [room, *others.values()]
        _read(everyone, 3.0)
        before = [len(terminal.output) for terminal in everyone]
        _read(everyone, SECONDS)
        wrote = [len(terminal.output) - had for terminal, had in zip(everyone, before, strict=True)]
    for name, bytes_ in zip(others, wrote[1:], strict=True):
        if name == "htop":
            yield Figure("room: twenty busy agents, bytes / htop", wrote[0] / bytes_, "ratio", 1.0, "lower")
        else:
            print(f"room: bytes / {name}: {wrote[0] / bytes_:.2f}", file=sys.stderr)
    print(f"room: bytes a second with twenty busy agents: {wrote[0] / SECONDS:.0f}", file=sys.stderr)


def _answers(room: Terminal, home: Home) -> Figure:
    """From a hook's call to its request on screen, while the crowd works."""
    ours = daemons.Daemon(home, subprocess.Popen(["true"]), Path("/tmp"))
    took = []
    for number in range(REQUESTS):
        begun = time.perf_counter()
        asker = ours.bash(f"rm -rf build-{number}", call=f"toolu_{number}")
        room.until(_has(f"rm -rf build-{number} "), "the request")
        took.append(room.heard - begun)
        for row in ours.call("pending"):
            ours.call("allow", id=row["id"], digest=row["digest"])
        asker.hang_up()
        room.hides(f"rm -rf build-{number}\n", 5)
    print(f"room: new request to visible, median: {statistics.median(took) * 1000:.0f} ms", file=sys.stderr)
    return Figure("room: new request to visible, p99", _p99(took) * 1000, "ms", 250.0, "lower")


def _keys(room: Terminal, crowd: Crowd) -> Figure:
    """From a key to what it shows, with 10,000 records a second into the rings."""
    crowd.tell(f"flood {FLOOD}")
    _read([room], 1.0)
    took = []
    for number in range(KEYS):
        key, look = ("4", _has("no file was touched yet")) if number % 2 else ("5", _has("works in"))
        begun = time.perf_counter()
        room.type(key)
        room.until(look, f"what key {key} shows")
        took.append(room.heard - begun)
        _read([room], 0.05)
    print(f"room: key to visible, median: {statistics.median(took) * 1000:.0f} ms", file=sys.stderr)
    return Figure("room: key to visible at 10,000 events/s, p99", _p99(took) * 1000, "ms", 100.0, "lower")


def _has(text: str) -> Callable[[Screen], bool]:
    return lambda screen: text in screen.text


def _memory(room: Terminal, crowd: Crowd) -> Iterator[Figure]:
    """A million records after the rings are full: what room and daemon hold then, by what they held before."""
    crowd.tell("rest")
    _read([room], 2.0)
    before = _resident(room.pid), _resident(crowd.process.pid)
    for _ in range(10):
        crowd.tell(f"rush {EVENTS // 10}")
        _read([room], 0.2)
    crowd.tell("rest")
    _read([room], 2.0)
    after = _resident(room.pid), _resident(crowd.process.pid)
    yield Figure("room: resident memory after 1,000,000 events / before", after[0] / before[0], "ratio", 1.1, "lower")
    yield Figure("daemon: resident memory after 1,000,000 events / before", after[1] / before[1], "ratio", 1.1, "lower")


def _read(terminals: Sequence[Terminal], seconds: float) -> None:
    """Take what they write, as terminals do."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        for terminal in terminals:
            terminal.read(min(left, 0.02))


def _p99(took: list[float]) -> float:
    return sorted(took)[max(0, -(-len(took) * 99 // 100) - 1)]


def _cpu(pid: int) -> int:
    """Nanoseconds on a processor so far, all threads (/proc/PID/task/*/schedstat)."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
