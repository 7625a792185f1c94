"""A fork bomb of 300 meets an emergency stop. How long that takes, with all of them spinning, is a figure of `make bench`."""

import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.containment import hold
from controlroom.storage import handles
from tests.support.daemon import Daemon
from tests.support.hostile import Grove

BOMB = 300
UP = 40.0  # s until all of them beat, on a busy machine
SILENCE = 0.6  # s: four beats of so many


@pytest.mark.serial
@pytest.mark.row("E3")
def test_an_emergency_stop_silences_every_one_of_300_processes(daemon: Daemon, tmp_path: Path) -> None:
    grove = Grove(tmp_path, UP + 20)
    command = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", "bomb", "--workspace", str(daemon.workspace)]
    subprocess.run([*command, "--", *grove.command("flood", BOMB)], env=daemon.home.env, check=True, timeout=60)
    (handle,) = handles.load_all(daemon.places.agents)
    try:
        grove.wait_for(BOMB, UP)

        (row,) = daemon.call("estop")["results"]

        assert grove.heard(SILENCE) == set()
        assert len(grove.beats()) == BOMB
        assert row["found"]["processes"] >= BOMB, "those of a sandbox may be among them"
        assert row["proof"]
        assert row["survivors"] == []
    finally:
        hold.kill(handle)
