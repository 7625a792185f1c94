"""The rung of an ordinary login: its control group is root's, and systemd's user manager hands out others.

A real user manager (systemd, dbus) is started in namespaces of its own; tests of ours run beside it, as that user.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.containment import cgroup, rungs, scope
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Rung
from tests.support import ordinary

SYSTEMD = Path("/lib/systemd/systemd")
BUS_UNIT = Path("/usr/lib/systemd/user/dbus.socket")  # package dbus-user-session
RUNTIME = f"/run/user/{ordinary.UID}"
# A kernel that tells who it is by `/sys/fs/cgroup` alone, a machine that was booted with systemd, and a login beside it.
MACHINE = f"""
mount -t tmpfs none /run
mkdir -p /run/systemd/system {RUNTIME} /mnt/home
chown {ordinary.UID} {RUNTIME} /mnt/home
chmod 700 {RUNTIME}
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
(echo 0 > /sys/fs/cgroup/manager/cgroup.procs; exec {ordinary.become([str(SYSTEMD), "--user"], XDG_RUNTIME_DIR=RUNTIME)}) &
for _ in $(seq 200); do [ -S {RUNTIME}/bus ] && break; sleep 0.1; done
echo 0 > /sys/fs/cgroup/login/cgroup.procs
cd {ordinary.ROOT}
"""
NAMESPACES = ("--cgroup", "--pid", "--fork", "--mount-proc", "--kill-child")
TESTS = (
    "tests/cli/test_run.py::test_a_detached_agent_is_listed_held_and_ended",
    "tests/daemon/test_faults_sessions.py::test_what_was_frozen_without_the_daemon_is_shown_paused_and_can_be_resumed",
)


@pytest.fixture
def machine(cgroup_probe: Probe) -> Iterator[str]:
    """A control group that looks like a machine's root: `manager` is the user's, `login` is root's, who may move between."""
    missing = ordinary.why_not() or next((f"{path}" for path in (SYSTEMD, BUS_UNIT) if not path.exists()), "")
    if missing:
        pytest.skip(f"needs {missing}: no user manager can be started")
    root = cgroup_probe.leaf(f"machine-{os.getpid()}")
    for name in ("login", "manager"):
        Path(root, name).mkdir(parents=True)
    for path in (f"{root}/cgroup.procs", f"{root}/manager", *map(str, Path(root, "manager").iterdir())):
        os.chown(path, ordinary.UID, ordinary.UID)
    yield root
    cgroup.kill(root)
    assert cgroup.remove(root, 10)


def _run(root: str, words: list[str]) -> str:
    inner = ordinary.become(words, HOME="/mnt/home")  # as after su: nothing says where the manager is
    whole = ordinary.command(f"{MACHINE}\n{inner}", *NAMESPACES)
    joined = ["sh", "-c", f'echo 0 > {root}/cgroup.procs; exec "$@"', "sh", *whole]
    done = subprocess.run(joined, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=150, check=False)
    return done.stdout + done.stderr


@pytest.mark.timeout(180)
@pytest.mark.serial
def test_a_login_without_a_group_of_its_own_is_held_in_scopes_of_the_user_manager(machine: str) -> None:
    code = "from controlroom.containment import rungs; found = rungs.probe(); print(found.rung, found.scope, repr(found.base))"

    said = _run(machine, ["sh", "-c", f'"$0" -c "{code}"; exec "$0" "$@"', *ordinary.pytest(*TESTS)])

    assert "cgroup True ''\n" in said, said[-9000:]
    assert ordinary.passed(said) == "2 passed", said[-9000:]
    assert not list(Path(machine, "manager").rglob("run-*.scope")), "what was handed out is given back"


def test_without_a_user_manager_the_rung_says_so_in_systemds_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real program takes all our options, and fails only for the bus that is not there."""
    if not scope.find():
        pytest.skip("needs systemd-run")
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    scope.refuses.cache_clear()

    assert scope.refuses().startswith("Failed to connect to bus: ")
    scope.refuses.cache_clear()


def test_the_scope_is_the_rung_where_no_group_is_ours_and_a_manager_gives_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rungs, "_try", lambda _base, _own: "root's")
    monkeypatch.setattr(scope, "refuses", lambda: "")

    found = rungs.probe()

    assert (found.rung, found.base, found.scope, found.leaf("s")) == (Rung.CGROUP, "", True, "")


def test_who_was_started_in_a_scope_moves_aside_in_it_and_leaves_no_mark(cgroup_probe: Probe) -> None:
    """So that the agent's group may get controllers, which one with processes of its own hands to nobody."""
    leaf = cgroup_probe.leaf(f"scope-{os.getpid()}")
    code = (
        "import os; from controlroom.containment import cgroup, rungs; cgroup.join(os.environ['LEAF'])\n"
        "found = rungs.probe(); print(found.base, cgroup.path_of(os.getpid()), os.environ.get('CONTROLROOM_SCOPED'))"
    )
    cgroup.create(leaf)
    try:
        env = {**os.environ, scope.MARK: "1", "LEAF": leaf}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=30, check=True)
        assert done.stdout.split() == [f"{leaf}/controlroom-{os.getuid()}", f"{leaf}/shim", "None"]
    finally:
        assert cgroup.remove(leaf)
