"""Hook processes of a session: an agent is never frozen while one of them waits, or its timer runs out and the call runs
(safety.md, rule 4). Found by their command line, so also one that is only starting, and one that an earlier daemon knew.
"""

import re
import time

from controlroom.containment import hold, processes
from controlroom.model.agent import Handle, ProcessId

SECONDS = 0.25  # that they get to leave
BEAT_SECONDS = 0.05  # for the agent to read its hook's answer before it is frozen
_ISOLATED = [b"-I", b"-S"]  # how the client is started (agents/command.py)
_LINE = re.compile(rb"(?:echo '\{[^']*' >&2; )?'?/[^|;&]* -I -S [^|;&]*/hook\.py\b")  # what the shell around it was given


def gone(handle: Handle, seconds: float = SECONDS) -> bool:
    """Whether no hook of the session waits any more; blocks for at most `seconds` and a beat. Unknown is no."""
    deadline = time.monotonic() + seconds
    seen = False
    while True:
        try:
            waiting = _one(handle)
        except PermissionError:
            return False
        if waiting is None:
            break
        seen = True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        processes.wait_gone(waiting, left)
    if seen:
        time.sleep(BEAT_SECONDS)
    return True


def _one(handle: Handle) -> ProcessId | None:
    """A hook of the session that lives, None without one. Raises PermissionError."""
    for pid in hold.pids(handle):
        found = processes.identify(pid) if _is_hook(processes.cmdline(pid).split(b"\0")) else None
        if found is not None and processes.is_alive(found):
            return found
    return None


def _is_hook(words: list[bytes]) -> bool:
    """Whether these are the client's words, or its shell's. An agent's own may hold the line too: its settings name it."""
    if words[1:3] == _ISOLATED:
        return len(words) > 3 and words[3].endswith(b"/hook.py")
    return len(words) > 2 and words[1] == b"-c" and _LINE.match(words[2]) is not None
