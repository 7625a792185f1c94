"""The drill launches a real dummy, freezes and kills it with proof, leaves nothing behind, and fails where the stop would."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from controlroom.containment import drill, hold
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, Rung, StopResult
from tests.support.hostile import Grove
from tests.support.waiting import eventually

# Stands for a daemon in the middle of a drill: it tells where its dummy is, and hangs.
IN_A_DRILL = """
import sys, time
from controlroom.containment import drill, hold, rungs

def stand(handle):
    print(handle.root.pid, handle.shim.pid if handle.shim else 0, flush=True)
    time.sleep(600)

setattr(hold, sys.argv[1], stand)
drill.run(rungs.probe(sys.argv[2]))
"""


@pytest.mark.row("E10")
def test_a_dummy_is_frozen_and_killed_with_proof_and_nothing_is_left(probe: Probe) -> None:
    came = drill.run(probe)
    assert came.why == ""
    assert came.kill is not None
    assert came.kill.proof == ("cgroup populated 0" if probe.rung is Rung.CGROUP else "ECHILD")
    assert came.freeze is not None
    assert came.freeze.confirmed is (probe.rung is Rung.CGROUP)
    if probe.base:
        assert not Path(probe.leaf(came.kill.session)).exists()


@pytest.mark.row("E10")
def test_a_kill_without_proof_fails_the_drill(subreaper_probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    real = hold.kill

    def unproved(handle: Handle) -> StopResult:
        return msgspec.structs.replace(real(handle), proof="", why="a sweep is no proof")

    monkeypatch.setattr(hold, "kill", unproved)
    assert "not confirmed: a sweep is no proof" in drill.run(subreaper_probe).why


@pytest.mark.row("E10")
def test_a_rung_that_is_gone_fails_the_drill_in_words(tmp_path: Path) -> None:
    came = drill.run(Probe(Rung.CGROUP, str(tmp_path / "missing" / "base"), "gone"))
    assert "could not be launched" in came.why or "did not stand" in came.why


@pytest.mark.row("E10")
@pytest.mark.parametrize("before", ["freeze", "kill"])
def test_the_dummy_ends_when_the_daemon_is_killed_also_a_frozen_one_and_its_folder_goes_too(
    probe: Probe, grove: Grove, before: str
) -> None:
    env = {**os.environ, "TMPDIR": str(grove.folder)}
    words = [sys.executable, "-c", IN_A_DRILL, before, probe.rung]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as daemon:
        assert daemon.stdout is not None
        line = daemon.stdout.readline()
        daemon.kill()
    pids = [int(pid) for pid in line.split()]
    assert all(pids), line
    eventually(lambda: not any(Path("/proc", str(pid)).exists() for pid in pids), 20, "dummy and shim are gone")
    eventually(lambda: not list(grove.folder.iterdir()), 20, "the folder of the drill is gone")
