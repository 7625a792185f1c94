"""Taking hold of every session without the daemon, by the handles on disk: the emergency stop's last means."""

import os
import threading
import time
from collections.abc import Callable

import msgspec

from controlroom.containment import cgroup, hold, processes
from controlroom.model.agent import Handle, Rung, StopResult
from controlroom.storage import handles as shelf
from controlroom.storage.paths import Insecure, Places, places

HOOKS_SECONDS = (
    0.25  # a waiting hook's agent is never frozen: its timer would run out and the call would run (safety.md rule 4)
)
_HOOK = b"/hook.py\0"
_STATES = {"freeze": "paused", "kill": "stopped"}

Row = dict[str, object]


def stop_all(wrong: Callable[[str], object]) -> tuple[list[Row], bool]:
    """Freeze every session whose rung can, kill the others, all at once; what came of each, and whether all were found.

    `wrong` is told in words what could not be found.
    """
    try:
        found = shelf.scan(places(os.environ).agents)
    except (OSError, Insecure) as error:
        wrong(f"the sessions cannot be listed: {error}")
        return [], False
    for problem in found.unreadable:
        wrong(f"a session cannot be taken hold of: {problem}")
    mine = own_session(found.handles)
    rows: dict[str, Row] = {}
    others = [handle for handle in found.handles if handle.session != mine]
    threads = [threading.Thread(target=_into, args=(rows, handle)) for handle in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for handle in found.handles:
        if handle.session == mine:  # this process goes down with it, so it comes last
            _into(rows, handle)
    complete = not found.unreadable and len(rows) == len(found.handles)
    return [rows[handle.session] for handle in found.handles if handle.session in rows], complete


def own_session(handles: tuple[Handle, ...]) -> str | None:
    """The session that this process runs in, None outside of all."""
    return processes.session_of(os.getpid(), handles)


def inside(where: Places) -> str | None:
    """The session that this process runs in, as the handles on disk tell. Raises OSError where they cannot be listed."""
    return own_session(shelf.scan(where.agents).handles)


def _into(rows: dict[str, Row], handle: Handle) -> None:
    try:
        result = _stop(handle)
    except OSError as error:
        result = StopResult(handle.session, "kill", "", 0, why=f"it could not be taken hold of: {error}")
    state = _STATES.get(result.act, "stopped") if result.confirmed else "not confirmed"
    rows[handle.session] = {
        "id": handle.session,
        "name": handle.name,
        "state": state,
        "proof": result.proof,
        "ms": result.ms,
        "survivors": msgspec.to_builtins(result.survivors),
        "why": result.why,
        "found": None,
    }


def _stop(handle: Handle) -> StopResult:
    if handle.rung is not Rung.CGROUP or not _hooks_gone(handle):
        return hold.kill(handle)
    frozen = hold.freeze(handle)
    return frozen if frozen.confirmed else hold.kill(handle)


def _hooks_gone(handle: Handle) -> bool:
    """Whether no hook of the session waits for an answer any more; waits for it a moment. Unknown is no."""
    deadline = time.monotonic() + HOOKS_SECONDS
    while True:
        try:
            waiting = [pid for pid in cgroup.procs(handle.cgroup) if _HOOK in processes.cmdline(pid)]
        except FileNotFoundError:
            return True  # the cgroup is gone: freeze says what that means
        if not waiting:
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        identity = processes.identify(waiting[0])
        if identity is not None:
            processes.wait_gone(identity, left)
