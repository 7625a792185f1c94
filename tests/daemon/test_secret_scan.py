"""Secrets in agents' logs are told once, with file, line and kind; by the room, by `show` and after a restart; never they."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import daemon as daemons
from tests.support.daemon import Daemon, header
from tests.support.waiting import eventually

TOKEN = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"


def call(daemon: Daemon, transcript: Path) -> str:
    """A hook that names its transcript; the session that it came to."""
    body = {
        "session_id": "s", "transcript_path": str(transcript), "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse",
        "tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1",
    }  # fmt: skip
    asker = daemon.connect().say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())
    assert asker.answer()[0] == "allow"
    return str(daemon.call("agents")[-1]["id"])


def found(daemon: Daemon, session: str) -> list[dict[str, Any]]:
    known: dict[str, Any] = daemon.call("permissions", session=session)
    return list(known["secrets"])


def alarms(daemon: Daemon) -> list[str]:
    return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == "secret"]


@pytest.mark.row("R14")
def test_a_secret_in_a_log_is_told_once_and_never_itself(daemon: Daemon) -> None:
    log = daemon.home.user / "s.jsonl"
    line = json.dumps({"type": "user", "message": {"content": f"my token is {TOKEN}"}}) + "\n"
    log.write_text('{"type": "system"}\n' + line + line)
    session = call(daemon, log)
    (secret,) = eventually(lambda: [s for s in found(daemon, session) if s["times"] == 2], 20, "it is found in both lines")
    assert (secret["path"], secret["line"], secret["kind"]) == (str(log), 2, "github")
    (text,) = eventually(lambda: alarms(daemon), what="the alarm is on the disk")
    assert f"line 2 of the log {log}" in text
    daemons.stop(daemon)
    after = daemons.start(daemon.home)
    try:
        session = call(after, log)
        eventually(lambda: [s["times"] for s in found(after, session)] == [2], 20, "it is counted again and known")
        assert alarms(after) == [text]
    finally:
        daemons.stop(after)
    written = [p for p in daemon.home.path.rglob("*") if p.is_file() and "snapshots" not in p.parts]
    assert [p.name for p in written if TOKEN.encode() in p.read_bytes()] == []
