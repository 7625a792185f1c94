"""Logs: the index beside `wc -l`, lnav and toolong on the same files, a huge file's last page, and the daemon with many logs.

FULL=1 takes a log of 10 GB too (of which lnav alone takes minutes). What is missing on this machine is said on standard error.
"""

import contextlib
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from controlroom.client.rpc import Operator
from controlroom.storage.paths import places
from controlroom.tui.leaf import Leaf
from tests.bench.figure import Figure
from tests.support import home as homes
from tests.support.daemon import header
from tests.support.home import Home

FULL = os.environ.get("FULL") == "1"
SIZES = (1 << 30, 10 << 30) if FULL else (1 << 30,)
ROUNDS = 7
TURNS = 3  # with programs of others
AGENTS = 100
EVENTS = 100  # a second, of each agent
SECONDS = 60.0
QUIET_SECONDS = 20.0
BEAT = 0.05
WINDOWS = 5
REST = 1.5  # seconds after which a daemon without news rests
APPENDS = 300 if FULL else 60
HUGE = 10 << 30
MIB = 1 << 20
ROOT = str(Path(__file__).resolve().parent.parent.parent)


def figures() -> Iterator[Figure]:
    """Files first, then the daemon."""
    with tempfile.TemporaryDirectory(prefix="cr") as made:
        folder = Path(made)
        for size in SIZES:
            yield from _indexes(folder, size)
        yield _last_page(folder)
    with _daemon() as (home, folder, process):
        yield from _many(home, folder, process)


# The index


def _indexes(folder: Path, size: int) -> Iterator[Figure]:
    """Newlines on lines of text, types on a transcript, each beside `wc -l` in the same run, medians."""
    name = f"{size / 1e9:.1f} GB"
    text = _write(folder / "app.log", size, _text_lines())
    ratios = _beside_wc(text, "lines")
    yield Figure(f"logs: newline index / wc -l, {name} of text", ratios, "ratio", 4.0, "lower")
    yield from _beside_lnav(text, name)
    yield from _beside_toolong(text, name)
    text.unlink()
    transcript = _write(folder / "session.jsonl", size, _transcript_lines())
    yield Figure(f"logs: typed index / wc -l, {name} of JSONL", _beside_wc(transcript, "types"), "ratio", 8.0, "lower")
    transcript.unlink()
    least = min(size, 200 << 20)
    for what, lines, mean in (("lines", _text_lines(12), 75), ("types", _json_lines(), 120)):  # where each is at its worst
        short = _write(folder / "short.log", least, lines)
        word = "newline" if what == "lines" else "typed"
        yield Figure(f"logs: {word} index / wc -l, lines of {mean} bytes", _beside_wc(short, what), "ratio", 0.0, "shown")
        short.unlink()


def _beside_wc(path: Path, what: str) -> float:
    """Medians of both, measured in turns, on a file that is in memory."""
    path.read_bytes() if path.stat().st_size < MIB else subprocess.run(
        ["cat", str(path)], stdout=subprocess.DEVNULL, check=True
    )
    counted, indexed = [], []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        subprocess.run(["wc", "-l", str(path)], stdout=subprocess.DEVNULL, check=True)
        counted.append(time.perf_counter() - began)
        indexed.append(_index(path, what)[0])
    return statistics.median(indexed) / statistics.median(counted)


def _index(path: Path, what: str) -> tuple[float, float, float]:
    """Seconds of the index, seconds of the whole program, and its peak memory in MiB."""
    words = [sys.executable, "-m", "tests.bench.indexing", what, str(path)]
    seconds, memory, said = _measured(words)
    return float(said.split()[0]), seconds, memory


# A program's peak is at least that of its parent as it was begun (the peak survives exec): so a small parent begins it.
_MEASURE = """
import json, os, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([done.returncode, seconds, peak, done.stdout[:4096].decode("utf-8", "replace")]))
"""


def _measured(words: list[str], env: dict[str, str] | None = None) -> tuple[float, float, str]:
    """Wall seconds, peak resident MiB, and the begin of what it printed."""
    command = [sys.executable, "-I", "-S", "-c", _MEASURE, *words]
    told = subprocess.run(command, capture_output=True, cwd=ROOT, env=env, check=True).stdout
    code, seconds, peak, said = json.loads(told)
    assert code == 0, f"{words} ended with {code}"
    return seconds, peak, said


def _beside_lnav(path: Path, name: str) -> Iterator[Figure]:
    """Whole programs, start included; lnav loads the file and leaves without printing it."""
    lnav = shutil.which("lnav")
    if lnav is None:
        print("logs: lnav is not installed (Debian package lnav): not compared", file=sys.stderr)
        return
    with tempfile.TemporaryDirectory(prefix="cr") as home:
        env = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home}
        theirs = _measured([lnav, "-n", "-c", ":quit", str(path)], env)
    _, seconds, memory = _index(path, "lines")
    yield Figure(f"logs: index of {name}, time / lnav -n", seconds / theirs[0], "ratio", 0.3, "lower")
    yield Figure(f"logs: index of {name}, memory / lnav -n", memory / theirs[1], "ratio", 0.3, "lower")
    yield Figure(f"logs: lnav -n of {name}", theirs[0], "s", 0.0, "shown")
    yield Figure(f"logs: index of {name}, whole program", seconds, "s", 0.0, "shown")


# Only what toolong does to know the lines of a file, as its view of a log does it: no screen, which costs it more.
TOOLONG = """
import sys, threading
from toolong.log_file import LogFile
log, found = LogFile(sys.argv[1]), []
assert log.open(threading.Event())
for _, breaks in log.scan_line_breaks():
    found.extend(breaks)
print(len(found))
"""


def _beside_toolong(path: Path, name: str) -> Iterator[Figure]:
    """Its own scan for lines in the interpreter that it is installed for, start included, beside our index in the same run."""
    tl = shutil.which("tl")
    if tl is None:
        print("logs: toolong (tl, from PyPI: toolong) is not on the PATH: not compared", file=sys.stderr)
        return
    with open(tl, "rb") as script:
        interpreter = script.readline().removeprefix(b"#!").strip().decode()
    lines = int(subprocess.run(["wc", "-l", str(path)], stdout=subprocess.PIPE, check=True).stdout.split()[0])
    theirs, ours, most = [], [], []
    for _ in range(TURNS):
        seconds, memory, said = _measured([interpreter, "-c", TOOLONG, str(path)])
        assert int(said) >= lines, f"toolong found {said} of {lines} lines"
        theirs.append(seconds)
        _, own_seconds, own_memory = _index(path, "lines")
        ours.append(own_seconds)
        most.append(own_memory / memory)
    scan, own = statistics.median(theirs), statistics.median(ours)
    yield Figure(f"logs: index of {name}, time / toolong's line scan", own / scan, "ratio", 0.5, "lower")
    yield Figure(f"logs: index of {name}, memory / toolong's line scan", statistics.median(most), "ratio", 0.3, "lower")
    yield Figure(f"logs: toolong's line scan of {name}, no screen", scan, "s", 0.0, "shown")


def _last_page(folder: Path) -> Figure:
    """A sparse file of 10 GB, from opening it to the last rows, as the Log tab does it."""
    path = folder / "huge.log"
    with path.open("wb") as file:
        file.truncate(HUGE)
        file.seek(0, os.SEEK_END)
        file.write(b"".join(b"\n2026-11-26 12:00:00 INFO line %d" % number for number in range(100)))
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        leaf = Leaf(str(path), "", 40)
        while not leaf.sheet().rows:
            leaf.go_on()
        times.append(time.perf_counter() - began)
        leaf.close()
    path.unlink()
    return Figure("logs: last page of a 10 GB file", 1000 * statistics.median(times), "ms", 100.0, "lower")


# The daemon


@contextmanager
def _daemon() -> Iterator[tuple[Home, Path, "subprocess.Popen[str]"]]:
    """A daemon with as many sessions as agents, each with a log that is there already."""
    home = homes.make()
    with tempfile.TemporaryDirectory(prefix="cr") as made:
        folder = Path(made)
        for number in range(AGENTS):
            _write(folder / f"agent-{number:03}.log", 2 * MIB, _text_lines())
        words = [sys.executable, "-m", "tests.bench.logcrowd", made, str(AGENTS)]
        process = subprocess.Popen(words, env=home.env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield home, folder, process
        finally:
            process.kill()
            process.communicate()
            home.kill_all()
            homes.remove(home)


def _many(home: Home, folder: Path, process: "subprocess.Popen[str]") -> Iterator[Figure]:
    idle = _resident(process.pid)
    with Operator(places(home.env)) as operator:
        until = time.monotonic() + 20
        names = [f"agent-{number:03}" for number in range(AGENTS)]
        while not all(row["lines"] for name in names for row in operator.call("logs", session=name)):
            assert time.monotonic() < until, "the logs are not followed"
            time.sleep(0.1)
        yield Figure(f"logs: memory with {AGENTS} logs over none", _resident(process.pid) - idle, "MiB", 64.0, "lower")
        yield Figure("logs: append to a line in the ring, p99", _appends(operator, folder), "ms", 50.0, "lower")
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    for name in names:
        (elsewhere / f"{name}.log").touch()
    quiet: list[float] = []
    busy: list[float] = []
    spent = grown = 0.0
    written = 0
    for window in range(WINDOWS):  # in turns, so that whatever else the machine does hits both
        quiet += _probed(home, elsewhere, QUIET_SECONDS / WINDOWS)[0]
        before = _cpu(process.pid)
        times, count = _probed(home, folder, SECONDS / WINDOWS)
        spent += _cpu(process.pid) - before
        busy, written = busy + times, written + count
        grown = grown if window else _resident(process.pid)
    name = f"logs: {AGENTS} agents x {EVENTS} lines/s"
    yield Figure(f"{name}, daemon's CPU", 100 * spent / SECONDS, "% core", 40.0, "lower")
    yield Figure(f"{name}, memory grown", _resident(process.pid) - grown, "MiB", 8.0, "lower")
    yield Figure(f"{name}, gate p99 / unfollowed", _p99(busy) / _p99(quiet), "ratio", 2.0, "lower")
    yield Figure(f"{name}, gate p99", _p99(busy), "ms", 0.0, "shown")
    yield Figure(f"{name}, written", written / (SECONDS * AGENTS), "/s each", 0.0, "shown")


def _probed(home: Home, folder: Path, seconds: float) -> tuple[list[float], int]:
    """The gate's answers while somebody writes to the logs there, and how many lines that were."""
    time.sleep(REST)
    words = [sys.executable, "-m", "tests.bench.logwriter", str(folder), str(EVENTS), str(seconds)]
    times = []
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        while writer.poll() is None:
            times += _gate(home, 4)
            time.sleep(BEAT)
        assert writer.stdout is not None
        return times, int(writer.stdout.read())


def _appends(operator: Operator, folder: Path) -> float:
    """From a write to the answer that holds the line, the daemon asked before; pauses of a person's kind between."""
    path = folder / "agent-007.log"
    rows = operator.call("log_lines", session="agent-007", event=1 << 62)["lines"]
    after, chance = rows[-1]["seq"], random.Random(7)
    times = []
    for number in range(APPENDS):
        time.sleep(chance.choice((0.0, 0.03, 0.1, 0.3)) if number % 20 else 1.5)
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(path.open("ab"))
            began = time.perf_counter()
            file.write(b"appended %d\n" % number)
        rows = operator.call("log_lines", session="agent-007", event=1 << 62, after=after, wait=10)["lines"]
        times.append(1000 * (time.perf_counter() - began))
        assert f"appended {number}" in rows[-1]["text"]
        after = rows[-1]["seq"]
    return _p99(times)


def _gate(home: Home, count: int) -> list[float]:
    """Milliseconds of a message to the gate and its answer, again and again."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(places(home.env).gate_sock))
            sock.sendall(header("probe") + b"\n{}\n")
            while sock.recv(65536):
                pass
        times.append(1000 * (time.perf_counter() - began))
    return times


def _p99(times: list[float]) -> float:
    return sorted(times)[max(0, int(len(times) * 0.99) - 1)]


def _resident(pid: int) -> float:
    """MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / MIB


def _cpu(pid: int) -> float:
    """Seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# Content


def _write(path: Path, size: int, lines: Iterator[bytes]) -> Path:
    """About `size` bytes: some thousand lines, again and again."""
    block = b"".join(next(lines) for _ in range(5_000))
    with path.open("wb") as file:
        for _ in range(max(1, size // len(block))):
            file.write(block)
    return path


WORDS = (
    *("request", "response", "handler", "item", "user", "session", "path", "index"),
    *("retry", "timeout", "connect", "close", "open", "read", "write"),
)


def _text_lines(most: int = 30) -> Iterator[bytes]:
    """What services write: 150 bytes at the mean, with `most` words at most."""
    chance = random.Random(1)
    while True:
        said = " ".join(chance.choices(WORDS, k=chance.randrange(4, most)))
        level = chance.choice(("INFO", "DEBUG", "WARN", "ERROR"))
        yield f"2026-11-26 12:00:{chance.randrange(60):02} {level:5} {said}\n".encode()


def _json_lines() -> Iterator[bytes]:
    chance = random.Random(2)
    while True:
        row = {
            "time": f"2026-11-26T12:00:{chance.randrange(60):02}Z",
            "level": chance.choice(("debug", "info", "warn", "error")),
            "type": chance.choice(("http", "db", "job")),
            "msg": f"request {chance.randrange(10**6)} took {chance.randrange(999)} ms",
            "path": f"/api/v1/items/{chance.randrange(10**5)}",
        }
        yield json.dumps(row, separators=(",", ":")).encode() + b"\n"


def _transcript_lines() -> Iterator[bytes]:
    """As an agent writes them: 1.5 KB a line at the mean, some of 30 KB."""
    chance = random.Random(3)
    while True:
        said = " ".join(chance.choices(WORDS, k=min(4_000, int(chance.lognormvariate(4.4, 1.0)))))
        common = {"parentUuid": "5f3a" * 8, "isSidechain": False, "cwd": "/home/ada/shop", "sessionId": "7c1e" * 8}
        if chance.random() < 0.4:
            content: object = [{"tool_use_id": "toolu_1", "type": "tool_result", "content": said}]
            row = {**common, "type": "user", "message": {"role": "user", "content": content}, "toolUseResult": {"stdout": said}}
        else:
            usage = {"input_tokens": 4, "cache_read_input_tokens": 12_000, "output_tokens": 20}
            message = {"id": "msg_1", "role": "assistant", "content": [{"type": "text", "text": said}], "usage": usage}
            row = {**common, "message": message, "type": "assistant"}
        yield json.dumps({**row, "timestamp": "2026-11-26T12:00:00.123Z"}, separators=(",", ":")).encode() + b"\n"
