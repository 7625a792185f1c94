"""What sessions' processes use: membership from the cgroup or the tree, figures from /proc. Sampled while a room looks."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from controlroom.containment import cgroup, descriptors, processes
from controlroom.containment.hold import members
from controlroom.containment.processes import Stat
from controlroom.model.agent import Handle, Rung
from controlroom.model.touched import OpenFile
from controlroom.model.view import Load, ProcessesView, ProcessView

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MOST_ROWS = 1_000  # of one answer
MOST_WHOLE = 100  # rows of it with the dear columns
MOST_COMMAND = 2_048  # bytes of a command line in a list
MOST_SOCKETS = 20  # of one process
MOST_OPEN = 50  # open files of a session
LEAST_SECONDS = 0.25  # between two samples: a rate over less is noise
FRESH_SECONDS = 0.9  # in which a sample is not taken again
YOUNG_SECONDS = 2.0
LOOK_SECONDS = 2.0  # between two looks for processes outside
Key = tuple[int, int]  # pid and start


class _Sample(NamedTuple):
    """What one look at a session showed; `cpu` in percent of one core."""

    at: float
    stats: tuple[Stat, ...]
    cpu: dict[Key, float]


class Sampler:
    """Keeps the last sample for the rate of CPU. Blocking: runs in a thread, one sample at a time.

    `spent`: seconds of CPU of each session since it began (cgroup), or as far as was seen. `outside`: processes that bear a
    session's tag and have left its control group, seen twice in a row.
    """

    def __init__(self) -> None:
        self.loads: dict[str, Load] = {}
        self.spent: dict[str, float] = {}
        self.outside: dict[str, tuple[Stat, ...]] = {}
        self._guard = threading.Lock()
        self._samples: dict[str, _Sample] = {}
        self._commands: dict[Key, tuple[str, tuple[str, ...]]] = {}  # the comm it was read under, and the command
        self._tags: dict[int, int] = {}
        self._young: set[int] = set()
        self._suspects: set[tuple[str, Key]] = set()
        self._looked = 0.0

    def sample(self, handles: list[Handle]) -> None:
        """Look at every session's processes once."""
        with self._guard:
            for handle in handles:
                self._sample(handle)
            known = {handle.session for handle in handles}
            self._samples = {session: kept for session, kept in self._samples.items() if session in known}
            self.spent = {session: kept for session, kept in self.spent.items() if session in known}
            self.loads = {session: self._load(session) for session in self._samples}
            if time.monotonic() - self._looked >= LOOK_SECONDS:
                self._look_outside(handles)

    def stats(self, session: str) -> tuple[Stat, ...]:
        """The processes of the last sample."""
        sample = self._samples.get(session)
        return sample.stats if sample else ()

    def _sample(self, handle: Handle) -> _Sample:
        now, before = time.monotonic(), self._samples.get(handle.session)
        if before and now - before.at < LEAST_SECONDS:
            return before
        stats = tuple(members(handle))
        passed = max(now - before.at, 0.001) if before else 0.0
        ticks = {(stat.pid, stat.start): stat.ticks for stat in before.stats} if before else {}
        since = {key: max(0, s.ticks - ticks.get(key, s.ticks)) / TICK for s in stats if (key := (s.pid, s.start))}
        cpu = {key: seconds / passed * 100 if passed else 0.0 for key, seconds in since.items()}
        seen = self.spent.get(handle.session, 0.0) + sum(since.values())
        self.spent[handle.session] = _spent(handle, seen)
        sample = self._samples[handle.session] = _Sample(now, stats, cpu)
        return sample

    def _load(self, session: str) -> Load:
        sample = self._samples[session]
        memory = sum(stat.pages for stat in sample.stats) * PAGE
        return Load(round(sum(sample.cpu.values()), 1), memory, len(sample.stats))

    def _look_outside(self, handles: list[Handle]) -> None:
        """Who bears a tag and is not in the group that goes with it. A process gets its tag at its birth or soon after: each is
        read at two looks, and not again.
        """
        self._looked = time.monotonic()
        tags = {h.tag: h for h in handles if h.tag and h.rung is Rung.CGROUP}
        if not tags:
            self.outside, self._tags = {}, {}
            return
        there = [int(name) for name in os.listdir("/proc") if name.isdigit()]
        old = self._tags.keys() - self._young
        self._young = {pid for pid in there if pid not in self._tags}
        self._tags = {pid: self._tags[pid] if pid in old else processes.tag_of(pid) for pid in there}
        found: dict[str, list[Stat]] = {}
        for pid in [pid for pid, tag in self._tags.items() if tag in tags]:
            handle = tags[self._tags[pid]]
            inside = {stat.pid for stat in self._samples[handle.session].stats}
            stat = processes.read_stat(pid) if pid not in inside and not (handle.shim and pid == handle.shim.pid) else None
            if stat is not None and not stat.dead and not _in(handle, pid):
                found.setdefault(handle.session, []).append(stat)
        suspects = {(session, (s.pid, s.start)) for session, stats in found.items() for s in stats}
        self.outside = {
            session: twice
            for session, stats in found.items()
            if (twice := tuple(s for s in stats if (session, (s.pid, s.start)) in self._suspects))
        }
        self._suspects = suspects

    def rows(self, handle: Handle, find: str = "", most: int = MOST_ROWS, whole: Iterable[int] | None = None) -> ProcessesView:
        """The processes of one session that hold `find` in their command or as their pid: those that escaped, then parents
        before children. `whole`: pids with the dear columns, None = the first ones.
        """
        with self._guard:
            sample = self._samples.get(handle.session)
            if sample is None or time.monotonic() - sample.at > FRESH_SECONDS:
                sample = self._sample(handle)
            outside = self.outside.get(handle.session, ())
            rows = list(islice(self._drawn(sample, outside, find), most))
        wanted = {row.pid for row in rows[:MOST_WHOLE]} if whole is None else set(list(whole)[:MOST_WHOLE])
        return ProcessesView(len(sample.stats) + len(outside), tuple(_whole(rows, wanted)))

    def _drawn(self, sample: _Sample, outside: tuple[Stat, ...], find: str) -> Iterator[ProcessView]:
        uptime, wanted = time.clock_gettime(time.CLOCK_BOOTTIME), find.casefold()
        tree = [*((stat, 0, True) for stat in outside), *((stat, depth, False) for stat, depth in _tree(sample.stats))]
        keys = {(stat.pid, stat.start) for stat, _, _ in tree}
        self._commands = {key: known for key, known in self._commands.items() if key in keys}
        for stat, depth, escaped in tree:
            age = max(0.0, round(uptime - stat.start / TICK, 1))
            command = self._command(stat, age)
            if wanted and not any(wanted in word.casefold() for word in (" ".join(command), str(stat.pid), stat.name)):
                continue
            yield ProcessView(
                pid=stat.pid,
                depth=depth,
                state=stat.state,
                command=command,
                cpu=round(sample.cpu.get((stat.pid, stat.start), 0.0), 1),
                memory=stat.pages * PAGE,
                threads=stat.threads,
                age=age,
                name=stat.name,
                outside=escaped,
            )

    def _command(self, stat: Stat, age: float) -> tuple[str, ...]:
        """Its command line, read again when it runs another program (its comm is another one then), and while it is young: a
        program that is being started has its name before it has its words.
        """
        key = (stat.pid, stat.start)
        known = self._commands.get(key)
        if known is None or known[0] != stat.name or age < YOUNG_SECONDS:
            raw = processes.cmdline(stat.pid, MOST_COMMAND).rstrip(b"\0")
            parts = tuple(part.decode("utf-8", "backslashreplace") for part in raw.split(b"\0")) if raw else ()
            known = self._commands[key] = (stat.name, parts)
        return known[1]

    def opened(self, handle: Handle) -> tuple[OpenFile, ...]:
        """Files that the session's processes have open now, those that may be written first."""
        found: dict[str, OpenFile] = {}
        sample = self._samples.get(handle.session)
        for stat in (sample.stats if sample else ())[:MOST_WHOLE]:
            opened = descriptors.look(stat.pid)
            for path, writes in (opened.files if opened else {}).items():
                if path not in found or (writes and not found[path].writes):
                    found[path] = OpenFile(path, stat.pid, writes)
        return tuple(sorted(found.values(), key=lambda one: not one.writes)[:MOST_OPEN])


def _tree(stats: tuple[Stat, ...]) -> Iterator[tuple[Stat, int]]:
    """Parents before children, each with how deep it is."""
    there = {stat.pid for stat in stats}
    below: dict[int, list[Stat]] = {}
    for stat in stats:
        below.setdefault(stat.ppid if stat.ppid in there else 0, []).append(stat)
    todo = [(stat, 0) for stat in sorted(below.get(0, ()), key=lambda s: -s.pid)]
    while todo:
        stat, depth = todo.pop()
        yield stat, depth
        todo += [(child, depth + 1) for child in sorted(below.get(stat.pid, ()), key=lambda s: -s.pid)]


def _whole(rows: list[ProcessView], wanted: set[int]) -> Iterator[ProcessView]:
    """The rows, those that are wanted with what they have open, where they work and what they wait for."""
    opened = {row.pid: descriptors.look(row.pid) for row in rows if row.pid in wanted}
    known = descriptors.sockets({inode: pid for pid, one in opened.items() if one for inode in one.sockets})
    for row in rows:
        if row.pid not in opened:
            yield row
            continue
        one = opened[row.pid]
        found = [known[inode] for inode in one.sockets if inode in known] if one else []
        yield msgspec.structs.replace(
            row,
            whole=True,
            files=one.total if one else None,
            cwd=processes.folder(row.pid),
            waits=waits if (waits := processes.wait_channel(row.pid)) != "0" else "",
            listening=tuple(dict.fromkeys(str(s) for s in found if s.listens))[:MOST_SOCKETS],
            connected=tuple(dict.fromkeys(str(s) for s in found if not s.listens))[:MOST_SOCKETS],
        )


def _in(handle: Handle, pid: int) -> bool:
    """Whether it came into the group since that was looked at; who cannot be asked is not called an escape."""
    try:
        own = cgroup.path_of(pid)
    except OSError:
        return True
    return own == "" or f"{own}/".startswith(f"{handle.cgroup}/")


def _spent(handle: Handle, seen: float) -> float:
    """The kernel's count for a cgroup, which knows of processes that came and went between two looks; else what was seen."""
    told = cgroup.cpu_seconds(handle.cgroup) if handle.rung is Rung.CGROUP else None
    return seen if told is None else told
