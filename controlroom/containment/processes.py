"""Processes by identity (pid + start time + boot id): who they are, whose children they are, which session holds them.

Facts come from /proc. A listing made here is never proof that something is gone: it can miss processes that fork and
die faster than it reads (measured: lost in 5 of 5 runs).
"""

import os
import select
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from controlroom.containment import cgroup
from controlroom.model.agent import Handle, ProcessId

MARK = "CONTROLROOM_SESSION"  # variable that names the session; a mark for a sweep, never an identity: anybody can set it
_MAX_DEPTH = 4096  # parents walked before a chain counts as endless
_EXITING = 0x4  # PF_EXITING (include/linux/sched.h)
_STAT_BYTES = 4096  # more than 52 numbers and a name take
_DEAD = frozenset("ZXx")  # zombies and processes being torn down run nothing any more


class GoneError(ProcessLookupError):
    """The process that was asked about is not there (any more); nobody may be judged by a pid that is gone."""


class Stat(msgspec.Struct, frozen=True):
    """What /proc/PID/stat says. `name` is the kernel's comm, chosen by the process; `start` is in clock ticks since boot.

    `ticks`: CPU used so far, user and system, in clock ticks; `pages`: resident memory. `exiting`: it is on its way out of the
    kernel and runs nothing of its own any more; it has left its control group before it is seen as a zombie.
    """

    pid: int
    name: str
    state: str
    ppid: int
    group: int
    sid: int
    foreground: int
    threads: int
    start: int
    ticks: int = 0
    pages: int = 0
    exiting: bool = False

    @property
    def dead(self) -> bool:
        """Whether it only waits to be reaped. A leader that ended before its threads looks like a zombie and runs on."""
        return self.state in _DEAD and self.threads <= 1


def boot_id() -> str:
    """The kernel's random id of this boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("utf-8").strip()


def parse_stat(raw: bytes) -> Stat:
    """Read one /proc/PID/stat line. The name may hold blanks, brackets and newlines, so fields count from the last `)`."""
    head, _, tail = raw.rpartition(b")")
    pid, _, name = head.partition(b" (")
    fields = tail.split(None, 22)  # field 24 is the last that is read
    ppid, group, sid, foreground, threads, start = (int(fields[at]) for at in (1, 2, 3, 5, 17, 19))
    return Stat(
        pid=int(pid),
        name=name.decode("utf-8", "backslashreplace"),
        state=fields[0].decode("utf-8"),
        ppid=ppid,
        group=group,
        sid=sid,
        foreground=foreground,
        threads=threads,
        start=start,
        ticks=int(fields[11]) + int(fields[12]),
        pages=max(0, int(fields[21])),
        exiting=bool(int(fields[6]) & _EXITING),
    )


def read_stat(pid: int) -> Stat | None:
    """The stat of `pid`, None where no such process is."""
    try:
        descriptor = os.open(
            f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC
        )  # half the time of a file object: a stop reads many
    except (FileNotFoundError, ProcessLookupError):  # the kernel gives either, by how far its end has come
        return None
    try:
        return parse_stat(os.read(descriptor, _STAT_BYTES))
    except ProcessLookupError:
        return None
    finally:
        os.close(descriptor)


def identify(pid: int) -> ProcessId | None:
    """The process that has `pid` now, for all time; None where there is none. A zombie still has its identity."""
    stat = read_stat(pid)
    return None if stat is None else ProcessId(pid, stat.start, boot_id())


def is_alive(process: ProcessId) -> bool:
    """Whether this very process still runs: same start time, same boot, not a zombie."""
    if process.boot != boot_id():
        return False
    stat = read_stat(process.pid)
    return stat is not None and stat.start == process.start and not stat.dead


def open_pidfd(process: ProcessId) -> int | None:
    """A pidfd of this very process, None if it is gone. The start time is read after opening, so a reused pid is seen (K01).

    Raises OSError where the kernel has no pidfd or no descriptor is left. The caller closes it.
    """
    try:
        descriptor = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return None
    if is_alive(process):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def _pidfd(process: ProcessId) -> Iterator[int | None]:
    """`open_pidfd`, closed at the end."""
    descriptor = open_pidfd(process)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def send(process: ProcessId, number: int) -> bool:
    """Signal this very process. False if it is gone. Raises PermissionError where the kernel refuses."""
    with _pidfd(process) as descriptor, suppress(ProcessLookupError):
        if descriptor is not None:
            signal.pidfd_send_signal(descriptor, number)
            return True
    return False


def wait_gone(process: ProcessId, seconds: float) -> bool:
    """Wait at most `seconds` until this process has ended (its pidfd is readable)."""
    with _pidfd(process) as descriptor:
        if descriptor is None:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(max(0, round(seconds * 1000))))


def ancestors(pid: int) -> list[ProcessId]:
    """Its parent, the parent's parent ... up to init, nearest first. Ends early where one of them goes while we look."""
    chain: list[ProcessId] = []
    boot = boot_id()
    stat = read_stat(pid)
    while stat is not None and stat.ppid > 0 and len(chain) < _MAX_DEPTH:
        stat = read_stat(stat.ppid)
        if stat is not None:
            chain.append(ProcessId(stat.pid, stat.start, boot))
    return chain


def session_of(pid: int, handles: Iterable[Handle]) -> str | None:
    """Which session the process belongs to: by its cgroup, then by a parent that is a session's shim or first process, and
    last by the tag that only a process which lost all its parents still has.

    A shim itself belongs to no session. Raises GoneError if the process ended while we looked, so that nobody is taken for
    an outsider because there was nothing to read.
    """
    known = list(handles)
    before = identify(pid)
    if before is None:
        raise GoneError(f"process {pid} is gone")
    found = _by_cgroup(pid, known) or _by_ancestry(before, known) or _by_tag(before, known)
    if not is_alive(before):
        raise GoneError(f"process {pid} ended while it was looked at")
    return found


def _by_cgroup(pid: int, handles: Sequence[Handle]) -> str | None:
    own = cgroup.path_of(pid)
    if own == "":
        return None
    inside = [handle for handle in handles if handle.cgroup and f"{own}/".startswith(f"{handle.cgroup}/")]
    return max(inside, key=lambda handle: len(handle.cgroup)).session if inside else None


def _by_ancestry(process: ProcessId, handles: Sequence[Handle]) -> str | None:
    owners = {one: handle.session for handle in handles for one in (handle.root, handle.init) if one is not None}
    if process in owners:
        return owners[process]
    owners |= {handle.shim: handle.session for handle in handles if handle.shim is not None}
    return next((owners[parent] for parent in ancestors(process.pid) if parent in owners), None)


def _by_tag(process: ProcessId, handles: Sequence[Handle]) -> str | None:
    tags = {handle.tag: handle.session for handle in handles if handle.tag}
    if not tags or process in {handle.shim for handle in handles}:
        return None
    return tags.get(tag_of(process.pid))


def tag_of(pid: int) -> int:
    """The hard RLIMIT_MSGQUEUE of a process, which outlives fork, exec and an emptied environment; 0 where it is not told."""
    try:
        with Path(f"/proc/{pid}/limits").open("rb", buffering=0) as file:
            lines = file.read(8192).splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0
    words = next((line.split() for line in lines if line.startswith(b"Max msgqueue size")), [])
    return int(words[4]) if len(words) > 4 and words[4].isdigit() else 0


def marked(session: str, tag: int) -> list[int]:
    """Every process that has this session's tag, or its name in the environment that it was started with: one look, no proof.

    An emptied environment loses the one mark, a limit that was lowered the other.
    """
    name = f"{MARK}={session}".encode()
    found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    return [pid for pid in found if (tag and tag_of(pid) == tag) or name in _environment(pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone, or another user's: it was not started by ours
        return []


def hurry(pid: int) -> None:
    """Let a process that is to end others have its turn before them, where the kernel lets us: root, or RLIMIT_RTPRIO.

    Among a thousand that beat, fork and spin it would wait for them: an eighth of the time that their end takes (measured).
    """
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))


def children(pid: int) -> list[int]:
    """Direct children by all threads of `pid`. Exact for our own children; a hint for those of others."""
    found: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_bytes().split()]
    except (FileNotFoundError, ProcessLookupError):
        return found
    return found


def below(roots: Iterable[int], deadline: float) -> tuple[list[int], bool]:
    """These processes and their descendants by what each calls its children, until time.monotonic() `deadline`; whether that
    was all. Costs nothing for who is not below them, but a child that comes or goes meanwhile may be missed.
    """
    found = list(dict.fromkeys(roots))
    known = set(found)
    for pid in found:  # grows while it is walked
        if time.monotonic() > deadline:
            return found, False
        new = [child for child in children(pid) if child not in known]
        known.update(new)
        found += new
    return found, True


def cmdline(pid: int, limit: int = 4096) -> bytes:
    """The first `limit` bytes of its argument vector, NUL between arguments; empty for zombies and kernel threads."""
    try:
        with Path(f"/proc/{pid}/cmdline").open("rb", buffering=0) as file:
            return file.read(limit)
    except (FileNotFoundError, ProcessLookupError):
        return b""


def uid_of(pid: int) -> int | None:
    """The owner of the process, None where it is gone."""
    try:
        return Path(f"/proc/{pid}").stat().st_uid
    except (FileNotFoundError, ProcessLookupError):
        return None


def folder(pid: int) -> str:
    """Where it works, "" where that may not be seen or it is gone."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def wait_channel(pid: int) -> str:
    """Where in the kernel it sleeps, "" where that is not told."""
    try:
        return Path(f"/proc/{pid}/wchan").read_text("utf-8")
    except OSError:
        return ""


def listing() -> dict[int, Stat]:
    """Every process that can be seen now."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := read_stat(int(name))) is not None:
            found[stat.pid] = stat
    return found


def tree(pid: int) -> list[Stat]:
    """The descendants of `pid`, parents before children, without itself: what one look at /proc shows, no more."""
    return [stat for stat in forest([pid]) if stat.pid != pid]


def forest(roots: Iterable[int]) -> list[Stat]:
    """These processes and all their descendants, each once, parents before children: one look at /proc (15 ms per 1000)."""
    seen = listing()
    offspring: dict[int, list[Stat]] = {}
    for stat in seen.values():
        offspring.setdefault(stat.ppid, []).append(stat)
    tops = {root: seen[root] for root in roots if root in seen}
    found = [stat for stat in tops.values() if not _below(stat, tops, seen)]
    for stat in found:  # grows while it is walked
        found += offspring.get(stat.pid, [])
    return found


def _below(stat: Stat, tops: Mapping[int, Stat], seen: Mapping[int, Stat]) -> bool:
    """Whether a parent of it is one of `tops`."""
    for _ in range(_MAX_DEPTH):
        if stat.ppid in tops:
            return True
        if stat.ppid not in seen:
            return False
        stat = seen[stat.ppid]
    return False
