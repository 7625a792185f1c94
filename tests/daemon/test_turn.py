"""Root's daemon has its turn before what it stops; what it launches has not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.daemon.turn import NICE
from controlroom.storage import handles
from tests.support.daemon import Daemon

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may go before others")


def group(pid: int) -> str:
    """The nice value of the scheduler's group that a process is in, "" on a kernel without such groups."""
    try:
        return Path(f"/proc/{pid}/autogroup").read_text("ascii").split()[-1]
    except FileNotFoundError:
        return ""


@ROOT
def test_the_daemon_goes_first_and_so_does_the_group_of_its_session(daemon: Daemon) -> None:
    assert os.getpriority(os.PRIO_PROCESS, daemon.process.pid) == NICE
    assert group(daemon.process.pid) in (str(NICE), "")


@ROOT
def test_an_agent_has_its_own_place_behind(daemon: Daemon) -> None:
    command = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", "a", "--workspace", str(daemon.workspace)]
    subprocess.run([*command, "--", "sleep", "600"], env=daemon.home.env, check=True, timeout=60)
    (handle,) = handles.load_all(daemon.places.agents)
    assert handle.root is not None
    assert os.getpriority(os.PRIO_PROCESS, handle.root.pid) > os.getpriority(os.PRIO_PROCESS, 0)
    assert group(handle.root.pid) in ("0", "")
    daemon.call("kill", name="a")


def test_who_may_not_go_first_goes_on_without() -> None:
    code = (
        "import os; from controlroom.daemon.turn import go_first; os.geteuid() or os.setresuid(65534, 65534, 65534);"
        "before = os.nice(0); go_first(); print(os.nice(0) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, start_new_session=True)
    assert (done.stdout, done.stderr) == ("0\n", "")
