"""The control socket of a session's shim: one JSON line each way.

Asked: `{"act":"kill"|"freeze"|"thaw"|"status"}` or `{"act":"stop","grace":5.0}`. Answered: a StopResult or `{"error":"..."}`; a
stop, and whoever asks while the session ends, once it is over. Peers of another uid and peers inside the session are refused.
"""

import os
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec

from controlroom.containment import processes
from controlroom.model.agent import Handle, StopResult

ACTS = ("kill", "stop", "freeze", "thaw", "status")
_LINE = 1 << 20  # bytes of an answer: survivors of a large tree
_REQUEST = 4096  # bytes of a request
_PATIENCE = 0.5  # s for a peer to send its line or take its answer


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a peer asks for; `grace`: seconds between TERM and kill of a stop."""

    act: str
    grace: Annotated[float, msgspec.Meta(ge=0, le=60)] = 5.0


class Problem(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an order was not carried out."""

    error: str


def ask(handle: Handle, act: str, seconds: float, grace: float = 5.0) -> StopResult | str:
    """Have the session's shim do something; its result, or in words why there is none. A stopped shim is continued first."""
    deadline = time.monotonic() + seconds
    try:
        if handle.shim is not None:
            lives = processes.send(handle.shim, signal.SIGCONT)  # somebody may have stopped it
            if lives and act == "kill":
                processes.hurry(handle.shim.pid)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
            peer.settimeout(seconds)
            peer.connect(handle.control)
            peer.sendall(msgspec.json.encode(Order(act, grace)) + b"\n")
            raw = _line(peer, _LINE, deadline)
        answer = msgspec.json.decode(raw, type=dict[str, object])
        if "error" in answer:
            return f"the shim refused: {msgspec.convert(answer, Problem).error}"
        return msgspec.convert(answer, StopResult)
    except OSError as error:
        return f"the shim does not answer ({error})"
    except msgspec.MsgspecError as error:
        return f"the shim answered something else ({error})"


def _line(peer: socket.socket, limit: int, deadline: float) -> bytes:
    """One line without its end. Raises OSError if it does not come in time, is cut short or is too long."""
    got = b""
    while not got.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no complete line in time")
        peer.settimeout(left)
        part = peer.recv(65536)
        if not part:
            raise ConnectionError("closed before the line was complete")
        got += part
        if len(got) > limit:
            raise ConnectionError(f"more than {limit} bytes in a line")
    return got[:-1]


def listen(path: str) -> socket.socket:
    """The listening socket, mode 0600, in place of a left-over one. Raises OSError; FileExistsError where one is in use."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _clear_stale(path)
        before = os.umask(0o177)
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        listener.listen(8)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _clear_stale(path: str) -> None:
    if not Path(path).is_socket():
        return  # nothing there, or something that is not ours to remove: bind says so
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink()
        else:
            raise FileExistsError(f"another shim listens on {path}")


def serve_one(listener: socket.socket, handle: Handle, act: Callable[[Order], StopResult | None]) -> socket.socket | None:
    """Take one waiting connection and answer it; at most about a second beside what `act` itself takes.

    Where `act` has no result yet, the open connection is returned, for `finish`.
    """
    try:
        peer, _ = listener.accept()
    except OSError:
        return None  # the peer gave up in between
    peer.settimeout(_PATIENCE)
    try:
        answer = _answer(peer, handle, act)
    except OSError:
        peer.close()  # its order never came
        return None
    if answer is None:
        return peer
    finish(peer, answer)
    return None


def finish(peer: socket.socket, answer: StopResult | Problem) -> None:
    """Answer and close a connection."""
    with peer, suppress(OSError):  # nobody may wait for the answer any more
        peer.sendall(msgspec.json.encode(answer) + b"\n")


def _answer(peer: socket.socket, handle: Handle, act: Callable[[Order], StopResult | None]) -> StopResult | Problem | None:
    refusal = refuse(peer, handle)
    if refusal:
        return Problem(refusal)
    try:
        order = msgspec.json.decode(_line(peer, _REQUEST, time.monotonic() + _PATIENCE), type=Order)
    except msgspec.MsgspecError as error:
        return Problem(f"not an order: {error}")
    if order.act not in ACTS:
        return Problem(f"unknown act; known are {', '.join(ACTS)}")
    return act(order)


def refuse(peer: socket.socket, handle: Handle) -> str:
    """Why this peer may not give orders, "" if it may: our uid, alive, and outside of the session."""
    pid, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    if uid != os.geteuid():
        return f"uid {uid} gives no orders here"
    try:
        inside = processes.session_of(pid, [handle])
    except OSError as error:
        return f"the peer could not be identified: {error}"
    return "a process inside the session gives no orders" if inside is not None else ""
