"""An agent that already runs is taken into the room with all that is found to belong to it; its hearts say what a stop did."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from controlroom.agents.known import kind_of
from controlroom.containment import rungs
from controlroom.model.agent import Rung
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

# A root that leads its own session, a child, and a daemonised grandchild that still is in the session of the root.
TREE = """
import os, subprocess, sys, time
beat = "import sys, time\\nwhile True: open(sys.argv[1], 'w').close(); time.sleep(0.02)"
subprocess.Popen([sys.executable, "-c", beat, sys.argv[1] + "/child"])
if os.fork() == 0:
    subprocess.Popen([sys.executable, "-c", beat, sys.argv[1] + "/orphan"])
    os._exit(0)
while True:
    open(sys.argv[1] + "/root", "w").close(); time.sleep(0.02)
"""
HEARTS = ("root", "child", "orphan")


def beating(folder: Path) -> set[str]:
    """Whose heart beats, over a silence window of a second."""
    before = {name: (folder / name).stat().st_mtime_ns for name in HEARTS}
    time.sleep(1.0)
    return {name for name in HEARTS if (folder / name).stat().st_mtime_ns != before[name]}


@pytest.mark.row("K02")
def test_an_adopted_tree_is_frozen_resumed_and_killed_whole(daemon: Daemon, tmp_path: Path) -> None:
    if rungs.probe().rung is not Rung.CGROUP:
        pytest.skip(f"needs a writable cgroup v2: {rungs.probe().why}")
    with subprocess.Popen([sys.executable, "-c", TREE, str(tmp_path)], start_new_session=True) as process:
        try:
            eventually(lambda: all((tmp_path / name).exists() for name in HEARTS), 10, "all hearts beat")
            agent = daemon.call("adopt", pid=process.pid, name="tree")
            assert (agent["label"], agent["rung"], agent["found"]) == ("ADVISORY", "cgroup", 3)
            [paused] = daemon.call("pause", name="tree")
            assert paused["proof"] == "cgroup frozen 1"
            assert beating(tmp_path) == set()
            daemon.call("resume", name="tree")
            assert beating(tmp_path) == set(HEARTS)
            [killed] = daemon.call("kill", name="tree")
            assert killed["proof"] == "cgroup populated 0"
            assert beating(tmp_path) == set()
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("argv", "kind"),
    [
        (["claude"], "claude-code"),
        (["/home/op/.local/bin/claude", "-p", "x"], "claude-code"),
        (["node", "--no-warnings", "/usr/lib/node_modules/@google/gemini-cli/dist/index.js"], "gemini"),
        (["/usr/bin/node", "/usr/local/bin/codex"], "codex"),
        (["node", "server.js"], None),
        (["grep", "claude"], None),
        ([], None),
    ],
)
def test_a_known_agent_is_told_by_how_it_was_started(argv: list[str], kind: str | None) -> None:
    assert kind_of(argv) == kind
