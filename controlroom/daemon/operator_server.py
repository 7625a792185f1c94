"""operator.sock: whoever decides. JSON lines; refused to any peer inside a supervised session (S10)."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from controlroom.daemon import peers
from controlroom.daemon.runner import Runner
from controlroom.model import wire

PROTOCOL = 1
MOST_LINE = 1 << 20
MOST_BEHIND = 4 << 20  # bytes a slow reader may be behind before it is dropped; the daemon never waits for it

Params = dict[str, Any]
Method = Callable[[Params], Awaitable[object]]


class CallError(Exception):
    """A call that is answered with an error: a code of docs/protocol.md and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def of(cls, error: str) -> "CallError":
        """From the core's `code: sentence`."""
        code, colon, message = error.partition(": ")
        return cls(code, message) if colon else cls("internal", error)


class _Call(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    method: str
    params: Params = {}


class OperatorServer:
    """Listens, checks the peer again at every call, and pushes changes to those who subscribed."""

    def __init__(self, path: Path, runner: Runner, methods: dict[str, Method]) -> None:
        self._path = path
        self._runner = runner
        self._methods = methods
        self._subscribers: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._bound: tuple[int, int] | None = None  # device and inode of the socket file
        self._changes = 0
        self._told = False
        self._heard = time.monotonic()  # when an operator was last there

    async def start(self) -> None:
        """Listen; the folder is ours and the state lock is held."""
        if self._server:
            self._server.close()
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=MOST_LINE)
        finally:
            os.umask(old)
        self._bound = peers.file_id(self._path)

    def listens(self) -> bool:
        """Whether the socket file is still the one that we made: somebody may take it away or put another there."""
        return self._bound == peers.file_id(self._path)

    def stop(self) -> None:
        """Hang up."""
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        self._path.unlink(missing_ok=True)

    def alone(self) -> float:
        """Seconds since an operator was last there: a room that is open, or a call."""
        if self._subscribers:
            self._heard = time.monotonic()
        return time.monotonic() - self._heard

    def changed(self) -> None:
        """Tell subscribers that something changed, once for all changes of a moment."""
        self._changes += 1
        if not self._told and self._subscribers:
            self._told = True
            asyncio.get_running_loop().call_later(0.02, self._tell_changed)

    def _tell_changed(self) -> None:
        self._told = False
        self.push({"event": "changed", "seq": self._changes})

    def push(self, message: object) -> None:
        """Send a line to every subscriber; one that does not read is dropped (S09)."""
        line = wire.encode(message) + b"\n"
        for writer in list(self._subscribers):
            if writer.transport.get_write_buffer_size() > MOST_BEHIND:
                self._subscribers.discard(writer)
                writer.transport.abort()
            else:
                writer.write(line)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        peer = None
        try:
            peer = self._admit(writer)
            await self._calls(reader, writer, peer)
        except* (peers.Stranger, OSError, ValueError) as e:
            self._runner.alarm("operator", f"an operator connection was refused: {'; '.join(map(str, e.exceptions))}")
        finally:
            self._writers.discard(writer)
            self._subscribers.discard(writer)
            writer.close()
            if peer is not None:
                os.close(peer.pidfd)

    def _admit(self, writer: asyncio.StreamWriter) -> peers.Peer:
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as sock:
            peer = peers.identify(sock)
        try:
            self._outside(peer)
        except peers.Stranger:
            os.close(peer.pidfd)
            raise
        return peer

    def _outside(self, peer: peers.Peer) -> None:
        """Raises Stranger for a peer that is dead or inside a supervised session; a descriptor can be handed on."""
        if not peer.alive():
            raise peers.Stranger("the process that connected is gone")
        session = peers.session_of(peer, list(self._runner.handles.values()))
        if session:
            raise peers.Stranger(f"process {peer.process.pid} is inside session {session}; only operators decide")

    async def _calls(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: peers.Peer) -> None:
        greeted = False
        async with asyncio.TaskGroup() as group:
            while line := await reader.readline():
                self._outside(peer)
                self._heard = time.monotonic()
                try:
                    call = msgspec.json.decode(line, type=_Call)
                except (msgspec.DecodeError, UnicodeDecodeError) as e:
                    self._send(writer, {"id": 0, "error": {"code": "usage", "message": f"not a call: {e}"}})
                    continue
                if call.method == "hello":
                    greeted = self._hello(writer, call)
                elif not greeted:
                    self._error(writer, call, CallError("version", "the first call is hello"))
                elif call.method == "subscribe":
                    self._subscribers.add(writer)
                    self._send(writer, {"id": call.id, "result": {}})
                else:
                    group.create_task(self._answer(writer, call))

    def _hello(self, writer: asyncio.StreamWriter, call: _Call) -> bool:
        if call.params.get("version") != PROTOCOL:
            text = f"this daemon speaks protocol {PROTOCOL}; use the controlroom that started it, or restart the daemon"
            self._error(writer, call, CallError("version", text))
            return False
        self._send(writer, {"id": call.id, "result": {"version": PROTOCOL, "pid": os.getpid()}})
        return True

    async def _answer(self, writer: asyncio.StreamWriter, call: _Call) -> None:
        method = self._methods.get(call.method)
        try:
            if method is None:
                raise CallError("usage", f"no method {call.method}")
            self._send(writer, {"id": call.id, "result": await method(call.params)})
        except CallError as e:
            self._error(writer, call, e)
        except (KeyError, TypeError, ValueError, OverflowError, msgspec.ValidationError) as e:
            self._error(writer, call, CallError("usage", f"{call.method}: bad or missing parameter: {e}"))
        except Exception as e:  # noqa: BLE001  one call that fails must not take the connection's others with it
            self._runner.alarm("internal", f"{call.method} failed: {e!r}")
            self._error(writer, call, CallError("internal", f"{call.method} failed: {type(e).__name__}: {e}"))

    def _error(self, writer: asyncio.StreamWriter, call: _Call, error: CallError) -> None:
        self._send(writer, {"id": call.id, "error": {"code": error.code, "message": error.message}})

    def _send(self, writer: asyncio.StreamWriter, message: object) -> None:
        if writer.transport.get_write_buffer_size() > MOST_BEHIND:
            writer.transport.abort()
        elif not writer.is_closing():
            writer.write(wire.encode(message) + b"\n")
