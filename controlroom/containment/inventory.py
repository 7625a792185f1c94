"""What a session was at when it was stopped: processes, files open for write, sockets. One bounded look, nothing more."""

import time

from controlroom.containment import descriptors, hold, processes
from controlroom.model.agent import Handle, Inventory

MOST = 50  # names of a sort; the counts go on
MANY = 200  # processes of which a short look sees a part in any case
BRIEF = 0.0003  # s that are left for that part


def take(handle: Handle, seconds: float, *, brief: bool = False) -> Inventory:
    """Look at the session's processes for at most about `seconds`; `partial` where that was not enough. Never raises for
    what is gone or may not be read: it is then not listed. `brief`: somebody waits to kill them, and of many a part must do.
    """
    deadline = time.monotonic() + seconds
    pids, whole = hold.glance(handle, deadline - seconds / 2)
    if brief and len(pids) > MANY:
        deadline = time.monotonic() + BRIEF
    commands: list[str] = []
    writing: dict[str, None] = {}
    sockets: dict[str, int] = {}  # inode → pid
    partial = not whole
    count = len(pids)
    for pid in pids:
        if time.monotonic() > deadline:
            partial = True
            break
        if len(commands) < MOST:
            if command := _command(pid):
                commands.append(command)
            else:
                count -= 1  # dead, and not reaped
        opened = descriptors.look(pid)
        if opened is not None:
            writing.update(dict.fromkeys(path for path, writes in opened.files.items() if writes))
            sockets.update(dict.fromkeys(opened.sockets, pid))
    found = descriptors.sockets(sockets).values()
    listening = dict.fromkeys(str(one) for one in found if one.listens)
    connected = dict.fromkeys(str(one) for one in found if not one.listens)
    return Inventory(
        processes=count,
        commands=tuple(commands),
        writing=tuple(writing)[:MOST],
        listening=tuple(listening)[:MOST],
        connected=tuple(connected)[:MOST],
        files=len(writing),
        partial=partial,
    )


def _command(pid: int) -> str:
    """Its pid and command line, "" where it runs no more."""
    words = processes.cmdline(pid, 300).rstrip(b"\0").replace(b"\0", b" ")
    if not words:
        stat = processes.read_stat(pid)
        return "" if stat is None or stat.dead else f"{pid} {stat.name}"
    return f"{pid} {words.decode('utf-8', 'backslashreplace')}"
