"""The files of a session: what its calls named, what the disk showed, and what nobody named."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.daemon import Daemon, header
from tests.support.waiting import eventually

IDLE = "import time; time.sleep(60)"


def launch(daemon: Daemon, *command: str, name: str = "worker") -> str:
    """A detached agent in the workspace; its session."""
    words = [sys.executable, "-m", "controlroom", "run", "--detach", "--name", name, "--workspace", str(daemon.workspace), "--"]
    subprocess.run([*words, *command], env=daemon.home.env, check=True, timeout=30, capture_output=True)
    session: str = next(row["id"] for row in daemon.call("agents") if row["name"] == name)
    return session


def lane(daemon: Daemon) -> str:
    """The session of the hook calls that the test makes itself."""
    session: str = next(row["id"] for row in daemon.call("agents") if row["label"] == "ADVISORY")
    return session


def rows(daemon: Daemon, session: str) -> dict[str, dict[str, Any]]:
    """What is known of files, by name below the workspace; a read has an r in front."""
    found = daemon.call("files", session=session)["rows"]
    return {("r " if row["did"] == "read" else "") + row["path"].removeprefix(f"{daemon.workspace}/"): row for row in found}


def watched(daemon: Daemon, session: str) -> None:
    eventually(lambda: daemon.call("files", session=session)["watch"] == "", 20, "the workspace is watched")


def over(daemon: Daemon, call: str) -> None:
    """The agent says that its call is over."""
    body = {"session_id": "s", "transcript_path": "/t", "cwd": str(daemon.workspace), "hook_event_name": "PostToolUse",
            "tool_name": "Bash", "tool_input": {}, "tool_response": {}, "tool_use_id": call}  # fmt: skip
    asker = daemon.connect().say(header("hook", agent="claude-code", event="PostToolUse"), json.dumps(body).encode())
    assert asker.answer()[0] == "ok"


def test_what_no_call_named_is_seen_on_disk(daemon: Daemon) -> None:
    session = launch(daemon, sys.executable, "-c", IDLE)
    try:
        watched(daemon, session)
        (daemon.workspace / "made").write_text("12345")
        row = eventually(lambda: rows(daemon, session).get("made"), 20, "it has a row")
        assert (row["did"], row["size"], row["call"], row["receipt"], row["seen"]) == ("created", 5, "", "", True)
        (daemon.workspace / "made").unlink()
        eventually(lambda: rows(daemon, session)["made"]["did"] == "deleted", 20, "and is gone")
    finally:
        daemon.call("kill", name="worker")


def test_a_call_owns_what_it_named_and_its_receipt_shows_what_it_did_not(daemon: Daemon) -> None:
    (daemon.workspace / "notes").write_text("old")
    assert daemon.bash("cat notes", call="toolu_1").answer()[0] == "allow"
    session = lane(daemon)
    watched(daemon, session)
    assert rows(daemon, session)["r notes"]["call"] == "toolu_1"
    assert daemon.bash("echo new > fresh", call="toolu_2").answer()[0] == "allow"
    (daemon.workspace / "fresh").write_text("new")
    (daemon.workspace / "beside").write_text("not named")
    eventually(lambda: {"fresh", "beside"} <= rows(daemon, session).keys(), 20, "both have rows")
    named, beside = rows(daemon, session)["fresh"], rows(daemon, session)["beside"]
    eventually(lambda: rows(daemon, session)["fresh"]["seen"], 20, "the disk showed what the call named")
    assert named["call"] == "toolu_2"
    assert (beside["call"], beside["receipt"]) == ("", "")
    over(daemon, "toolu_2")

    def receipt() -> Any:
        return next(r for r in daemon.call("receipts") if r["id"] == named["receipt"])

    eventually(lambda: receipt()["effects_observed"] is not None, 20, "its receipt tells what was seen")
    seen = {path for effect in receipt()["effects_observed"] for path in effect["targets"]}
    assert seen == {str(daemon.workspace / "fresh"), str(daemon.workspace / "beside")}
    assert "not who did it" in receipt()["observed_note"]
    assert not any("not observed" in gap for gap in receipt()["gaps"])


def test_what_the_next_call_did_is_not_on_the_receipt_of_the_one_before(daemon: Daemon) -> None:
    assert daemon.bash("true", call="toolu_0").answer()[0] == "allow"
    session = lane(daemon)
    watched(daemon, session)

    def act(call: str, named: str, beside: str) -> None:
        assert daemon.bash(f"echo x > {named}", call=call).answer()[0] == "allow"
        time.sleep(0.05)  # by the clock of the file system, which ticks, what comes now is after the call began
        (daemon.workspace / named).write_text("x")
        (daemon.workspace / beside).write_text("x")
        eventually(lambda: {named, beside} <= rows(daemon, session).keys(), 20, "the disk has told")
        over(daemon, call)

    act("toolu_1", "first", "beside_first")
    act("toolu_2", "second", "beside_second")

    def seen(call: str) -> set[str]:
        (receipt,) = [r for r in daemon.call("receipts") if r["call"] == call]
        return {Path(path).name for effect in receipt["effects_observed"] or () for path in effect["targets"]}

    assert eventually(lambda: seen("toolu_1"), 20, "the first is told") == {"first", "beside_first"}
    assert eventually(lambda: seen("toolu_2"), 20, "the second is told") == {"second", "beside_second"}


def test_a_question_for_files_waits_for_news_and_not_longer(daemon: Daemon) -> None:
    session = launch(daemon, sys.executable, "-c", IDLE)
    try:
        watched(daemon, session)
        seq = daemon.call("files", session=session)["seq"]
        assert daemon.call("files", session=session, seq=seq, wait=0.1)["seq"] == seq
        child = subprocess.Popen(
            [sys.executable, "-c", f"import time; time.sleep(0.3); open({str(daemon.workspace / 'late')!r}, 'w')"]
        )
        told = daemon.call("files", session=session, seq=seq, wait=10)
        child.wait(10)
        assert [Path(row["path"]).name for row in told["rows"]] == ["late"]
    finally:
        daemon.call("kill", name="worker")


def test_what_git_keeps_for_itself_is_one_row(daemon: Daemon) -> None:
    (daemon.workspace / ".git/hooks").mkdir(parents=True)
    session = launch(daemon, sys.executable, "-c", IDLE)
    try:
        watched(daemon, session)
        for name in ("index", "HEAD", "hooks/pre-commit"):
            (daemon.workspace / ".git" / name).touch()
        eventually(lambda: rows(daemon, session).keys() == {".git", ".git/hooks/pre-commit"}, 20, "its own files are folded")
    finally:
        daemon.call("kill", name="worker")
