"""The stop's receipt: what was running, open for write, listening and connected, as the kernel tells it."""

import sys
from pathlib import Path

import pytest

from controlroom.containment import hold, inventory
from controlroom.containment.rungs import Probe
from tests.support.hostile import Grove, hold_session
from tests.support.waiting import eventually

BUSY = """
import os, socket, subprocess, sys, time
top = sys.argv[1]
log = open(top + "/being-written.log", "w")
reader = open(sys.argv[0] if os.path.exists(sys.argv[0]) else "/etc/hostname")
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
child = subprocess.Popen(["sleep", "60"])
open(top + "/port.tmp", "w").write(str(server.getsockname()[1]))
os.rename(top + "/port.tmp", top + "/port")
time.sleep(60)
"""


@pytest.mark.row("K10")
def test_it_names_what_a_stop_may_have_cut_off(probe: Probe, tmp_path: Path) -> None:
    with hold_session(probe, (sys.executable, "-c", BUSY, str(tmp_path))) as held:
        held.start()
        handle = held.handle()
        port = eventually(lambda: (tmp_path / "port").exists() and (tmp_path / "port").read_text(), 20, "it is busy")
        hold.freeze(handle)
        found = inventory.take(handle, 5.0)
    assert found.processes == 2
    assert any("sleep 60" in command for command in found.commands)
    assert found.writing == (str(tmp_path / "being-written.log"),)
    assert found.files == 1
    assert found.listening == (f"tcp 127.0.0.1:{port}",)
    assert f"tcp 127.0.0.1:{port}" in found.connected
    assert not found.partial


def test_without_time_it_says_that_it_saw_a_part(probe: Probe) -> None:
    with hold_session(probe, ("sleep", "60")) as held:
        held.start()
        found = inventory.take(held.handle(), -1.0)
    assert found.partial
    assert found.processes == 1


def test_of_many_that_are_to_be_killed_a_brief_look_sees_a_part_and_counts_all(cgroup_probe: Probe, grove: Grove) -> None:
    many = inventory.MANY + 1
    with hold_session(cgroup_probe, grove.command("flood", many)) as held:
        held.start()
        grove.wait_for(many, 60)
        found = inventory.take(held.handle(), 60.0, brief=True)
        hold.kill(held.handle())
    assert found.processes == many
    assert found.partial
