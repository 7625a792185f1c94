"""What a session was at when it was stopped: processes, files open for write, sockets. One bounded look, nothing more."""

import os
import socket
import struct
import time
from pathlib import Path

from controlroom.containment import hold, processes
from controlroom.model.agent import Handle, Inventory

MOST = 50  # names of a sort; the counts go on
_WRITES = os.O_WRONLY | os.O_RDWR
_TABLES = (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6), ("udp", socket.AF_INET), ("udp6", socket.AF_INET6))
_LISTEN, _UNCONNECTED = "0A", "07"  # states in /proc/net/tcp and udp (include/net/tcp_states.h)


def take(handle: Handle, seconds: float) -> Inventory:
    """Look at the session's processes for at most about `seconds`; `partial` where that was not enough. Never raises for
    what is gone or may not be read: it is then not listed.
    """
    deadline = time.monotonic() + seconds
    pids = hold.pids(handle)
    commands: list[str] = []
    writing: dict[str, None] = {}
    sockets: dict[str, int] = {}  # inode → pid
    partial = False
    for pid in pids:
        if time.monotonic() > deadline:
            partial = True
            break
        if len(commands) < MOST:
            commands.append(_command(pid))
        _descriptors(pid, writing, sockets)
    listening, connected = _sockets(sockets)
    return Inventory(
        processes=len(pids),
        commands=tuple(commands),
        writing=tuple(writing)[:MOST],
        listening=tuple(listening)[:MOST],
        connected=tuple(connected)[:MOST],
        files=len(writing),
        partial=partial,
    )


def _command(pid: int) -> str:
    words = processes.cmdline(pid, 300).rstrip(b"\0").replace(b"\0", b" ")
    if not words and (stat := processes.read_stat(pid)) is not None:
        return f"{pid} {stat.name}"
    return f"{pid} {words.decode('utf-8', 'backslashreplace')}"


def _descriptors(pid: int, writing: dict[str, None], sockets: dict[str, int]) -> None:
    """Adds what this process has open: regular files that it may write, and the inodes of its sockets."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return
    for name in names:
        try:
            where = os.readlink(f"/proc/{pid}/fd/{name}")
            if where.startswith("socket:["):
                sockets[where[8:-1]] = pid
            elif _is_file(where) and _writes(pid, name):
                writing[where] = None
        except OSError:
            continue


def _is_file(where: str) -> bool:
    """Whether it is a file that others may look for: no device, and not deleted already."""
    return where.startswith("/") and not where.startswith(("/dev/", "/proc/")) and not where.endswith(" (deleted)")


def _writes(pid: int, descriptor: str) -> bool:
    """Whether it is open for writing (`flags` in fdinfo, octal; proc(5))."""
    for line in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text("ascii").splitlines():
        if line.startswith("flags:"):
            return bool(int(line.split()[1], 8) & _WRITES)
    return False


def _sockets(inodes: dict[str, int]) -> tuple[list[str], list[str]]:
    """Who of them listens, and who is connected to where. Looked up in the network namespace of each process."""
    listening: dict[str, None] = {}
    connected: dict[str, None] = {}
    namespaces = {_namespace(pid): pid for pid in inodes.values()}
    for pid in namespaces.values():
        for table, family in _TABLES:
            for line in _lines(f"/proc/{pid}/net/{table}"):
                words = line.split()
                if len(words) < 10 or words[9] not in inodes:
                    continue
                kind = table.rstrip("6")
                if words[3] == _LISTEN or (kind == "udp" and words[3] == _UNCONNECTED):
                    listening[f"{kind} {_address(words[1], family)}"] = None
                else:
                    connected[f"{kind} {_address(words[2], family)}"] = None
    return list(listening), list(connected)


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return ""


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text("ascii").splitlines()[1:]
    except OSError:
        return []


def _address(word: str, family: socket.AddressFamily) -> str:
    """`0100007F:1F90` as 127.0.0.1:8080: hex words in the machine's byte order (proc(5))."""
    host, _, port = word.partition(":")
    raw = b"".join(struct.pack("=I", int(host[at : at + 8], 16)) for at in range(0, len(host), 8))
    name = socket.inet_ntop(family, raw)
    return f"[{name}]:{int(port, 16)}" if family is socket.AF_INET6 else f"{name}:{int(port, 16)}"
