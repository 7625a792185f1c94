"""Take hold of a session: freeze, thaw, stop, kill, each with the kernel's proof or the list of who is left.

Callable from any process of ours, without the daemon; blocking, and bounded: at most `STOP_GRACE` + `KILL_WAIT` + 1 s.
Only the kernel's word is proof: an empty cgroup, the end of a PID namespace, no child left (ECHILD). A sweep over /proc never
is, whatever it did or did not find.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from controlroom.containment import cgroup, control, pidns, processes, sweep
from controlroom.model.agent import Handle, ProcessId, Rung, StopResult, Survivor

FREEZE_WAIT = 2.0  # s for `frozen` to change (measured: 9 ms for 1000 processes)
KILL_WAIT = 2.0  # s for `populated 0` after the kill (measured: 171 ms at most for 1000 processes)
STOP_GRACE = 5.0  # s between TERM and kill
_FREEZER = "do_freezer_trap"  # where a process sleeps that a cgroup v2 froze


def freeze(handle: Handle) -> StopResult:
    """Pause everything in the session. Proof `cgroup frozen 1`; below a cgroup a SIGSTOP sweep, which proves nothing."""
    return _set_frozen(handle, "freeze", True)


def thaw(handle: Handle) -> StopResult:
    """Let the session go on. Proof `cgroup frozen 0`; below a cgroup a SIGCONT sweep, children first."""
    return _set_frozen(handle, "thaw", False)


def _set_frozen(handle: Handle, act: str, frozen: bool) -> StopResult:
    started = time.monotonic()
    if (ended := _ended(handle, act, started)) is not None:
        return ended
    if handle.rung is not Rung.CGROUP:
        roots = sweep_roots(handle)
        why = sweep.pause(roots) if frozen else sweep.resume(roots)
        return _result(handle, act, started, why=f"SIG{'STOP' if frozen else 'CONT'} sweep: no kernel proof{why}")
    try:
        cgroup.set_frozen(handle.cgroup, frozen)
        proved = cgroup.wait(handle.cgroup, lambda state: state.frozen is frozen, started + FREEZE_WAIT)
    except FileNotFoundError:
        return _result(handle, act, started, why="the session has ended: its cgroup is gone")
    except OSError as error:
        return _result(handle, act, started, why=f"{handle.cgroup}: {error.strerror}")
    if proved:
        return _result(handle, act, started, proof=f"cgroup frozen {int(frozen)}")
    running = [stat for stat in members(handle) if processes.wait_channel(stat.pid) != _FREEZER]
    return _result(
        handle,
        act,
        started,
        survivors=sweep.survivors(running),
        why=f"not all {'frozen' if frozen else 'thawed'} after {FREEZE_WAIT:g} s",
    )


def stop(handle: Handle, grace: float = STOP_GRACE) -> StopResult:
    """Ask every process to end (TERM), and kill what is there after `grace` seconds.

    A frozen session is killed at once: it cannot hear TERM, and must not run again just to hear it.
    """
    started = time.monotonic()
    if (ended := _ended(handle, "stop", started)) is not None:
        return ended
    if _is_frozen(handle):
        return _kill(handle, "stop", started, "was frozen: killed without TERM")
    why = ""
    if _has_shim(handle):
        # The shim asks and kills: else it would take the first process's end for the session's, and the others' grace with it.
        answer = control.ask(handle, "stop", grace + KILL_WAIT + 0.5, grace)
        if isinstance(answer, StopResult):
            return _result(handle, "stop", started, answer.proof, answer.killed, answer.survivors, answer.why)
        why = answer
    sweep.terminate(members(handle))
    _wait_empty(handle, started + grace)
    return _kill(handle, "stop", started, why)


def kill(handle: Handle) -> StopResult:
    """End everything in the session now. Proof `cgroup populated 0`, `PID namespace ended`, or `ECHILD` from its shim."""
    started = time.monotonic()
    return _ended(handle, "kill", started) or _kill(handle, "kill", started, "")


def _kill(handle: Handle, act: str, started: float, why: str) -> StopResult:
    if handle.rung is Rung.CGROUP:
        return _kill_cgroup(handle, act, started, why)
    if handle.init is not None:
        return _kill_namespace(handle, handle.init, act, started, why)
    if handle.rung is Rung.SUBREAPER and _has_shim(handle):
        answer = control.ask(handle, "kill", KILL_WAIT + 0.5)
        if isinstance(answer, StopResult):
            return _result(handle, act, started, answer.proof, answer.killed, answer.survivors, answer.why or why)
        why = answer
    killed = sweep.kill(sweep_roots(handle), KILL_WAIT)
    left = sweep.survivors(members(handle))
    return _result(handle, act, started, "", killed, left, "; ".join(filter(None, (why, "a sweep is no proof"))))


def _kill_namespace(handle: Handle, init: ProcessId, act: str, started: float, why: str) -> StopResult:
    try:
        if pidns.end(init, time.monotonic() + KILL_WAIT):
            clear(handle)
            return _result(handle, act, started, "PID namespace ended", why=why)
        why = "; ".join(filter(None, (why, f"its init {init.pid} has not ended after {KILL_WAIT:g} s")))
    except OSError as error:
        why = f"its init {init.pid} cannot be killed: {error.strerror}"
    return _result(handle, act, started, survivors=sweep.survivors(members(handle)), why=why)


def _kill_cgroup(handle: Handle, act: str, started: float, why: str) -> StopResult:
    killed, empty = 0, False
    deadline = time.monotonic() + KILL_WAIT
    try:
        killed = len(cgroup.procs(handle.cgroup))
        while not empty and time.monotonic() < deadline:
            # Repeated only where the kernel kills one by one: with 1000 that are dying each write costs 50 ms (measured).
            pause = KILL_WAIT if cgroup.kill(handle.cgroup) else 0.1
            empty = cgroup.wait(handle.cgroup, _is_empty, min(deadline, time.monotonic() + pause))
    except FileNotFoundError:
        return _after_removal(handle, act, started, killed, why)
    except OSError as error:
        return _result(handle, act, started, "", killed, why=f"{handle.cgroup}: {error.strerror}")
    if empty and _strays(handle):
        return _kill_strays(handle, act, started, killed, why)
    if empty:
        clear(handle)
    proof = "cgroup populated 0" if empty else ""
    return _result(handle, act, started, proof, killed, () if empty else sweep.survivors(members(handle)), why)


def _kill_strays(handle: Handle, act: str, started: float, killed: int, why: str) -> StopResult:
    """The leaf is empty, but somebody lives who moved out: the kernel ends the namespace, or the shim kills until ECHILD."""
    if handle.init is not None:
        return _kill_namespace(handle, handle.init, act, started, why)
    answer = control.ask(handle, "kill", KILL_WAIT + 0.5) if _has_shim(handle) else "it has no shim any more"
    if isinstance(answer, StopResult):
        return _result(handle, act, started, answer.proof, killed + answer.killed, answer.survivors, answer.why or why)
    killed += sweep.kill(_strays(handle), KILL_WAIT)
    left = sweep.survivors(_live(_strays(handle)))
    return _result(handle, act, started, "", killed, left, f"some had left the cgroup, and {answer}: a sweep is no proof")


def _after_removal(handle: Handle, act: str, started: float, killed: int, why: str) -> StopResult:
    """The kernel removes a group only when nothing lives in it; still somebody may have moved out before, and removed it."""
    if _strays(handle):
        return _kill_strays(handle, act, started, killed, why)
    why = "; ".join(filter(None, (why, "removed, as only an empty cgroup can be")))
    return _result(handle, act, started, "cgroup populated 0", killed, why=why)


def clear(handle: Handle) -> None:
    """Where the shim of a session that is over was killed, take away what it would have: an empty leaf, its socket."""
    if _shim_lives(handle):
        return
    if handle.cgroup:
        cgroup.remove(handle.cgroup, 0)
    with suppress(OSError):
        if Path(handle.control).is_socket():
            os.unlink(handle.control)


def _has_shim(handle: Handle) -> bool:
    return handle.control != "" and _shim_lives(handle)


def _shim_lives(handle: Handle) -> bool:
    return handle.shim is not None and processes.is_alive(handle.shim)


def _is_empty(state: cgroup.Events) -> bool:
    return not state.populated


def _is_frozen(handle: Handle) -> bool:
    if handle.rung is not Rung.CGROUP:
        return any(stat.state == "T" for stat in members(handle))
    try:
        return cgroup.events(handle.cgroup).frozen
    except OSError:
        return False


def _wait_empty(handle: Handle, deadline: float) -> None:
    """Until nothing is left that a look can see, at most to `deadline`. No proof: the kill follows in any case."""
    if handle.rung is Rung.CGROUP:
        try:
            cgroup.wait(handle.cgroup, _is_empty, deadline)
        except OSError:
            return  # gone: the kill that follows says what that means
        return
    if handle.init is not None:
        processes.wait_gone(handle.init, deadline - time.monotonic())
        return
    while (left := members(handle)) and (rest := deadline - time.monotonic()) > 0:
        processes.wait_gone(ProcessId(left[0].pid, left[0].start, processes.boot_id()), min(rest, 0.1))


def _ended(handle: Handle, act: str, started: float) -> StopResult | None:
    """A result without doing anything where the session is of an earlier boot: pids mean other processes now."""
    boots = {one.boot for one in (handle.root, handle.init, handle.shim) if one is not None}
    if not boots or processes.boot_id() in boots:
        return None
    why = "the machine has restarted since"
    return _result(handle, act, started, proof="boot id changed" if act in ("stop", "kill") else "", why=why)


def lives(handle: Handle) -> bool:
    """Whether something of the session lives, as far as is known: its shim counts, and what cannot be read counts as alive."""
    known = any(processes.is_alive(one) for one in (handle.root, handle.init, handle.shim) if one is not None)
    if known or handle.rung is not Rung.CGROUP:
        return known
    try:
        return cgroup.events(handle.cgroup).populated
    except FileNotFoundError:
        return False
    except OSError:
        return True


def is_frozen(handle: Handle) -> bool:
    """Whether the kernel says that the session's cgroup is frozen; below a cgroup nothing says so. Raises OSError."""
    return handle.rung is Rung.CGROUP and cgroup.events(handle.cgroup).frozen


def sweep_roots(handle: Handle) -> list[int]:
    """The pids whose descendants (and, but for the shim and a namespace's init, themselves) a sweep falls on."""
    if handle.init is not None:
        return processes.children(handle.init.pid) if processes.is_alive(handle.init) else []
    roots = [handle.root.pid] if handle.root is not None and processes.is_alive(handle.root) else []
    if handle.shim is not None and processes.is_alive(handle.shim):
        roots += processes.children(handle.shim.pid)
    else:
        roots += processes.marked(handle.session, handle.tag)  # nobody is left above them who would know them
    return list(dict.fromkeys(roots))


def pids(handle: Handle) -> list[int]:
    """Who is in the session, as `members`, but without a look at each where the cgroup tells."""
    if handle.rung is not Rung.CGROUP:
        return [stat.pid for stat in members(handle)]
    try:
        return cgroup.procs(handle.cgroup)
    except OSError:
        return []


def glance(handle: Handle, deadline: float) -> tuple[list[int], bool]:
    """As `pids`, for the moment of a kill: below a cgroup a walk to time.monotonic() `deadline`; whether it was whole.

    Who is dead and not reaped may be among them.
    """
    return (pids(handle), True) if handle.rung is Rung.CGROUP else processes.below(sweep_roots(handle), deadline)


def members(handle: Handle) -> list[processes.Stat]:
    """Who is in the session as one look shows it: by cgroup, else by parents. No proof. Zombies are dead (K06)."""
    if handle.rung is not Rung.CGROUP:
        return _live(sweep_roots(handle))
    try:
        stats = [processes.read_stat(pid) for pid in cgroup.procs(handle.cgroup)]
    except OSError:
        return []
    return [stat for stat in stats if stat is not None and not stat.dead]


def _live(roots: list[int]) -> list[processes.Stat]:
    return [stat for stat in processes.forest(roots) if not stat.dead]


def _strays(handle: Handle) -> list[int]:
    """Who lives although the kernel says that the leaf is empty: they moved out of it.

    Of a living shim its children are enough: who was below a dead member has come up to it. Else the first process, and who
    bears the session's marks.
    """
    if handle.shim is not None and _shim_lives(handle):
        found = processes.children(handle.shim.pid)
    elif handle.control:
        found = processes.marked(handle.session, handle.tag)
    else:
        found = []
    if handle.root is not None and processes.is_alive(handle.root):
        found.append(handle.root.pid)
    stats = [processes.read_stat(pid) for pid in dict.fromkeys(found)]
    return [stat.pid for stat in stats if stat is not None and not stat.dead and not (stat.exiting and stat.threads <= 1)]


def _result(
    handle: Handle,
    act: str,
    started: float,
    proof: str = "",
    killed: int = 0,
    survivors: tuple[Survivor, ...] = (),
    why: str = "",
) -> StopResult:
    elapsed = round((time.monotonic() - started) * 1000)
    return StopResult(handle.session, act, proof, elapsed, killed, survivors, why)
