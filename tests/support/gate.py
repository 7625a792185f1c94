"""A gate of a test's own: a real socket in a real folder that answers as it is told."""

import contextlib
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

Answer = Callable[[str], bytes | None]  # the nonce → what to send; None = say nothing and keep the line open
ALLOW = b'{"hookSpecificOutput":{"hookEventName":"PreToolUse"}}'


def said(verdict: str, body: bytes = b"") -> Answer:
    """A well-formed answer."""
    return lambda nonce: f"controlroom/1 {nonce} {verdict} {len(body)}\n".encode() + body + b"\n"


class FakeGate:
    """Takes any number of connections, one message each; `headers` and `payloads` are what came. `answer` may be set anew."""

    def __init__(self, folder: Path, answer: Answer) -> None:
        self.folder = folder
        self.headers: list[dict[str, object]] = []
        self.payloads: list[bytes] = []
        self.half_closed: list[bool] = []
        self.answer = answer
        self.piece = 1 << 20  # bytes of an answer that go out at once
        self._over = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(folder / "gate.sock"))
        self._listener.listen(64)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hang up on everybody."""
        self._over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        for sock in (*self._open, self._listener):
            sock.close()

    def _serve(self) -> None:
        while not self._over.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            data = b""
            while data.count(b"\n") < 2:
                part = sock.recv(1 << 16)
                if not part:
                    break
                data += part
            header, _, payload = data.partition(b"\n")
            if payload.endswith(b"\n"):
                self._take(sock, msgspec.json.decode(header, type=dict[str, object]), payload[:-1])
            else:
                sock.close()

    def _take(self, sock: socket.socket, header: dict[str, object], payload: bytes) -> None:
        self.headers.append(header)
        self.payloads.append(payload)
        self.half_closed.append(_ended(sock))
        message = self.answer(str(header["nonce"]))
        if message is None:
            self._open.append(sock)
            return
        with contextlib.suppress(ConnectionError):  # an asker may hang up on a wrong answer before its end
            for start in range(0, len(message), self.piece):
                sock.sendall(message[start : start + self.piece])
        sock.close()


def _ended(sock: socket.socket) -> bool:
    """Whether the asker has closed its sending side."""
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for a gate: real, short, 0700; its parent is removed afterwards."""
    top = Path(tempfile.mkdtemp(prefix="cr", dir="/tmp"))
    made = top / "run"
    made.mkdir(mode=0o700)
    os.chmod(made, 0o700)
    try:
        yield made
    finally:
        shutil.rmtree(top, ignore_errors=True)


@contextmanager
def gate(answer: Answer) -> Iterator[FakeGate]:
    """A gate that listens."""
    with folder() as where:
        made = FakeGate(where, answer)
        try:
            yield made
        finally:
            made.close()
