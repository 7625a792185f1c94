"""Who is on the other end of a socket: found by the kernel's word, never by the peer's own."""

import os
import select
import socket
import struct
from pathlib import Path

import msgspec

from controlroom.containment import processes
from controlroom.model.agent import Handle, ProcessId

SO_PEERPIDFD = 77  # Linux 6.5, include/uapi/asm-generic/socket.h
SHELLS = frozenset({b"sh", b"bash", b"dash", b"zsh", b"ash", b"ksh", b"fish"})


class Stranger(Exception):
    """The peer cannot be identified, is another user's, or is gone."""


class Peer(msgspec.Struct, frozen=True):
    """A live peer: its process, a pidfd (closed by whoever took it), its ancestors, nearest first."""

    process: ProcessId
    pidfd: int
    ancestors: tuple[ProcessId, ...]

    def alive(self) -> bool:
        """Whether the very process that connected still runs (pidfd readable = exited)."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return not poll.poll(0)


def identify(sock: socket.socket) -> Peer:
    """The peer of a Unix socket. Raises Stranger; then nothing may be read from it."""
    pid, uid, _ = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    if uid != os.getuid():
        raise Stranger(f"uid {uid} is not ours")
    before = processes.identify(pid)
    pidfd = _pidfd(sock, pid)
    try:
        after = processes.identify(pid)
        if before is None or before != after:
            raise Stranger("the peer is gone")
        peer = Peer(before, pidfd, tuple(processes.ancestors(pid)))
        if not peer.alive():
            raise Stranger("the peer is gone")
    except BaseException:
        os.close(pidfd)
        raise
    return peer


def _pidfd(sock: socket.socket, pid: int) -> int:
    try:
        return struct.unpack("i", sock.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4))[0]  # type: ignore[no-any-return]
    except OSError:
        pass  # before Linux 6.5: pid and start time, read twice
    try:
        return os.pidfd_open(pid)
    except OSError as e:
        raise Stranger("the peer is gone") from e


def file_id(path: Path) -> tuple[int, int] | None:
    """Device and inode of a socket file itself; None = it is not there, or cannot be looked at."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def session_of(peer: Peer, handles: list[Handle]) -> str:
    """The session that holds this peer, "" = none. Raises Stranger for one that is gone: nobody may be judged by its pid."""
    try:
        return processes.session_of(peer.process.pid, handles) or ""
    except processes.GoneError as e:
        raise Stranger("the peer is gone") from e


def lane_root(peer: Peer) -> ProcessId:
    """Whose lane an unsupervised peer is in: its nearest ancestor that is no shell (the agent behind a hook's wrapper)."""
    for process in peer.ancestors:
        if process.pid != 1 and _name(process.pid) not in SHELLS:
            return process
    return peer.process


def wrappers(peer: Peer) -> list[ProcessId]:
    """The shells between a hook and its agent: they too must be gone before the agent may be frozen."""
    found = []
    for process in peer.ancestors:
        if _name(process.pid) not in SHELLS:
            break
        found.append(process)
    return found[:2]


def _name(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/exe", "rb"):
            return os.path.basename(os.readlink(f"/proc/{pid}/exe")).encode()
    except OSError:
        return b""


def sees_other_files(pid: int) -> bool:
    """Whether a path may mean another file to a process than to us: other mounts, another root, or not to be told (N06).

    A process may refuse to be looked at (our hook does); then its parents say, of which the second is the agent.
    """
    for who in (pid, *(parent.pid for parent in processes.ancestors(pid)[:2])):
        try:
            return any(_id(f"/proc/{who}/{what}") != _id(f"/proc/self/{what}") for what in ("ns/mnt", "root"))
        except OSError:
            continue
    return True


def _id(path: str) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_dev, found.st_ino


def path_of(pid: int) -> str:
    """The PATH of a process, as far as the kernel tells; a sensible one where it does not."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read(1 << 20).split(b"\0"):
                if entry.startswith(b"PATH="):
                    return os.fsdecode(entry[5:])
    except OSError:
        pass  # gone or unreadable: the default below is stated on the request by what it resolves to
    return os.defpath
