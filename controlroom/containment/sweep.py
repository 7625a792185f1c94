"""Signals to a tree of processes, one by one: what is left to do where no kernel mechanism holds the session.

No sweep proves anything: a process that forks and dies faster than /proc is read is never seen (measured).
"""

import signal
import time
from collections.abc import Iterable

from controlroom.containment import processes
from controlroom.model.agent import ProcessId, Survivor

_ROUNDS = 50  # looks at most; a tree that still grows after that is reported, not chased
_SETTLE = 0.02  # s given to the killed to die between two looks, and to a stopped parent to stand
_STILL = "TtZXx"  # states in which nothing runs


def pause(roots: list[int]) -> str:
    """SIGSTOP parents before children (the other order loses a shell's foreground job), until a look finds nobody running.

    Returns what went wrong as the end of a sentence, "" if nothing did.
    """
    refused: set[int] = set()
    for _ in range(_ROUNDS):
        running = [stat for stat in processes.forest(roots) if stat.state not in _STILL and stat.pid not in refused]
        if not running:
            break
        parents = {stat.ppid for stat in running}
        for stat in running:
            refused |= _send_all([stat], signal.SIGSTOP)
            if stat.pid in parents:
                _wait_still(stat.pid)
    else:
        return "; it grew faster than it could be stopped"
    return _refusals(refused)


def _wait_still(pid: int) -> None:
    """Until it really stands: one that is still on its way out of a wait would hear of its child's stop (measured)."""
    deadline = time.monotonic() + _SETTLE
    while (stat := processes.read_stat(pid)) is not None and stat.state not in _STILL and time.monotonic() < deadline:
        time.sleep(0.0002)


def resume(roots: list[int]) -> str:
    """SIGCONT children before parents. Returns what went wrong as the end of a sentence, "" if nothing did."""
    return _refusals(_send_all(reversed(processes.forest(roots)), signal.SIGCONT))


def _refusals(refused: set[int]) -> str:
    return f"; EPERM for {', '.join(map(str, sorted(refused)))}" if refused else ""


def terminate(stats: Iterable[processes.Stat]) -> None:
    """SIGTERM to each. What refuses it is for the kill that follows to report."""
    _send_all(stats, signal.SIGTERM)


def kill(roots: list[int], seconds: float) -> int:
    """SIGKILL all that can be seen, again and again until a look finds nobody, within `seconds`. How many were signalled."""
    deadline = time.monotonic() + seconds
    killed: set[tuple[int, int]] = set()
    refused: set[int] = set()
    while time.monotonic() < deadline:
        left = [stat for stat in processes.forest(roots) if not stat.dead and stat.pid not in refused]
        if not left:
            break
        refused |= _send_all(left, signal.SIGKILL)
        killed |= {(stat.pid, stat.start) for stat in left if stat.pid not in refused}
        processes.wait_gone(_identity(left[-1]), _SETTLE)
    return len(killed)


def _send_all(stats: Iterable[processes.Stat], number: int) -> set[int]:
    """Signal them in this order; the pids that the kernel did not let us signal."""
    refused = set()
    for stat in stats:
        try:
            processes.send(_identity(stat), number)
        except PermissionError:
            refused.add(stat.pid)
    return refused


def _identity(stat: processes.Stat) -> ProcessId:
    return ProcessId(stat.pid, stat.start, processes.boot_id())


def survivors(stats: Iterable[processes.Stat]) -> tuple[Survivor, ...]:
    """Those of them that still live, and why."""
    return tuple(
        Survivor(_identity(now), now.name, reason(now))
        for stat in stats
        if (now := processes.read_stat(stat.pid)) is not None and now.start == stat.start and not now.dead
    )


def reason(stat: processes.Stat) -> str:
    """Why a signal did not end it, as far as the kernel tells."""
    if stat.state == "D":
        return f"D state in {processes.wait_channel(stat.pid) or 'unknown'}: the kill is pending in the kernel"
    try:
        if not processes.send(_identity(stat), 0):
            return "ended just now"
    except PermissionError:
        return f"EPERM: runs as uid {processes.uid_of(stat.pid)}"
    return "still running"
