"""Finds the logs of an agent that has named none: launched or adopted, without a hook that speaks. Blocking."""

import glob
import heapq
import itertools
import os
from collections.abc import Iterable
from typing import NamedTuple

from controlroom.agents import TRANSCRIPTS
from controlroom.agents.known import CARRIED, STORES, conversation
from controlroom.agents.transcript import Where
from controlroom.containment import processes
from controlroom.containment.processes import GoneError
from controlroom.model.agent import ProcessId

MOST_FOUND = 20_000  # files that are looked at by name
MOST_OPENED = 16  # of which the begin is read
MOST_HEAD = 64 * 1024
MOST_ENVIRONMENT = 256 * 1024
SLACK_SECONDS = 2.0  # a file may be a little older than the start of its writer: clocks are coarse
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Found(NamedTuple):
    """The logs of an agent; `others`: how many more fit it as well, 0 = it is the only one, or there is a proof."""

    logs: tuple[str, ...] = ()
    others: int = 0


def find(kind: str, root: ProcessId, pids: Iterable[int], cwd: str, home: str, taken: set[str]) -> Found:
    """The logs that the agent with the process `root`, of a kind that has a decoder, writes.

    What one of its processes has open is its own, and so is the one of the conversation that a program it started carries. Else
    it is the newest that was written since it began, fits its working folder, and is nobody else's (`taken`).
    """
    transcript, pids, where = TRANSCRIPTS[kind], tuple(pids), where_is(root.pid, cwd, home)
    patterns = transcript.logs(where)
    names = set(itertools.islice(itertools.chain.from_iterable(glob.iglob(pattern) for pattern in patterns), MOST_FOUND))
    names -= taken
    if held := sorted(names & _open_files(pids)):
        return Found(tuple(held))
    if (carried := _carried(kind, pids)) and (own := sorted(name for name in names if conversation(kind, name) == carried)):
        return Found(tuple(own))
    since = _began(root) - SLACK_SECONDS
    dated = ((written, name) for name in names if (written := _written(name)) >= since)
    fitting = [name for _, name in heapq.nlargest(MOST_OPENED, dated) if transcript.fits(_head(name), where)]
    return Found(tuple(fitting[:1]), max(0, len(fitting) - 1))


def where_is(pid: int, cwd: str, home: str) -> Where:
    """What is known of an agent by one of its processes; `home` where that does not tell another."""
    env = _environment(pid)
    return Where(env.get("HOME") or home, os.path.realpath(cwd), env)


def written_by(kind: str, root: ProcessId, pids: Iterable[int], cwd: str, home: str) -> list[dict[str, str]]:
    """What an agent of a known kind writes: `log`, the agent's own `session` in it ("" = its name does not tell), and `read`:
    whether it is followed for certain ("" = yes), or why not.
    """
    if kind in TRANSCRIPTS:
        found = find(kind, root, pids, cwd, home, set())
        doubt = f"a guess: {found.others} more fit, so another agent in this folder may write it" if found.others else ""
        return [{"log": path, "session": conversation(kind, path), "read": doubt} for path in found.logs]
    top = _environment(root.pid).get("HOME") or home
    there = [path for pattern in STORES.get(kind, ()) for path in glob.glob(f"{top}/{pattern}")]
    held = sorted(set(there) & _open_files(pids))
    why = "its store is not read: only its own program knows it"
    return [{"log": path, "session": conversation(kind, path), "read": why} for path in held or there[:1]]


def _carried(kind: str, pids: tuple[int, ...]) -> str:
    """The conversation that a program carries which one of these processes started; "" = none does."""
    session, own = CARRIED.get(kind, ("", ""))
    for environment in map(_environment, pids if session else ()):
        if environment.get(session) and environment.get(own, "") in map(str, pids):
            return environment[session]
    return ""


def _environment(pid: int) -> dict[str, str]:
    """Of the process; {} where it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            raw = file.read(MOST_ENVIRONMENT)
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _open_files(pids: Iterable[int]) -> set[str]:
    found = set()
    for pid in pids:
        try:
            for descriptor in os.listdir(f"/proc/{pid}/fd"):
                found.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        except OSError:
            continue  # gone, or another user's
    return found


def _began(root: ProcessId) -> float:
    """When the process began, in seconds since 1970; 0 where that cannot be told."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith("btime "))
        return booted + root.start / os.sysconf("SC_CLK_TCK") if processes.is_alive(root) else float("inf")
    except (OSError, StopIteration, GoneError):
        return float("inf")


def _written(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return float("-inf")


def _head(path: str) -> bytes:
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return b""
    try:
        return os.read(descriptor, MOST_HEAD)
    except OSError:
        return b""  # a folder of that name
    finally:
        os.close(descriptor)
