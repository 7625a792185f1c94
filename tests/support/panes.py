"""Terminals as people have them: a tmux server of the case's own, one window a program, keys in and the screen out."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.waiting import eventually

SECONDS = 30.0  # in which a screen must show what is waited for
PACE = 0.1  # seconds between a person's keys: the room takes two within 20 ms for pasted text, and allows nothing by them


@dataclass
class Pane:
    """A program in a window of this size."""

    server: "Server"
    name: str

    def press(self, *keys: str) -> None:
        """Keys by tmux's names ("a", "C-\\\\", "Enter"), as a person presses them: each a while after whatever came before."""
        for key in keys:
            time.sleep(PACE)
            self.server.tmux("send-keys", "-t", self.name, key)

    def type(self, text: str) -> None:
        """Text, as it is."""
        self.server.tmux("send-keys", "-t", self.name, "-l", text)

    def resize(self, columns: int, rows: int) -> None:
        self.server.tmux("resize-window", "-t", self.name, "-x", str(columns), "-y", str(rows))

    @property
    def text(self) -> str:
        return self.server.tmux("capture-pane", "-t", self.name, "-p")

    def shows(self, text: str) -> None:
        """Waits until this is on screen."""
        try:
            eventually(lambda: text in self.text, SECONDS, text)
        except AssertionError:
            raise AssertionError(f"{text!r} never came on the screen of {self.name}:\n{self.text}") from None


@dataclass
class Server:
    """One tmux server, on a socket of its own."""

    socket: Path
    env: Mapping[str, str]

    def tmux(self, *words: str) -> str:
        """One tmux command; what it prints."""
        command = ["tmux", "-S", str(self.socket), "-f", os.devnull, *words]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, f"tmux {words}: {done.stderr}"
        return done.stdout

    def open(
        self, name: str, argv: Sequence[str], cwd: Path, size: tuple[int, int] = (120, 40), env: Mapping[str, str] | None = None
    ) -> Pane:
        """A window of this size with this program in it; it stays when the program ends."""
        given = [word for pair in (env or {}).items() for word in ("-e", "=".join(pair))]
        shape = ("-x", str(size[0]), "-y", str(size[1]), "-c", str(cwd))
        stays = (";", "set", "-g", "remain-on-exit", "on", ";", "set", "-g", "status", "off")
        self.tmux("new-session", "-d", "-s", name, *shape, *given, f"exec {shlex.join(argv)}", *stays)
        return Pane(self, name)


@contextmanager
def server(socket: Path, env: Mapping[str, str]) -> Iterator[Server]:
    """A server that is gone afterwards. Skips the case where there is no tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is missing (Debian: apt-get install tmux)")
    made = Server(socket, {name: value for name, value in env.items() if name not in ("TMUX", "TMUX_PANE")})
    try:
        yield made
    finally:
        subprocess.run(["tmux", "-S", str(socket), "kill-server"], capture_output=True, timeout=20, check=False)
