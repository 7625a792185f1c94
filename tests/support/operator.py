"""A small daemon for tests of its clients: answers operator and gate connections by a script, and keeps what it was told."""

import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

Answers = dict[str, Callable[[dict[str, Any]], object]]


class Error(Exception):
    """What a scripted answer raises to answer with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Silent(Exception):
    """What a scripted answer raises to answer nothing."""


class FakeOperator:
    """An operator.sock in `folder`; `calls` are the methods and params that came, `hello` among them.

    `noise` is sent before each answer: lines that nobody asked for.
    """

    def __init__(self, folder: Path, answers: Answers | None = None, *, version: int = 1, noise: bytes = b"") -> None:
        self.path = folder / "operator.sock"
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.noise = noise
        self._answers: Answers = {"hello": lambda _: {"version": version, "pid": os.getpid()}, **(answers or {})}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self.path))
        self._socket.listen()
        self._held: list[socket.socket] = []
        self._talks: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._held.append(connection)
            self._talks.append(threading.Thread(target=self._talk, args=(connection,), daemon=True))
            self._talks[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            for raw in lines:
                asked = json.loads(raw)
                self.calls.append((asked["method"], asked["params"]))
                try:
                    reply: dict[str, object] = {"id": asked["id"], "result": self._answer(asked)}
                except Error as error:
                    reply = {"id": asked["id"], "error": {"code": error.code, "message": str(error)}}
                except Silent:
                    continue
                try:
                    connection.sendall(self.noise + json.dumps(reply).encode() + b"\n")
                except OSError:
                    return

    def _answer(self, asked: dict[str, Any]) -> object:
        if asked["method"] not in self._answers:
            raise Error("usage", f"no method {asked['method']}")
        return self._answers[asked["method"]](asked["params"])

    def hang_up(self) -> None:
        """Ends every connection, and goes on listening."""
        for connection in self._held:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client went first

    def close(self) -> None:
        """Closes everything and takes the socket away."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.hang_up()
        self._thread.join(5)
        for talk in self._talks:
            talk.join(5)
        self.path.unlink(missing_ok=True)


class FakeGate:
    """A gate.sock in `folder`; `answer` makes the raw bytes of an answer from header and payload; `seen` is what came."""

    def __init__(self, folder: Path, answer: Callable[[dict[str, Any], dict[str, Any]], bytes]) -> None:
        self.path = folder / "gate.sock"
        self.seen: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self.path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                header, payload = json.loads(lines.readline()), json.loads(lines.readline())
                self.seen.append((header, payload))
                connection.sendall(self._answer(header, payload))

    def close(self) -> None:
        """Closes the socket and takes it away."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        self.path.unlink(missing_ok=True)


def verdict(header: dict[str, Any], word: str, body: bytes) -> bytes:
    """A well-formed answer of the gate."""
    return f"controlroom/1 {header['nonce']} {word} {len(body)}\n".encode() + body + b"\n"
