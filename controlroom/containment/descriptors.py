"""What processes have open, as /proc tells it: files and sockets. Dear (a readlink for each descriptor): for few processes."""

import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_WRITES = os.O_WRONLY | os.O_RDWR
_TABLES = (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6), ("udp", socket.AF_INET), ("udp6", socket.AF_INET6))
_LISTEN, _UNCONNECTED = "0A", "07"  # states in /proc/net/tcp and udp (include/net/tcp_states.h)
MOST = 2_048  # descriptors of one process that are looked at


class Opened(NamedTuple):
    """`total` descriptors; the regular files by path and whether they may be written; the inodes of its sockets."""

    total: int
    files: dict[str, bool]
    sockets: tuple[str, ...]


class Sock(NamedTuple):
    """A socket: `kind` tcp or udp; `address`: its own where it listens, else whom it is connected to."""

    kind: str
    listens: bool
    address: str

    def __str__(self) -> str:
        return f"{self.kind} {self.address}"


def look(pid: int) -> Opened | None:
    """What this process has open; None where that may not be seen, or it is gone."""
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return None
    files: dict[str, bool] = {}
    sockets: list[str] = []
    for name in names[:MOST]:
        try:
            where = os.readlink(f"/proc/{pid}/fd/{name}")
            if where.startswith("socket:["):
                sockets.append(where[8:-1])
            elif _is_file(where):
                files[where] = files.get(where, False) or _writes(pid, name)
        except OSError:
            continue
    return Opened(len(names), files, tuple(sockets))


def _is_file(where: str) -> bool:
    """Whether it is a file that others may look for: no device, and not deleted already."""
    return where.startswith("/") and not where.startswith(("/dev/", "/proc/")) and not where.endswith(" (deleted)")


def _writes(pid: int, descriptor: str) -> bool:
    """Whether it is open for writing (`flags` in fdinfo, octal; proc(5))."""
    for line in Path(f"/proc/{pid}/fdinfo/{descriptor}").read_text("ascii").splitlines():
        if line.startswith("flags:"):
            return bool(int(line.split()[1], 8) & _WRITES)
    return False


def sockets(inodes: Mapping[str, int]) -> dict[str, Sock]:
    """What these sockets (inode → a process that has it) are; looked up in the network namespace of each process."""
    found: dict[str, Sock] = {}
    namespaces = {_namespace(pid): pid for pid in inodes.values()}
    for pid in namespaces.values():
        for table, family in _TABLES:
            for line in _lines(f"/proc/{pid}/net/{table}"):
                words = line.split()
                if len(words) < 10 or words[9] not in inodes:
                    continue
                kind = table.rstrip("6")
                listens = words[3] == _LISTEN or (kind == "udp" and words[3] == _UNCONNECTED)
                found[words[9]] = Sock(kind, listens, _address(words[1] if listens else words[2], family))
    return found


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
