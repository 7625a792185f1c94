"""gate.sock: one message a connection, from anyone with our uid, believed in nothing.

The protocol is docs/protocol.md. What a message means is `intake`'s business; here are bytes, deadlines and peers.
"""

import asyncio
import os
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from controlroom.containment import hooks, processes
from controlroom.daemon import peers
from controlroom.daemon.peers import Peer
from controlroom.model.agent import ProcessId

MOST_LINE = 1 << 20  # bytes, payload
MOST_HEADER = 4096  # bytes
MESSAGE_SECONDS = 2.0
MOST_CONNECTIONS = 256  # of messages that are not complete yet; 200 hooks at once are a busy build


class Connection(asyncio.Protocol):
    """One asker. `id` is how the core names it."""

    def __init__(self, server: "GateServer") -> None:
        self.id = secrets.token_hex(16)
        self.peer: Peer | None = None
        self.session = ""
        self.nonce = "0" * 32
        self.observation = False
        self.request = ""
        self.writes: tuple[str, ...] = ()  # files that the action would write
        self._server = server
        self._buffer = bytearray()
        self.complete = False
        self._transport: asyncio.Transport | None = None
        self._sock: socket.socket | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Find out who it is before a byte is read (S03)."""
        assert isinstance(transport, asyncio.Transport)  # a stream server makes no other
        self._transport = transport
        try:
            self._sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
            self.peer = peers.identify(self._sock)
        except (peers.Stranger, OSError) as e:
            self._server.reject(self, f"peer not identified: {e}")
            self._finish()
            transport.abort()
            return
        self._server.connections[self.id] = self
        if self._server.unfinished() > MOST_CONNECTIONS:
            self.refuse(f"more than {MOST_CONNECTIONS} unfinished messages at once")
            return
        loop = asyncio.get_running_loop()
        loop.add_reader(self.peer.pidfd, self._died)
        self._deadline = loop.call_later(MESSAGE_SECONDS, self.refuse, f"no complete message within {MESSAGE_SECONDS:.0f} s")

    def data_received(self, data: bytes) -> None:
        """Collect two lines; anything after them is an error."""
        if self.complete:
            self.refuse("more than one message on a connection")
            return
        self._buffer += data
        header, _, rest = self._buffer.partition(b"\n")
        if len(header) > MOST_HEADER:
            self.refuse(f"the header line is over {MOST_HEADER} bytes")
        elif len(rest) > MOST_LINE + 1:
            self.refuse(f"the message is over {MOST_LINE} bytes")
        elif b"\n" in rest:
            payload, _, more = bytes(rest).partition(b"\n")
            if more:
                self.refuse("more than one message on a connection")
                return
            self.complete = True
            if self._deadline:
                self._deadline.cancel()
            self._server.take(self, bytes(header), payload)

    def eof_received(self) -> bool:
        """An asker that hangs up early gets nothing (G10)."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Over, however it came."""
        self._finish()
        self._server.lost(self)

    def _died(self) -> None:
        self._finish()
        self._server.lost(self)
        if self._transport:
            self._transport.abort()

    def refuse(self, why: str) -> None:
        """Deny a message that is not one."""
        self._server.reject(self, why)
        if not self.send(
            "ok" if self.observation else "deny", b"" if self.observation else why.encode("utf-8", "backslashreplace")
        ):
            self._server.lost(self)

    def here(self) -> bool:
        """Whether the asker still waits: its process lives and it has not hung up."""
        if self._sock is None or self.peer is None or self._sock.fileno() < 0 or not self.peer.alive():
            return False
        try:
            return self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def send(self, verdict: str, body: bytes) -> bool:
        """Answer in one piece and hang up; False = nobody was there. The answer fits the socket's buffer or is not sent."""
        sent = False
        if self._sock is not None and self.here():
            message = f"controlroom/1 {self.nonce} {verdict} {len(body)}\n".encode() + body + b"\n"
            try:
                sent = self._sock.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) == len(message)
            except OSError:
                sent = False
        self._server.answered.add(self.id)
        self._finish()
        if self._transport:
            self._transport.close()
        return sent

    def _finish(self) -> None:
        if self._deadline:
            self._deadline.cancel()
        if self.peer is not None:
            asyncio.get_running_loop().remove_reader(self.peer.pidfd)
            os.close(self.peer.pidfd)
            self.peer = None
        if self._sock is not None:
            self._sock.close()
            self._sock = None


class GateServer:
    """Listens, and keeps count of which hook processes of which session are about."""

    def __init__(self, path: Path, inner: Path, take: Callable[[Connection, bytes, bytes], None]) -> None:
        """`inner`: the folder that sessions behind walls see; the socket gets a second name there."""
        self.connections: dict[str, Connection] = {}
        self.answered: set[str] = set()
        self.on_lost: Callable[[Connection], None] = lambda connection: None
        self.on_reject: Callable[[Connection, str], None] = lambda connection, why: None
        self._path = path
        self._inner = inner / path.name
        self._take = take
        self._hooks: dict[str, dict[ProcessId, int]] = {}  # session → hook processes and their wrappers → pidfd
        self._server: asyncio.Server | None = None
        self._bound: tuple[int, int] | None = None  # device and inode of the socket file

    async def start(self) -> None:
        """Listen. The folder is checked and the state lock is held, so a socket file that lies there is a dead one."""
        if self._server:
            self._server.close()
        self._path.unlink(missing_ok=True)
        old = os.umask(0o177)
        try:
            self._server = await asyncio.get_running_loop().create_unix_server(
                lambda: Connection(self), str(self._path), backlog=MOST_CONNECTIONS
            )
        finally:
            os.umask(old)
        self._inner.unlink(missing_ok=True)
        os.link(self._path, self._inner)
        self._bound = peers.file_id(self._path)

    def listens(self) -> bool:
        """Whether the socket files are still those that we made: somebody may take them away or put others there."""
        return self._bound == peers.file_id(self._path) == peers.file_id(self._inner)

    def unfinished(self) -> int:
        """Connections whose message is not complete yet."""
        return sum(1 for c in self.connections.values() if not c.complete)

    def take(self, connection: Connection, header: bytes, payload: bytes) -> None:
        self._take(connection, header, payload)

    def reject(self, connection: Connection, why: str) -> None:
        self.on_reject(connection, why)

    def lost(self, connection: Connection) -> None:
        """A connection is over; without an answer it is a gate that was lost."""
        if self.connections.pop(connection.id, None) and connection.id not in self.answered:
            self.on_lost(connection)
        self.answered.discard(connection.id)

    def join(self, session: str, peer: Peer) -> None:
        """Count a hook process and its wrapper in; the session may not be frozen while they live."""
        for process in (peer.process, *peers.wrappers(peer)):
            if process in self._hooks.get(session, {}):
                continue
            pidfd = processes.open_pidfd(process)
            if pidfd is not None:
                self._hooks.setdefault(session, {})[process] = pidfd
                asyncio.get_running_loop().add_reader(pidfd, self._exited, session, process)

    def _exited(self, session: str, process: ProcessId) -> None:
        """A hook process or wrapper has exited: its descriptor goes with it, also when nobody ever asks for the session."""
        known = self._hooks[session]
        pidfd = known.pop(process)
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        if not known:
            del self._hooks[session]

    async def hooks_gone(self, session: str) -> bool:
        """Wait at most 250 ms until no hook process of the session is left, and a beat for the agent to read the answers."""
        if session not in self._hooks:
            return True
        loop = asyncio.get_running_loop()
        end = loop.time() + hooks.SECONDS
        while session in self._hooks:
            if loop.time() > end:
                return False
            await asyncio.sleep(0.005)
        await asyncio.sleep(hooks.BEAT_SECONDS)
        return True

    async def stop(self) -> None:
        """Hang up on everybody; unanswered is denied on the other side."""
        if self._server:
            self._server.close()
        for connection in list(self.connections.values()):
            connection.send("deny", b"the daemon is stopping")
        self._path.unlink(missing_ok=True)
        self._inner.unlink(missing_ok=True)
