"""Copilot CLI's calls have no id at the gate, and its log tells of a whole turn before the hooks come one by one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Asker, Daemon, header
from tests.support.waiting import eventually, never

BUILD, TOUCH = {"command": "rm -rf build"}, {"command": "touch ran"}
DOUBTS = ("ungated", "other-input")


@pytest.fixture
def log(daemon: Daemon) -> Path:
    (daemon.workspace / "build").mkdir()
    (daemon.workspace / "build" / "x").write_text("x", encoding="utf-8")
    path = daemon.home.user / "events.jsonl"
    path.write_text("", encoding="utf-8")
    return path


def write(log: Path, kind: str, data: dict[str, object]) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"type": kind, "data": data, "timestamp": "2026-11-26T15:00:01.000Z"}) + "\n")


def turn(log: Path, *calls: tuple[str, dict[str, str]]) -> None:
    """The model asks for these calls, all at once."""
    requests = [{"toolCallId": name, "name": "bash", "arguments": given} for name, given in calls]
    write(log, "assistant.message", {"content": "", "toolRequests": requests})


def hook(daemon: Daemon, log: Path, event: str, given: dict[str, str], **more: object) -> Asker:
    call = {"sessionId": "s", "cwd": str(daemon.workspace), "transcriptPath": str(log), "toolName": "bash", "toolArgs": given}
    return daemon.connect().say(header("hook", agent="copilot", event=event), json.dumps({**call, **more}).encode())


def alarms(daemon: Daemon) -> list[dict[str, Any]]:
    return [r["body"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] in DOUBTS]


def calls(daemon: Daemon) -> list[dict[str, Any]]:
    """The calls in the story of the one session."""
    [agent] = daemon.call("agents")
    return [row for row in daemon.call("story", session=agent["id"])["rows"] if row["kind"] == "call"]


def receipts(daemon: Daemon) -> dict[str, dict[str, Any]]:
    """By command."""
    return {json.loads(row["action"]["input"])["command"]: row for row in daemon.call("receipts")}


def test_a_turn_of_which_one_call_waits_is_told_once_and_whole(daemon: Daemon, log: Path) -> None:
    first = hook(daemon, log, "preToolUse", BUILD)
    [request] = daemon.pending()
    turn(log, ("t1", BUILD), ("t2", TOUCH))
    eventually(lambda: len(calls(daemon)) == 2, 20, "the log is read")
    never(lambda: alarms(daemon), 3.0, "the second call, whose hook has not come yet, is taken for one past the gate")
    daemon.call("allow", id=request["id"], digest=request["digest"])
    assert first.answer()[0] == "allow"
    assert hook(daemon, log, "preToolUse", TOUCH).answer()[0] == "allow"
    write(log, "tool.execution_complete", {"toolCallId": "t2", "success": True, "result": {"content": ""}})
    write(log, "tool.execution_complete", {"toolCallId": "t1", "success": True, "result": {"content": ""}})
    hook(daemon, log, "postToolUse", TOUCH, toolResult={"resultType": "success", "textResultForLlm": "ok"}).answer()
    failed = "<shellId: 0 completed with exit code 1>"
    hook(daemon, log, "postToolUse", BUILD, toolResult={"resultType": "success", "textResultForLlm": failed}).answer()
    eventually(lambda: all(row["outcome"] for row in receipts(daemon).values()), 20, "both ended")
    found = receipts(daemon)
    assert {command: row["outcome"]["ok"] for command, row in found.items()} == {"rm -rf build": False, "touch ran": True}
    rows = eventually(lambda: [row for row in calls(daemon) if row["outcome"]][1:] and calls(daemon), 20, "the log's ends")
    assert {row["receipt"] for row in rows} == {row["id"] for row in found.values()}
    assert [row["gate"].split()[0] for row in rows] == ["allowed", "allowed"]
    never(lambda: alarms(daemon), 2.0, "a gated call is taken for another")


@pytest.mark.row("G06")
def test_a_call_like_one_that_came_to_the_gate_is_not_covered_by_it(daemon: Daemon, log: Path) -> None:
    assert hook(daemon, log, "preToolUse", TOUCH).answer()[0] == "allow"
    turn(log, ("t1", TOUCH))
    turn(log, ("t2", TOUCH))
    [alarm] = eventually(lambda: alarms(daemon), 20, "the call without a gate is told")
    assert alarm["call"] == "t2"


@pytest.mark.row("G06")
def test_what_ran_otherwise_than_it_was_judged_is_told(daemon: Daemon, log: Path) -> None:
    assert hook(daemon, log, "preToolUse", TOUCH).answer()[0] == "allow"
    turn(log, ("t1", TOUCH))
    hook(daemon, log, "postToolUse", BUILD, toolResult={"resultType": "success"}).answer()
    [alarm] = eventually(lambda: alarms(daemon), 20, "the other input is told")
    assert "command is 'rm -rf build', approved was 'touch ran'" in alarm["text"]


@pytest.mark.row("G06")
def test_a_denied_call_that_the_log_says_ran_is_told(daemon: Daemon, log: Path) -> None:
    asker = hook(daemon, log, "preToolUse", BUILD)
    [request] = daemon.pending()
    daemon.call("deny", id=request["id"], reason="no")
    assert asker.answer()[0] == "deny"
    turn(log, ("t1", BUILD))
    write(log, "tool.execution_complete", {"toolCallId": "t1", "success": True, "result": {"content": ""}})
    [alarm] = eventually(lambda: alarms(daemon), 20, "it is told")
    assert alarm["text"].startswith("RAN THOUGH DENIED: bash")


def test_a_hook_that_names_no_call_that_can_be_read_is_denied(daemon: Daemon, log: Path) -> None:
    verdict, why = hook(daemon, log, "preToolUse", TOUCH, toolArgs=5).answer()
    assert verdict == "deny"
    assert "toolArgs: must be an object or a text" in why
