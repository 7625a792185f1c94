"""Taking hold of every session without the daemon, by the handles on disk: the emergency stop's last means."""

import os
import threading
import time
from collections.abc import Callable

import msgspec

from controlroom.containment import hold, hooks, processes
from controlroom.model.agent import Handle, Rung, StopResult
from controlroom.model.ready import ready_for_threads
from controlroom.storage import handles as shelf
from controlroom.storage.paths import Insecure, Places, places

_STATES = {"freeze": "paused", "kill": "stopped"}

Row = dict[str, object]


def stop_all(wrong: Callable[[str], object], since: float) -> tuple[list[Row], bool]:
    """Freeze every session whose rung can, kill the others, all at once; what came of each, and whether all were found.

    `wrong` is told in words what could not be found. `since`: when it was asked for (time.monotonic()): the wait for a daemon
    that hangs is part of how long it took.
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
    ready_for_threads()  # each hears what its shim says
    threads = [threading.Thread(target=_into, args=(rows, handle, since)) for handle in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for handle in found.handles:
        if handle.session == mine:  # this process goes down with it, so it comes last
            _into(rows, handle, since)
    complete = not found.unreadable and len(rows) == len(found.handles)
    return [rows[handle.session] for handle in found.handles if handle.session in rows], complete


def own_session(handles: tuple[Handle, ...]) -> str | None:
    """The session that this process runs in, None outside of all."""
    return processes.session_of(os.getpid(), handles)


def inside(where: Places) -> str | None:
    """The session that this process runs in, as the handles on disk tell. Raises OSError where they cannot be listed."""
    return own_session(shelf.scan(where.agents).handles)


def _into(rows: dict[str, Row], handle: Handle, since: float) -> None:
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
        "ms": round((time.monotonic() - since) * 1000),
        "survivors": msgspec.to_builtins(result.survivors),
        "why": result.why,
        "found": None,
    }


def _stop(handle: Handle) -> StopResult:
    if handle.rung is not Rung.CGROUP or not hooks.gone(handle):
        return hold.kill(handle)
    frozen = hold.freeze(handle)
    return frozen if frozen.confirmed else hold.kill(handle)
