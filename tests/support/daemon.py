"""A real daemon process in a test's home, and both sides of its sockets."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controlroom.client.rpc import Operator
from controlroom.storage.paths import Places, places
from tests.support.home import Home
from tests.support.waiting import eventually

NONCE = "0123456789abcdef" * 2


@dataclass
class Asker:
    """One gate connection of the test process."""

    sock: socket.socket

    def say(self, *lines: bytes) -> "Asker":
        """Send lines, each with its end; a daemon that has heard enough hangs up, and its answer is there to be read."""
        with contextlib.suppress(BrokenPipeError):
            for line in lines:
                self.sock.sendall(line + b"\n")
        return self

    def answer(self, seconds: float = 20.0) -> tuple[str, str]:
        """Verdict and body; ("", ...) when the daemon hung up without one."""
        self.sock.settimeout(seconds)
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while part := self.sock.recv(65536):
                data += part
        head, _, rest = data.partition(b"\n")
        words = head.split(b" ")
        if len(words) != 4 or words[0] != b"controlroom/1":
            return "", data.decode("utf-8", "replace")
        length = int(words[3])
        assert rest[length:] == b"\n", "an answer ends with its line end"
        return words[2].decode(), rest[:length].decode()

    def hang_up(self) -> None:
        self.sock.close()


@dataclass
class Daemon:
    """The process, and ways to talk to it."""

    home: Home
    process: "subprocess.Popen[bytes]"
    workspace: Path
    askers: list[Asker] = field(default_factory=list)

    @property
    def places(self) -> Places:
        return places(self.home.env)

    @contextlib.contextmanager
    def operator(self) -> Iterator[Operator]:
        with Operator(self.places) as operator:
            yield operator

    def call(self, method: str, **params: object) -> Any:
        """One operator call."""
        with self.operator() as operator:
            return operator.call(method, **params)

    def connect(self) -> Asker:
        """A bare gate connection."""
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(str(self.places.gate_sock))
        except OSError:
            sock.close()
            raise
        self.askers.append(Asker(sock))
        return self.askers[-1]

    def ask(self, op: str = "delete", paths: tuple[str, ...] = (), reason: str = "test", **more: object) -> Asker:
        """An `ask` that is sent and not yet answered."""
        body = {"op": op, "paths": list(paths), "reason": reason, "cwd": str(self.workspace), **more}
        return self.connect().say(header("ask"), json.dumps(body).encode())

    def bash(self, command: str, call: str = "toolu_1", says: str = "", **more: object) -> Asker:
        """What the hook of Claude Code sends for a shell call."""
        body = {
            "session_id": "s", "transcript_path": "/t", "cwd": str(self.workspace), "hook_event_name": "PreToolUse",
            "tool_name": "Bash", "tool_input": {"command": command, "description": says}, "tool_use_id": call, **more,
        }  # fmt: skip
        return self.connect().say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())

    def pending(self, count: int = 1) -> list[dict[str, Any]]:
        """Wait until `count` requests are held; they, oldest first."""
        eventually(lambda: len(self.call("pending")) == count, 20, f"{count} pending")
        rows: list[dict[str, Any]] = self.call("pending")
        return rows

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)

    def records(self) -> list[dict[str, Any]]:
        """Every journal record, as it is stored; a line that is just being written is none yet."""
        texts = [file.read_text() for file in sorted(self.places.journal.glob("*.jsonl"))]
        return [json.loads(line) for text in texts for line in text[: text.rfind("\n") + 1].splitlines()]


def header(kind: str, **more: object) -> bytes:
    """The first line of a gate message."""
    return json.dumps({"v": 1, "nonce": NONCE, "kind": kind, **more}).encode()


# A daemon on a disk that takes its time.
SLOW_DISK = """
import os, sys, time
from controlroom.daemon.__main__ import main
write = os.write
os.write = lambda *given: (time.sleep(0.3), write(*given))[1]
sys.exit(main())
"""


def launch(home: Home, program: tuple[str, ...] = ("-m", "controlroom.daemon")) -> "subprocess.Popen[bytes]":
    """Start a daemon process; nothing is waited for."""
    log = home.path / "daemon.log"
    if log not in home.logs:
        home.logs.append(log)
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, *program],
            env=home.env,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def start(home: Home, *program: str) -> Daemon:
    """A daemon that answers."""
    workspace = home.path.parent / "w"
    workspace.mkdir(exist_ok=True)
    daemon = Daemon(home, launch(home, program) if program else launch(home), workspace)
    eventually(lambda: answers(daemon), 60, "the daemon answers")
    return daemon


def answers(daemon: Daemon) -> bool:
    assert daemon.process.poll() is None, f"the daemon ended with {daemon.process.returncode}"
    try:
        daemon.call("status")
    except Exception as e:
        if type(e).__name__ == "NoDaemon":
            return False
        raise
    return True


def stop(daemon: Daemon) -> None:
    """End it in good order, whatever state the test left it in."""
    for asker in daemon.askers:
        asker.hang_up()
    if daemon.process.poll() is None:
        os.kill(daemon.process.pid, signal.SIGCONT)
        daemon.process.terminate()
        daemon.process.wait(60)
