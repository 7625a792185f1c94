"""The daemon's turn on a busy processor: before what it may have to stop."""

import os
from contextlib import suppress
from pathlib import Path

NICE = -15  # sched(7): some 28 times the share of a process at 0


def go_first() -> None:
    """Take a place before everybody else, where the kernel lets us: as root, or by RLIMIT_NICE. Elsewhere nothing changes.

    A session is a group of its own to the scheduler (sched(7), autogroup), so nice alone counts for nothing beside a tree whose
    every process began a session: a thousand of them let a kill wait for up to 30 ms (measured).
    """
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    if os.getsid(0) == os.getpid():  # else it is not our group alone
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
