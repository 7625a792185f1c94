"""What is told of a session's processes: the tree, what each has open, and who has left the session's control group."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlroom.containment import cgroup, hold, rungs
from controlroom.daemon.load import Sampler
from controlroom.model.agent import Handle, Rung
from controlroom.model.view import ProcessView
from tests.support.daemon import Daemon
from tests.support.hostile.session import hold_session
from tests.support.waiting import eventually

BUSY = """
import os, socket, subprocess, sys, time
top = sys.argv[1]
log = open(top + "/being-written.log", "w")
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
child = subprocess.Popen(["sleep", "60"], cwd=top)
open(top + "/port.tmp", "w").write(str(server.getsockname()[1]))
os.rename(top + "/port.tmp", top + "/port")
end = time.time() + 60
while time.time() < end:
    pass
"""


@pytest.fixture(params=[Rung.CGROUP, Rung.SUBREAPER])
def probe(request: pytest.FixtureRequest) -> rungs.Probe:
    found = rungs.probe(request.param)
    if found.rung is not request.param:
        pytest.skip(f"needs a writable cgroup v2: {found.why}")
    return found


def busy(handle: Handle, sampler: Sampler) -> dict[str, ProcessView]:
    """The rows by the first word of their command."""
    sampler.sample([handle])
    return {os.path.basename(row.command[0]): row for row in sampler.rows(handle).rows if row.command}


def both(sampler: Sampler, handle: Handle) -> bool:
    """Whether two sleepers are what they are going to be."""
    commands = {row.command for row in sampler.rows(handle).rows}
    return {("sleep", "61"), ("sleep", "62")} <= commands


def test_the_tree_and_what_each_of_it_has_open_is_told(probe: rungs.Probe, tmp_path: Path) -> None:
    with hold_session(probe, (sys.executable, "-c", BUSY, str(tmp_path))) as held:
        held.start()
        handle, sampler = held.handle(), Sampler()
        port = eventually(lambda: (tmp_path / "port").exists() and (tmp_path / "port").read_text(), 20, "it is busy")
        python = os.path.basename(sys.executable)
        eventually(lambda: busy(handle, sampler)[python].cpu > 1, 20, "it uses the processor")
        rows = busy(handle, sampler)
        parent, child = rows[python], rows["sleep"]
        assert (child.depth, child.command, child.cwd) == (parent.depth + 1, ("sleep", "60"), str(tmp_path))
        assert child.waits, "where it sleeps"
        assert parent.listening == (f"tcp 127.0.0.1:{port}",)
        assert f"tcp 127.0.0.1:{port}" in parent.connected
        assert parent.files is not None
        assert parent.files >= 5
        assert parent.memory > 1 << 20
        first = sampler.opened(handle)[0]
        assert (first.path, first.writes) == (f"{tmp_path}/being-written.log", True)
        assert sampler.loads[handle.session].processes == len(rows)


def test_rows_are_found_and_only_those_that_are_shown_are_looked_into(probe: rungs.Probe) -> None:
    with hold_session(probe, ("sh", "-c", "sleep 61 & sleep 62 & wait")) as held:
        held.start()
        handle, sampler = held.handle(), Sampler()
        eventually(lambda: both(sampler, handle), 20, "both run")
        found = sampler.rows(handle, "SLEEP 61")
        assert [row.command for row in found.rows if row.command[0] == "sleep"] == [("sleep", "61")]
        assert found.total == 3
        shown = next(row.pid for row in found.rows if row.command[0] == "sleep")
        assert [row.whole for row in sampler.rows(handle, "sleep 6", whole=[shown]).rows].count(True) == 1
        assert len(sampler.rows(handle, most=1).rows) == 1


def test_who_leaves_the_control_group_is_told_as_outside(tmp_path: Path) -> None:
    found = rungs.probe()
    if found.rung is not Rung.CGROUP or not os.access(cgroup.mount().point, os.W_OK):  # type: ignore[union-attr]
        pytest.skip(f"needs a writable cgroup v2: {found.why}")
    with hold_session(found, ("sh", "-c", "sleep 61 & sleep 62 & wait"), tag=424_242) as held:
        held.start()
        handle, sampler = held.handle(), Sampler()
        eventually(lambda: both(sampler, handle), 20, "both run")
        runaway = next(row.pid for row in sampler.rows(handle).rows if row.command == ("sleep", "61"))
        cgroup.put(os.path.dirname(handle.cgroup), runaway)
        try:

            def outside() -> list[int]:
                sampler._looked = 0.0
                sampler.sample([handle])
                return [row.pid for row in sampler.rows(handle).rows if row.outside]

            eventually(lambda: outside() == [runaway], 20, "it is told")
            assert sampler.rows(handle).rows[0].pid == runaway, "before all others"
        finally:
            hold.kill(handle)


def test_an_escape_is_an_alarm_once(daemon: Daemon) -> None:
    if rungs.probe().rung is not Rung.CGROUP:
        pytest.skip(f"needs a writable cgroup v2: {rungs.probe().why}")
    words = [
        sys.executable,
        "-m",
        "controlroom",
        "run",
        "--detach",
        "--name",
        "wild",
        "--workspace",
        str(daemon.workspace),
        "--",
    ]
    subprocess.run(
        [*words, "sh", "-c", "sleep 60 & sleep 60"], env=daemon.home.env, check=True, timeout=30, capture_output=True
    )
    try:
        rows = eventually(
            lambda: [r for r in daemon.call("show", id="wild")["processes"]["rows"] if r["depth"]], 10, "it has a child"
        )
        cgroup.put(os.path.dirname(cgroup.path_of(rows[0]["pid"])), rows[0]["pid"])

        def told() -> list[str]:
            return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == "escape"]

        eventually(told, 20, "operators are told")
        assert str(rows[0]["pid"]) in told()[0]
    finally:
        daemon.call("kill", name="wild")
