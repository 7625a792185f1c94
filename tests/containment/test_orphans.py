"""An empty leaf goes at a daemon's start only where nobody will ever take it away: no shim, no handle, nobody in it."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.containment import cgroup, orphans
from controlroom.containment.rungs import Probe
from tests.support import daemon as daemons
from tests.support.home import Home
from tests.support.hostile import Grove, hold_session
from tests.support.waiting import eventually


@pytest.fixture
def base(cgroup_probe: Probe) -> Iterator[str]:
    """A folder of leaves of the test's own: in the common one every daemon that starts beside it looks too."""
    folder = cgroup_probe.leaf(f"test-{secrets.token_hex(8)}")
    yield folder
    if Path(folder).exists():
        cgroup.kill(folder)
        assert cgroup.remove(folder)


def _leaf(base: str) -> str:
    """An old leaf of a session that never was."""
    leaf = f"{base}/{secrets.token_hex(8)}"
    cgroup.create(leaf)
    _age(leaf)
    return leaf


def _age(leaf: str) -> None:
    then = time.time() - 2 * orphans.YOUNG
    os.utime(leaf, (then, then))


def test_an_empty_leaf_that_nobody_owns_goes_with_what_is_below_it(base: str) -> None:
    leaf = _leaf(base)
    Path(leaf, "below").mkdir()
    _age(leaf)

    assert orphans.clear(base, ()) == [leaf]
    assert not Path(leaf).exists()


def test_a_group_that_a_killed_probe_left_goes_too(base: str) -> None:
    probe = f"{base}/probe-{secrets.token_hex(16)}"
    cgroup.create(probe)
    assert orphans.clear(base, ()) == [], "it may be in use"
    _age(probe)
    assert orphans.clear(base, ()) == [probe]


def test_what_was_just_made_has_a_handle_or_another_name_stays(base: str) -> None:
    young, known, other = _leaf(base), _leaf(base), f"{base}/drill-{secrets.token_hex(8)}"
    os.utime(young)
    cgroup.create(other)
    _age(other)

    assert orphans.clear(base, (Path(known).name,)) == []
    assert all(Path(leaf).exists() for leaf in (young, known, other))


def test_where_no_leaves_are_nothing_is_done() -> None:
    assert orphans.clear("", ()) == orphans.clear("/nonexistent", ()) == []


def test_a_leaf_with_somebody_in_it_stays(base: str) -> None:
    leaf = _leaf(base)
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        try:
            cgroup.put(leaf, sleeper.pid)

            assert orphans.clear(base, ()) == []
            assert cgroup.procs(leaf) == [sleeper.pid]
        finally:
            sleeper.kill()


def test_an_empty_leaf_whose_shim_lives_stays_until_that_is_killed(cgroup_probe: Probe, base: str, grove: Grove) -> None:
    """All of the agent has moved out: that its leaf is empty does not mean that its session is over."""
    elsewhere, leaf = f"{base}/elsewhere", f"{base}/{secrets.token_hex(8)}"
    cgroup.create(elsewhere)
    with hold_session(cgroup_probe, grove.command("stubborn"), cgroup=leaf) as held:
        shim = held.start()
        grove.wait_for(1)
        for pid in cgroup.procs(leaf):
            cgroup.put(elsewhere, pid)
        _age(leaf)
        assert not cgroup.events(leaf).populated

        assert orphans.clear(base, ()) == []
        grove.wait_heard(1)
        shim.kill()
        shim.wait(20)
        assert orphans.clear(base, ()) == [leaf]


def test_a_daemon_takes_away_at_its_start_what_a_killed_shim_left(cgroup_probe: Probe, home: Home) -> None:
    code = (
        "import os, signal, sys; from controlroom.containment import cgroup, orphans; cgroup.create(sys.argv[1])\n"
        "with orphans.own(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    leaf = cgroup_probe.leaf(secrets.token_hex(8))
    killed = subprocess.run([sys.executable, "-c", code, leaf], timeout=30, check=False)
    assert (killed.returncode, Path(leaf).exists()) == (-signal.SIGKILL, True)
    _age(leaf)

    made = daemons.start(home)
    try:
        eventually(lambda: not Path(leaf).exists(), 20, "the leaf is gone")
    finally:
        daemons.stop(made)
