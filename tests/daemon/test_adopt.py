"""An agent that already runs is taken into the room with all that is found to belong to it; its hearts say what a stop did."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from controlroom.agents.known import conversation, kind_of
from controlroom.containment import descriptors, rungs
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
UUID = "01a20000-0000-7000-8000-000000000001"


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
            eventually(lambda: all((tmp_path / name).exists() for name in HEARTS), 20, "all hearts beat")
            agent = daemon.call("adopt", pid=process.pid, name="tree")
            assert (agent["label"], agent["rung"], agent["found"]) == ("ADVISORY", "cgroup", 3)
            [paused] = daemon.call("pause", name="tree")
            assert paused["proof"] == "cgroup frozen 1"
            assert beating(tmp_path) == set()
            daemon.call("resume", name="tree")
            eventually(lambda: beating(tmp_path) == set(HEARTS), 20, "all hearts beat again")
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
        (["node", "--require", "/opt/trace.js", "--max-old-space-size=4096", "/usr/bin/codex", "exec"], "codex"),
        (["/usr/lib/node_modules/@openai/codex/vendor/x86_64-unknown-linux-musl/codex/codex", "exec"], "codex"),
        (["/home/op/.opencode/bin/opencode"], "opencode"),
        (["node", "/usr/lib/node_modules/openclaw/openclaw.mjs", "gateway"], "openclaw"),
        (["openclaw-gateway"], "openclaw"),
        (["node", "--no-warnings", "/usr/lib/node_modules/@github/copilot/index.js"], "copilot"),
        (["node", "server.js"], None),
        (["node", "server.js", "/usr/bin/claude"], None),
        (["node", "-r"], None),
        (["grep", "claude"], None),
        ([], None),
    ],
)
def test_a_known_agent_is_told_by_how_it_was_started(argv: list[str], kind: str | None) -> None:
    assert kind_of(argv) == kind


@pytest.mark.parametrize(
    ("kind", "log", "own"),
    [
        ("claude-code", f"/h/.claude/projects/-w/{UUID}.jsonl", UUID),
        ("codex", f"/h/.codex/sessions/2026/11/26/rollout-2026-11-26T11-00-00-{UUID}.jsonl", UUID),
        ("gemini", "/h/.gemini/tmp/shop/chats/session-2026-11-26T11-00-01020304.jsonl", "01020304"),
        ("copilot", "/h/.copilot/session-state/abc/events.jsonl", "abc"),
        ("opencode", "/h/.local/share/opencode/opencode.db", ""),
        ("process", "/var/log/x", ""),
    ],
)
def test_the_name_of_a_log_tells_which_conversation_it_is(kind: str, log: str, own: str) -> None:
    assert conversation(kind, log) == own


PRETENDER = "import os, sys, time; held = [open(name, 'ab') for name in sys.argv[1:]]; time.sleep(60)"


@pytest.mark.parametrize(
    ("kind", "program", "log", "own", "read"),
    [
        ("opencode", "opencode", ".local/share/opencode/opencode.db", "", "not read"),
        ("openclaw", "openclaw-gateway", ".openclaw/agents/main/agent/openclaw-agent.sqlite", "", "not read"),
        ("codex", "codex", f".codex/sessions/2026/11/26/rollout-2026-11-26T11-00-00-{UUID}.jsonl", UUID, ""),
    ],
)
def test_an_adopted_agent_is_taken_in_with_its_log(
    daemon: Daemon, kind: str, program: str, log: str, own: str, read: str
) -> None:
    """A process that is called as the agent is, and has open what the agent has open."""
    path = daemon.home.user / log
    path.parent.mkdir(parents=True)
    path.touch()
    words = [program, "-c", PRETENDER, str(path)]
    with subprocess.Popen(words, executable=sys.executable, env=daemon.home.env, cwd=daemon.workspace) as process:
        try:
            eventually(lambda: str(path) in opened(process.pid), 20, "it has its log open")
            told = daemon.call("adopt", pid=process.pid)
            assert told["kind"] == kind
            [found] = told["logs"]
            assert (found["log"], found["session"]) == (str(path), own)
            assert read in found["read"]
            assert bool(found["read"]) is bool(read)
        finally:
            process.kill()


def opened(pid: int) -> set[str]:
    found = descriptors.look(pid)
    return set(found.files) if found else set()
