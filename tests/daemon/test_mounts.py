"""An agent that sees other mounts: what a path means to it cannot be told, so what changes something asks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Daemon, header

CLIENT = """
import socket, sys
with socket.socket(socket.AF_UNIX) as line:
    line.connect(sys.argv[1])
    line.sendall(sys.stdin.buffer.read())
    print(line.makefile("rb").read().split()[2].decode())
"""


def ask(daemon: Daemon, command: str, *before: str) -> "subprocess.Popen[bytes]":
    """A hook's question from a process of its own, started through `before`."""
    body = {"session_id": "s", "transcript_path": "/t", "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse"}
    call = {**body, "tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": "toolu_1"}
    words = [*before, sys.executable, "-c", CLIENT, str(daemon.places.gate_sock)]
    asker = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert asker.stdin is not None
    asker.stdin.write(header("hook", agent="claude-code", event="PreToolUse") + b"\n" + json.dumps(call).encode() + b"\n")
    asker.stdin.close()
    return asker


@pytest.mark.row("N06")
def test_what_changes_something_from_other_mounts_asks(daemon: Daemon) -> None:
    elsewhere = ("unshare", "-rm")
    probe = subprocess.run([*elsewhere, "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("no mount namespace of one's own here (unshare -rm)")
    for command, before in (("touch here", ()), ("ls", elsewhere)):
        with ask(daemon, command, *before) as asker:
            assert asker.stdout is not None
            assert asker.stdout.read() == b"allow\n"
    with ask(daemon, "touch there", *elsewhere) as asker:
        row = daemon.pending()[0]
        assert row["tier"] == "T3"
        assert "gate.mounts" in json.dumps(daemon.call("show", id=row["id"]))
        daemon.call("deny", id=row["id"], digest=row["digest"], reason="no")
        assert asker.stdout is not None
        assert asker.stdout.read() == b"deny\n"
    assert not (Path(daemon.workspace) / "there").exists()
