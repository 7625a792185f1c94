"""What sessions' processes use: membership from the cgroup or the tree, figures from /proc. Sampled while a room looks."""

import os
import threading
import time

from controlroom.containment import cgroup, processes
from controlroom.containment.hold import members
from controlroom.model.agent import Handle, Rung
from controlroom.model.view import Load, ProcessView

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_ROWS = 500


class Sampler:
    """Keeps the last sample for the rate of CPU. Blocking: runs in a thread, one sample at a time.

    `spent`: seconds of CPU of each session since it began (cgroup), or as far as was seen.
    """

    def __init__(self) -> None:
        self.loads: dict[str, Load] = {}
        self.spent: dict[str, float] = {}
        self._guard = threading.Lock()
        self._ticks: dict[tuple[int, int], int] = {}  # (pid, start) → CPU ticks at the last sample
        self._cpu: dict[tuple[int, int], float] = {}
        self._at = 0.0

    def sample(self, handles: list[Handle]) -> None:
        """Look at every session's processes once."""
        with self._guard:
            self._sample(handles)

    def _sample(self, handles: list[Handle]) -> None:
        now = time.monotonic()
        passed = max(now - self._at, 0.001)
        ticks: dict[tuple[int, int], int] = {}
        loads, spent = {}, {}
        for handle in handles:
            cpu, memory, count, seconds = 0.0, 0, 0, 0.0
            for stat in members(handle):
                key = (stat.pid, stat.start)
                used = _ticks(stat.pid)
                ticks[key] = used
                since = max(0, used - self._ticks.get(key, used)) / TICK
                rate, seconds = since / passed * 100, seconds + since
                self._cpu[key] = rate
                cpu, memory, count = cpu + rate, memory + _resident(stat.pid), count + 1
            loads[handle.session] = Load(round(cpu, 1), memory, count)
            spent[handle.session] = _spent(handle, self.spent.get(handle.session, 0.0) + seconds)
        self._cpu = {k: v for k, v in self._cpu.items() if k in ticks}
        self.loads, self.spent, self._ticks, self._at = loads, spent, ticks, now

    def rows(self, handle: Handle) -> list[ProcessView]:
        """The processes of one session, parents before children."""
        found = {s.pid: s for s in members(handle)}
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        rows: list[ProcessView] = []

        def add(pid: int, depth: int) -> None:
            stat = found.pop(pid, None)
            if stat is None or len(rows) >= MOST_ROWS:
                return
            raw = processes.cmdline(pid).rstrip(b"\0")
            command = tuple(part.decode("utf-8", "backslashreplace") for part in raw.split(b"\0"))
            cpu = self._cpu.get((pid, stat.start), 0.0)
            age = max(0.0, uptime - stat.start / TICK)
            rows.append(ProcessView(pid, depth, stat.state, command, round(cpu, 1), _resident(pid), stat.threads, age))
            for child in [c for c, s in found.items() if s.ppid == pid]:
                add(child, depth + 1)

        for pid in sorted(found, key=lambda p: (found[p].ppid in found, p)):
            add(pid, 0)
        return rows


def _spent(handle: Handle, seen: float) -> float:
    """The kernel's count for a cgroup, which knows of processes that came and went between two looks; else what was seen."""
    told = cgroup.cpu_seconds(handle.cgroup) if handle.rung is Rung.CGROUP else None
    return seen if told is None else told


def _ticks(pid: int) -> int:
    """CPU used so far, user and system (fields 14 and 15 of /proc/PID/stat); 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, IndexError):
        return 0


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
