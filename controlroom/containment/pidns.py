"""A PID namespace: who its first process is, and its end, which the kernel makes the end of all that is in it.

Nobody can leave a PID namespace, and its init is dead only when everybody else in it is (`zap_pid_ns_processes`).
"""

import signal
import time
from pathlib import Path

from controlroom.containment import processes
from controlroom.model.agent import ProcessId


def init_below(pid: int) -> ProcessId | None:
    """The first process of the namespace that a child of `pid` (a bwrap) began, None where there is none."""
    for child in processes.children(pid):
        if _numbers(child)[-1:] == [1]:
            return processes.identify(child)
    return None


def _numbers(pid: int) -> list[int]:
    """Its pid in each namespace that it is in, ours first; empty where it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8", "backslashreplace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    line = next((line for line in status.splitlines() if line.startswith("NSpid:")), "")
    return [int(number) for number in line.split()[1:]]


def end(init: ProcessId, deadline: float) -> bool:
    """Kill the namespace's init; whether it is gone, and with it the namespace, at time.monotonic() `deadline`.

    Raises PermissionError where the kernel does not let us.
    """
    if processes.send(init, 0):
        processes.hurry(init.pid)  # it ends all others itself
    processes.send(init, signal.SIGKILL)
    return processes.wait_gone(init, max(0.0, deadline - time.monotonic()))
