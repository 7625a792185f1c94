"""What sessions' processes use: membership from the cgroup or the tree, figures from /proc. Sampled while a room looks."""

import os
import time

from controlroom.containment import processes
from controlroom.containment.hold import members
from controlroom.model.agent import Handle
from controlroom.model.view import Load, ProcessView

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_ROWS = 500


class Sampler:
    """Keeps the last sample for the rate of CPU. Blocking: runs in a thread."""

    def __init__(self) -> None:
        self.loads: dict[str, Load] = {}
        self._ticks: dict[tuple[int, int], int] = {}  # (pid, start) → CPU ticks at the last sample
        self._cpu: dict[tuple[int, int], float] = {}
        self._at = 0.0

    def sample(self, handles: list[Handle]) -> None:
        """Look at every session's processes once."""
        now = time.monotonic()
        passed = max(now - self._at, 0.001)
        ticks: dict[tuple[int, int], int] = {}
        loads = {}
        for handle in handles:
            cpu, memory, count = 0.0, 0, 0
            for stat in members(handle):
                key = (stat.pid, stat.start)
                used = _ticks(stat.pid)
                ticks[key] = used
                rate = max(0, used - self._ticks.get(key, used)) / TICK / passed * 100
                self._cpu[key] = rate
                cpu, memory, count = cpu + rate, memory + _resident(stat.pid), count + 1
            loads[handle.session] = Load(round(cpu, 1), memory, count)
        self._cpu = {k: v for k, v in self._cpu.items() if k in ticks}
        self.loads, self._ticks, self._at = loads, ticks, now

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
