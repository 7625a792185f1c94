"""Runaways that really run: the default figures of product.md halt them, or one of a profile, and their heart stands still."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.containment import hold
from controlroom.model.agent import Handle
from controlroom.storage import handles
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually

HEART = """
import os, subprocess, sys, threading, time
def beat():
    while True:
        open(sys.argv[1], "w").close(); time.sleep(0.02)
threading.Thread(target=beat, daemon=True).start()
"""
BREEDER = HEART + "children = [subprocess.Popen(['sleep', '60']) for _ in range(530)]\ntime.sleep(60)\n"
SHREDDER = (
    HEART
    + """
while True:  # apart from each other, so that the watch takes them for what they are: made, and later gone
    for n in range(2500):
        open(f"file{n}", "w").close()
    time.sleep(0.5)
    for n in range(2500):
        os.unlink(f"file{n}")
    time.sleep(0.5)
"""
)
WRITER = HEART + "n = 0\nwhile True:\n    open(f'file{n}', 'w').close(); n += 1\n    time.sleep(0 if n % 50 else 0.02)\n"


def launch(daemon: Daemon, code: str, *options: str) -> Handle:
    """A detached agent, launched as an operator does."""
    command = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", "wild", "--workspace", str(daemon.workspace)]
    subprocess.run(
        [*command, *options, "--", sys.executable, "-c", code, str(beat(daemon))], env=daemon.home.env, check=True, timeout=30
    )
    (handle,) = handles.load_all(daemon.places.agents)
    eventually(beat(daemon).exists, 20, "its heart beats")
    return handle


def beat(daemon: Daemon) -> Path:
    return daemon.home.path / "beat"


def assert_halted(daemon: Daemon, said: str) -> None:
    """Paused by the daemon, silent by its own heart, and the figure is named."""
    eventually(lambda: [r["state"] for r in daemon.call("agents")] == ["paused"], 30, "the runaway is paused")
    before = beat(daemon).stat().st_mtime_ns
    time.sleep(1.0)  # the silence window of a heart that beats every 20 ms
    assert beat(daemon).stat().st_mtime_ns == before
    (told,) = eventually(lambda: _runaways(daemon), 20, "operators are told")
    assert said in told


def _runaways(daemon: Daemon) -> list[str]:
    return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == "runaway"]


@pytest.mark.serial
def test_more_than_512_processes_pause_the_session(daemon: Daemon) -> None:
    handle = launch(daemon, BREEDER)
    try:
        assert_halted(daemon, "processes")
    finally:
        hold.kill(handle)


def test_more_than_2000_deleted_files_in_a_minute_pause_the_session(daemon: Daemon) -> None:
    handle = launch(daemon, SHREDDER)
    try:
        assert_halted(daemon, "files deleted in a minute")
    finally:
        hold.kill(handle)


@pytest.fixture
def careful(home: Home) -> Iterator[Daemon]:
    """A daemon that has a profile `careful`, from its start."""
    profiles = home.path / "config" / "profiles"
    profiles.mkdir(parents=True, mode=0o700)
    profiles.parent.chmod(0o700)
    (profiles / "careful.toml").write_text("[trips]\nwrites = 1000\n")
    made = daemons.start(home)
    yield made
    daemons.stop(made)


def test_more_files_written_in_a_minute_than_its_profile_says_pause_the_session(careful: Daemon) -> None:
    handle = launch(careful, WRITER, "--profile", "careful")
    try:
        assert_halted(careful, "files written in a minute")
    finally:
        hold.kill(handle)
