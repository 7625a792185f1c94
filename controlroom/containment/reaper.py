"""The subreaper's half of a stop: kill direct children and wait, until the kernel says that there are none (ECHILD).

Orphans of the agent come up to us as direct children, so the loop needs no tree (measured: 40-57 rounds in 8 ms for a
chain that forks and dies every 5 ms).
"""

import ctypes
import os
import signal
import time

from controlroom.containment import processes, sweep
from controlroom.model.agent import StopResult

_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PAUSE = 0.0005  # s between rounds in which nothing died


def become_subreaper() -> None:
    """Make this process the parent of every orphan below it, and unreadable for others of its uid. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_CHILD_SUBREAPER, 1), (_PR_SET_DUMPABLE, 0)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"prctl {option}: {os.strerror(number)}")


class Reaper:
    """Reaps all children of this process and remembers how the agent's first process ended."""

    def __init__(self, session: str, root: int) -> None:
        self._session = session
        self._root = root
        self._killed: set[int] = set()  # children that will die, and are not reaped: their pids mean nobody else
        self.status: int | None = None  # exit status of the root, 128 + signal if one ended it

    def reap(self) -> tuple[int, bool]:
        """Reap what has died: how many, and whether the kernel says that no child is left (ECHILD)."""
        count = 0
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return count, True
            if pid == 0:
                return count, False
            count += 1
            self._killed.discard(pid)
            if pid == self._root:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code

    def kill_all(self, seconds: float) -> StopResult:
        """Kill every child and orphan below this process, within `seconds`. Proof `ECHILD`, or who is left and why."""
        started = time.monotonic()
        killed, none_left = 0, self.reap()[1]
        while not none_left and time.monotonic() - started < seconds:
            # Nobody is killed twice: of a thousand that are dying a round would take so long that a chain gets away again.
            new = [pid for pid in processes.children(os.getpid()) if pid not in self._killed and _kill_child(pid)]
            self._killed.update(new)
            reaped, none_left = self.reap()
            killed += reaped
            if not new and not reaped and not none_left:
                time.sleep(_PAUSE)
        left = () if none_left else sweep.survivors(processes.tree(os.getpid()))
        elapsed = round((time.monotonic() - started) * 1000)
        return StopResult(self._session, "kill", "ECHILD" if none_left else "", elapsed, killed, left)

    def root_stopped(self) -> bool:
        """Whether the root was stopped by a signal since this was last asked."""
        try:
            found = os.waitid(os.P_PID, self._root, os.WSTOPPED | os.WNOHANG)
        except ChildProcessError:
            return False
        return found is not None


def _kill_child(pid: int) -> bool:
    """Whether it will die."""
    try:
        os.kill(pid, signal.SIGKILL)  # our own child, not reaped: the pid cannot mean another process
    except PermissionError:
        return False  # another user's: it stays in the list of survivors, unless it becomes ours again
    return True
