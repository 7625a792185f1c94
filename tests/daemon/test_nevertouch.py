"""A never-touch file is changed on disk past every gate: who could have done it stands still, by its own heartbeat."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon
from tests.support.waiting import eventually

# Beats, and destroys the key when it is told to.
VICTIM = """
import contextlib, os, sys, time
beat, key, go = sys.argv[1:]
while True:
    open(beat, "w").close()
    if os.path.exists(go):
        with contextlib.suppress(OSError):
            os.unlink(key)
    time.sleep(0.02)
"""


@pytest.fixture
def key(daemon: Daemon) -> Path:
    """A private key of the operator."""
    key = daemon.home.user / ".ssh" / "id_ed25519"
    key.parent.mkdir(mode=0o700)
    key.write_text("only here")
    key.chmod(0o600)
    return key


def launch(daemon: Daemon, key: Path, name: str, *options: str) -> Path:
    """A detached agent; its heartbeat."""
    beat = daemon.workspace / f"beat-{name}"
    words = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", name, "--workspace", str(daemon.workspace)]
    code = [sys.executable, "-c", VICTIM, str(beat), str(key), str(daemon.workspace / "go")]
    subprocess.run([*words, *options, "--", *code], env=daemon.home.env, check=True, timeout=30, capture_output=True)
    eventually(beat.exists, 20, "its heart beats")
    return beat


def silent(beat: Path) -> bool:
    """Whether the heart stands still over a silence window; it beats every 20 ms."""
    before = beat.stat().st_mtime_ns
    time.sleep(1.0)
    return beat.stat().st_mtime_ns == before


def alarms(daemon: Daemon) -> list[str]:
    bodies: list[dict[str, Any]] = [row["body"] for row in daemon.records() if row["kind"] == "alarm"]
    return [body["text"] for body in bodies if body["kind"] == "never-touch"]


def states(daemon: Daemon) -> dict[str, str]:
    return {row["name"]: row["state"] for row in daemon.call("agents")}


@pytest.mark.row("N14")
@pytest.mark.parametrize("contain", ["auto", "none"])
def test_who_destroys_a_key_past_the_gate_is_frozen_and_the_key_comes_back(daemon: Daemon, key: Path, contain: str) -> None:
    beat = launch(daemon, key, "wild", "--contain", contain)
    try:
        (daemon.workspace / "go").touch()
        eventually(lambda: states(daemon)["wild"] == "paused", 20, "it is paused")
        assert silent(beat)
        [text] = eventually(lambda: alarms(daemon), 20, "the journal tells it")
        assert f"{key} was deleted" in text
        assert "being paused: wild" in text
        assert f"controlroom protect restore {key}" in text
        assert not key.exists()
        row = daemon.call("show", id="wild")["files"]["rows"][0]
        assert (row["path"], row["did"], row["never"]) == (str(key), "deleted", True)
        command = [sys.executable, "-m", "controlroom", "protect", "restore", str(key), "--yes"]
        subprocess.run(command, env=daemon.home.env, check=True, timeout=30, capture_output=True)
        assert (key.read_text(), key.stat().st_mode & 0o777) == ("only here", 0o600)
        eventually(lambda: len(alarms(daemon)) == 2, 20, "that it was put back is on record, and is no violation")
    finally:
        daemon.call("kill", name="wild")


@pytest.mark.row("N14")
def test_an_agent_that_is_only_heard_of_is_told_to_be_loose(daemon: Daemon, key: Path) -> None:
    assert daemon.bash("true").answer()[0] == "allow"
    daemon.call("agents")
    time_to_begin = daemon.home.user / ".netrc"  # a member that is not there yet: its coming shows that the looks have begun

    def begun() -> list[str]:
        time_to_begin.write_text(str(time.monotonic()))
        return alarms(daemon)

    eventually(begun, 20, "never-touch files are looked at")
    assert "no process to take hold of, only its calls are denied" in alarms(daemon)[0]
    assert daemon.bash("true").answer()[0] == "deny"


@pytest.mark.row("N14")
def test_who_is_kept_from_it_by_walls_goes_on(daemon: Daemon, key: Path) -> None:
    if shutil.which("bwrap") is None:
        pytest.skip("needs bwrap")
    walled = launch(daemon, key, "walled", "--contain", "enforced")
    wild = launch(daemon, key, "wild", "--contain", "none")
    try:
        (daemon.workspace / "go").touch()
        eventually(lambda: states(daemon)["wild"] == "paused", 20, "the one without walls is paused")
        assert silent(wild)
        assert not silent(walled)
        assert states(daemon)["walled"] == "running"
    finally:
        daemon.call("kill", name="all")
