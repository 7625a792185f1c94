"""Names that are not UTF-8: no stop, no alarm and no answer to an operator is lost over what an agent calls its files."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import Refused
from tests.daemon.test_touched import launch, over, rows, watched
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

HOLDS = "import os, sys, time; f = open(os.fsencode(sys.argv[1]) + b'/odd-\\xff', 'wb'); open('held', 'w'); time.sleep(300)"


@pytest.fixture
def holder(daemon: Daemon) -> Iterator[str]:
    """An agent that has such a file open for write; its session."""
    session = launch(daemon, sys.executable, "-c", HOLDS, str(daemon.workspace))
    eventually((daemon.workspace / "held").exists, 20, "it has the file open")
    yield session
    with suppress(Refused):
        daemon.call("kill", name="worker")


@pytest.mark.row("K10", "K19")
@pytest.mark.parametrize("act", ["stop", "kill"])
def test_a_stop_has_its_proof_and_its_receipt(daemon: Daemon, holder: str, act: str) -> None:
    (row,) = daemon.call(act, name="worker")
    assert (row["state"], row["proof"]) == ("stopped", "cgroup populated 0") or row["proof"] in (
        "PID namespace ended",
        "ECHILD",
    )
    assert row["found"]["writing"] == [f"{daemon.workspace}/odd-\\xff"]


@pytest.mark.row("E8", "K19")
def test_the_emergency_stop_has_its_proof_and_its_receipt(daemon: Daemon, holder: str) -> None:
    daemon.call("estop")
    (row,) = daemon.call("agents")
    assert row["state"] in ("paused", "stopped")

    def found() -> list[dict[str, Any]]:
        proofs = [each["body"] for each in daemon.records() if each["kind"] == "stop.proof" and each["session"] == holder]
        return [proof["found"] for proof in proofs if proof["found"]]

    assert eventually(found, 20, "its receipt is on the disk")[-1]["writing"] == [f"{daemon.workspace}/odd-\\xff"]


def test_its_files_and_its_processes_are_told(daemon: Daemon, holder: str) -> None:
    Path(os.fsdecode(os.fsencode(daemon.workspace) + b"/new-\xff")).touch()
    eventually(lambda: rows(daemon, holder).get("new-\\xff"), 20, "what the disk showed")
    opened = eventually(lambda: daemon.call("files", session=holder)["open"], 20, "what is open")
    assert f"{daemon.workspace}/odd-\\xff" in [each["path"] for each in opened]
    assert daemon.call("show", id="worker")


def test_a_receipt_tells_what_changed_meanwhile(daemon: Daemon) -> None:
    assert daemon.bash("true", call="toolu_0").answer()[0] == "allow"
    (session,) = [row["id"] for row in daemon.call("agents")]
    watched(daemon, session)
    assert daemon.bash("make", call="toolu_1").answer()[0] in ("allow", "deny")
    Path(os.fsdecode(os.fsencode(daemon.workspace) + b"/made-\xff")).touch()
    eventually(lambda: rows(daemon, session).get("made-\\xff"), 20, "the disk has told")
    over(daemon, "toolu_1")

    def seen() -> list[str]:
        return [path for each in daemon.records() if each["kind"] == "seen" for path in each["body"]["created"]]

    assert eventually(seen, 20, "it is recorded") == [f"{daemon.workspace}/made-\\xff"]


def test_an_agent_in_such_a_folder_is_adopted_and_stopped(daemon: Daemon) -> None:
    folder = os.fsencode(daemon.workspace) + b"/\xff"
    os.mkdir(folder)
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], cwd=folder) as process:
        try:
            row = daemon.call("adopt", pid=process.pid)
            assert row["workspace"] == f"{daemon.workspace}/\\xff"
            daemon.call("kill", name=row["name"])
            assert process.wait(20) == -9
        finally:
            process.kill()
