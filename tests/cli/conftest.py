"""The real `controlroom` command in a home of the test's own, with a daemon where one is asked for."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controlroom.containment import hold
from controlroom.storage import handles
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home

CONTROLROOM = [sys.executable, "-m", "controlroom"]


@dataclass
class Cli:
    """Runs commands as a script would: no terminal, output kept."""

    home: Home
    cwd: Path
    started: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def run(self, *words: str, given: str = "", **env: str) -> "subprocess.CompletedProcess[str]":
        """One command, to its end."""
        return subprocess.run(
            [*CONTROLROOM, *words],
            cwd=self.cwd,
            env={**self.home.env, **env},
            input=given,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )

    def ok(self, *words: str, given: str = "") -> str:
        """Standard output of a command that must succeed."""
        done = self.run(*words, given=given)
        assert done.returncode == 0, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def fails(self, code: int, *words: str, given: str = "") -> str:
        """Standard error of a command that must end with `code`."""
        done = self.run(*words, given=given)
        assert done.returncode == code, f"{words}: exit {done.returncode}, not {code}\n{done.stdout}{done.stderr}"
        return done.stderr

    def json(self, *words: str) -> Any:
        """What a listing prints with --json."""
        return json.loads(self.ok(*words, "--json"))

    def json_of(self, *words: str) -> Any:
        """What a command prints that answers in JSON by itself."""
        return json.loads(self.ok(*words))

    def agent(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The same command, run by a supervised agent."""
        return self.run("run", "--", *CONTROLROOM, *words)

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A command that goes on while the test does."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [*CONTROLROOM, *words],
            cwd=self.cwd,
            env=self.home.env,
            stdin=subprocess.DEVNULL,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )
        self.started.append(process)
        return process


@pytest.fixture
def cli(home: Home) -> Iterator[Cli]:
    """The command line. A daemon that a test leaves is ended, its sessions are killed."""
    workspace = home.path.parent / "w"
    workspace.mkdir(exist_ok=True)
    made = Cli(home, workspace)
    yield made
    made.run("daemon", "stop")
    for handle in handles.load_all(home.path / "state" / "agents"):
        hold.kill(handle)
    for process in made.started:
        process.kill()
        process.communicate()


@pytest.fixture
def daemon(home: Home, cli: Cli) -> Iterator[Daemon]:
    """A real daemon process in the test's home."""
    made = daemons.start(home)
    yield made
    if made.process.poll() is None:
        os.kill(made.process.pid, signal.SIGCONT)
    daemons.stop(made)
