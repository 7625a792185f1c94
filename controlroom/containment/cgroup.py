"""One cgroup v2 leaf: make it, join it, freeze, thaw and kill what is in it, and read the kernel's proof.

`leaf` is an absolute path on a cgroup2 mount. Nothing here needs a controller: these are core files of every cgroup.
"""

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

_FIRST_LOOK, _LAST_LOOK = 0.001, 0.02  # s between two looks at a group that changes
_MAX_GROUPS = 4096  # groups that a session may have made below its own before we stop walking


class Mount(msgspec.Struct, frozen=True):
    """Where the cgroup v2 hierarchy is mounted: `point` shows the hierarchy's `root` and what is below it."""

    point: str
    root: str


class Events(msgspec.Struct, frozen=True):
    """`cgroup.events`: whether anything lives in the group or below it, and whether all of it is frozen."""

    populated: bool
    frozen: bool


def mount(mountinfo: str | None = None) -> Mount | None:
    """The first cgroup2 mount in /proc/self/mountinfo (or in the text given), None where there is none."""
    for line in (Path("/proc/self/mountinfo").read_text("utf-8") if mountinfo is None else mountinfo).splitlines():
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if right.split(" ")[0] == "cgroup2" and len(fields) > 4:
            return Mount(point=_unescape(fields[4]), root=_unescape(fields[3]))
    return None


def _unescape(field: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, char)
    return field


def path_of(pid: int, at: Mount | None = None) -> str:
    """The absolute path of the v2 group that `pid` is in, "" where there is none or it is outside of the mount.

    Raises PermissionError where /proc may not be read: an unknown is not an outsider.
    """
    where = at or mount()
    if where is None:
        return ""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text("utf-8", "surrogateescape").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    for line in lines:
        if line.startswith("0::"):
            return absolute(line.removeprefix("0::").removesuffix(" (deleted)"), where)
    return ""


def absolute(path: str, at: Mount) -> str:
    """A path as /proc/PID/cgroup names it, as an absolute path on the mount; "" if the mount does not show it."""
    root = at.root.rstrip("/")
    if not f"{path}/".startswith(f"{root}/"):
        return ""
    return (at.point + path[len(root) :]).rstrip("/")


def create(leaf: str) -> None:
    """Make the leaf and the folder of all sessions above it. Raises OSError (FileExistsError: the leaf was there)."""
    Path(leaf).parent.mkdir(mode=0o755, exist_ok=True)
    Path(leaf).mkdir(mode=0o755)


def share_controllers(base: str) -> None:
    """Let groups in `base` be limited, by each controller that the group above hands down; the others stay unused."""
    for controller in ("+pids", "+memory"):
        with suppress(OSError):  # not handed down to us, or another hierarchy has it
            _write(base, "cgroup.subtree_control", controller)


def limit(leaf: str, processes: int | None, memory: int | None) -> None:
    """Have the kernel refuse more `processes` and `memory` (bytes), where the leaf has the controller. Raises OSError."""
    for name, most in (("pids.max", processes), ("memory.max", memory)):
        if most is not None and Path(leaf, name).exists():
            _write(leaf, name, str(most))


def join(leaf: str) -> None:
    """Move the calling process into the leaf. Raises OSError."""
    _write(leaf, "cgroup.procs", "0")


def put(leaf: str, pid: int) -> None:
    """Move another process into the leaf. Raises OSError (ProcessLookupError: it is gone)."""
    _write(leaf, "cgroup.procs", str(pid))


def _write(leaf: str, name: str, value: str) -> None:
    # No O_CREAT: in a folder that is no cgroup this fails instead of making a file.
    descriptor = os.open(f"{leaf}/{name}", os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode("utf-8"))
    finally:
        os.close(descriptor)


def set_frozen(leaf: str, frozen: bool) -> None:
    """Ask the kernel to freeze or thaw the whole leaf; `wait` for the proof. Raises OSError."""
    _write(leaf, "cgroup.freeze", "1" if frozen else "0")


def kill(leaf: str) -> bool:
    """SIGKILL everything in the leaf and below, forks in flight included (`cgroup.kill`, Linux 5.14): True, once is enough.

    On older kernels one round of SIGKILL to every member: False, the caller repeats until `populated` is false. Raises OSError.
    """
    try:
        _write(leaf, "cgroup.kill", "1")
        return True
    except FileNotFoundError:
        events(leaf)  # raises where it is the leaf that is missing
        for pid in procs(leaf):
            _kill_member(leaf, pid)
        return False


def _kill_member(leaf: str, pid: int) -> None:
    """SIGKILL by pidfd, and only while it is in the leaf: its pid may mean another process by now (K01)."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if f"{path_of(pid)}/".startswith(f"{leaf}/"):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def events(leaf: str) -> Events:
    """What the kernel says of the leaf. Raises FileNotFoundError if it is gone."""
    return _parse_events(Path(f"{leaf}/cgroup.events").read_bytes())


def _parse_events(raw: bytes) -> Events:
    words = raw.split()
    facts = dict(zip(words[::2], words[1::2], strict=False))
    return Events(populated=facts[b"populated"] != b"0", frozen=facts.get(b"frozen", b"0") != b"0")


def wait(leaf: str, wanted: Callable[[Events], bool], deadline: float) -> bool:
    """Wait until `wanted` holds or time.monotonic() reaches `deadline`. Raises FileNotFoundError if the leaf is gone, or goes.

    The kernel wakes us, but tells a second change within 10 ms late, and never where the leaf is removed before (measured).
    So we also look by ourselves, more and more seldom.
    """
    pause = _FIRST_LOOK
    descriptor = os.open(f"{leaf}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLPRI)
        while True:
            try:
                state = _parse_events(os.pread(descriptor, 4096, 0))
            except OSError as error:  # ENODEV: the group was removed under us
                raise FileNotFoundError(error.errno, "the cgroup is gone", leaf) from error
            if wanted(state):
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            poll.poll(min(left, pause) * 1000)
            pause = min(pause * 1.5, _LAST_LOOK)
    finally:
        os.close(descriptor)


def groups(leaf: str) -> list[str]:
    """The leaf and every group that was made below it, outer first. Bounded. Raises FileNotFoundError if it is gone."""
    found = [leaf]
    for group in found:
        try:
            with os.scandir(group) as entries:
                found += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            if group == leaf:
                raise
        if len(found) > _MAX_GROUPS:
            break
    return found


def procs(leaf: str) -> list[int]:
    """The pids in the leaf and below it. Raises FileNotFoundError if it is gone."""
    found: list[int] = []
    for group in groups(leaf):
        try:
            found += [int(pid) for pid in Path(f"{group}/cgroup.procs").read_bytes().split()]
        except (FileNotFoundError, OSError) as error:
            if group == leaf:
                raise FileNotFoundError(error.errno, "the cgroup cannot be read", leaf) from error
    return found


def cpu_seconds(leaf: str) -> float | None:
    """CPU time of all that ever lived in the leaf (`cpu.stat`, which needs no controller); None where it cannot be told."""
    try:
        words = Path(f"{leaf}/cpu.stat").read_bytes().split()
    except OSError:
        return None
    facts = dict(zip(words[::2], words[1::2], strict=False))
    return int(facts[b"usage_usec"]) / 1e6 if b"usage_usec" in facts else None


def remove(leaf: str, seconds: float = 1.0) -> bool:
    """Remove the leaf and what is below it once it is empty. False if it was not within `seconds`. Missing is removed."""
    deadline = time.monotonic() + seconds
    try:
        if not wait(leaf, lambda state: not state.populated, deadline):
            return False
        for group in reversed(groups(leaf)):
            os.rmdir(group)
    except FileNotFoundError:
        return True
    except OSError:  # EBUSY: somebody moved in between
        return False
    return True
