"""Hostile bytes in everything an agent can name, and what the operator's terminal gets of them."""

import json
import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support import daemon as daemons
from tests.support.daemon import Daemon, header
from tests.support.home import Home

CORPUS = {
    "title": "\x1b]2;owned\x1b\\",
    "clipboard": "\x1b]52;c;cm0gLXJmIC8=\x07",
    "link": "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\",
    "cursor": "\x1b[2J\x1b[1;1HAPPROVED",
    "device control": "\x1bP$qm\x1b\\\x1b_apc\x1b\\\x1b^pm\x1b\\",
    "8-bit": "\x9b31m\x9d0;t\x9c",
    "bell, backspace, return": "a\x07\x08\rrm",
    "bidi": "\u202egnp.exe\u2066x\u2069",
    "zero width": "r\u200bm\ufeff",
    "markup": "[/bold][@click=app.bell]x[/]",
}
PRINTABLE = re.compile(r"[^\x20-\x7e\n\r]")


@pytest.fixture
def daemon(home: Home) -> Iterator[Daemon]:
    made = daemons.start(home)
    yield made
    daemons.stop(made)


def _on_a_terminal(daemon: Daemon, *words: str) -> str:
    """What a command writes to a real terminal."""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "controlroom", *words]
    process = subprocess.Popen(command, env=daemon.home.env, stdin=follower, stdout=follower, stderr=follower)
    os.close(follower)
    written = b""
    try:
        while select.select([leader], [], [], 20)[0]:
            try:
                part = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            written += part
    finally:
        os.close(leader)
        process.wait(10)
    return written.decode()


@pytest.mark.row("D02")
@pytest.mark.row("D03")
@pytest.mark.parametrize("name", CORPUS)
def test_no_control_byte_of_an_agent_reaches_the_operators_terminal(daemon: Daemon, name: str) -> None:
    evil = CORPUS[name]
    body = {
        "session_id": evil, "transcript_path": evil, "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse",
        "tool_name": "mcp__" + evil, "tool_use_id": evil[:40],
        "tool_input": {"command": evil, "path": evil, "description": evil},
    }  # fmt: skip
    daemon.connect().say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())
    daemon.bash(f"rm -rf '{evil}'", says=evil)
    rows = daemon.pending(2)
    listings = [("pending",), ("agents",), ("receipts",), *(("show", row["id"]) for row in rows)]
    for words in listings:
        shown = _on_a_terminal(daemon, *words)
        assert not PRINTABLE.search(shown), f"{words}: {PRINTABLE.search(shown)!r} in {shown!r}"
    (removing,) = (row for row in rows if row["action"]["tool"] == "Bash")  # either may be asked first
    told = _on_a_terminal(daemon, "show", removing["id"])
    assert "rm" in told
