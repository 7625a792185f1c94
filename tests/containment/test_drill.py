"""The drill launches a real dummy, freezes and kills it with proof, leaves nothing behind, and fails where the stop would."""

from pathlib import Path

import msgspec
import pytest

from controlroom.containment import drill, hold
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, Rung, StopResult


@pytest.mark.row("E10")
def test_a_dummy_is_frozen_and_killed_with_proof_and_nothing_is_left(probe: Probe) -> None:
    came = drill.run(probe)
    assert came.why == ""
    assert came.kill is not None
    assert came.kill.proof == ("cgroup populated 0" if probe.rung is Rung.CGROUP else "ECHILD")
    assert came.freeze is not None
    assert came.freeze.confirmed is (probe.rung is Rung.CGROUP)
    if probe.base:
        assert not list(Path(probe.base).glob("drill-*"))


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
