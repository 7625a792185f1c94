"""Both rungs for every test that asks for `probe`; heartbeats in a folder of the test's own."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.containment import rungs
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Rung
from tests.support.hostile import Grove


def _cgroup() -> Probe:
    found = rungs.probe()
    if found.rung is not Rung.CGROUP:
        pytest.skip(f"needs a writable cgroup v2: {found.why}")
    return found


@pytest.fixture(params=[Rung.CGROUP, Rung.SUBREAPER])
def probe(request: pytest.FixtureRequest) -> Probe:
    """Each rung in turn."""
    return _cgroup() if request.param is Rung.CGROUP else rungs.probe(Rung.SUBREAPER)


@pytest.fixture
def cgroup_probe() -> Probe:
    """The cgroup rung alone."""
    return _cgroup()


@pytest.fixture
def subreaper_probe() -> Probe:
    """The subreaper rung alone."""
    return rungs.probe(Rung.SUBREAPER)


@pytest.fixture
def grove() -> Iterator[Grove]:
    """A folder of heartbeats that other users can reach too."""
    folder = Path(tempfile.mkdtemp(prefix="cr"))
    yield Grove(folder)
    shutil.rmtree(folder)
