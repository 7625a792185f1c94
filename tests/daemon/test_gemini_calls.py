"""Gemini CLI's calls have no id at the gate; the hooks of one turn come at once, and its log tells of them when all end."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Asker, Daemon, header
from tests.support.waiting import eventually, never

BUILD, TOUCH = {"command": "rm -rf build"}, {"command": "touch ran"}
DOUBTS = ("ungated", "other-input", "unwatched")
SHELL = "run_shell_command"


@pytest.fixture
def log(daemon: Daemon) -> Path:
    (daemon.workspace / "build").mkdir()
    (daemon.workspace / "build" / "x").write_text("x", encoding="utf-8")
    path = daemon.home.user / "session-2026-11-26T20-54-f0d6bf32.jsonl"
    path.write_text(
        '{"sessionId":"s","projectHash":"h","startTime":"2026-11-26T20:54:14.682Z","kind":"main"}\n', encoding="utf-8"
    )
    return path


def turn(log: Path, *calls: dict[str, object], message: str = "m1") -> None:
    """All calls of the turn are over, and the message is written again with them."""
    line = {"id": message, "type": "gemini", "content": "", "timestamp": "2026-11-26T20:54:16.000Z", "toolCalls": calls}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def done(name: str, given: object, *, tool: str = SHELL, error: str = "", shown: str | None = None) -> dict[str, object]:
    """One call as the log has it at its end."""
    said = {"error": error} if error else {"output": "ok"}
    result = [{"functionResponse": {"id": name, "name": tool, "response": said}}]
    end = {"status": "error" if error else "success", "resultDisplay": error if shown is None else shown}
    return {"id": name, "name": tool, "args": given, "result": result, "timestamp": "2026-11-26T20:54:16.000Z", **end}


def hook(daemon: Daemon, log: Path, event: str, given: dict[str, str], **more: object) -> Asker:
    call = {"session_id": "s", "cwd": str(daemon.workspace), "transcript_path": str(log), "hook_event_name": event}
    call |= {"tool_name": SHELL, "tool_input": given}  # type: ignore[dict-item]
    return daemon.connect().say(header("hook", agent="gemini", event=event), json.dumps({**call, **more}).encode())


def alarms(daemon: Daemon) -> list[dict[str, Any]]:
    return [r["body"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] in DOUBTS]


def calls(daemon: Daemon) -> list[dict[str, Any]]:
    """The calls in the story of the one session."""
    [agent] = daemon.call("agents")
    return [row for row in daemon.call("story", session=agent["id"])["rows"] if row["kind"] == "call"]


def receipts(daemon: Daemon) -> dict[str, dict[str, Any]]:
    """By command."""
    return {json.loads(row["action"]["input"])["command"]: row for row in daemon.call("receipts")}


def ended(code: int) -> dict[str, object]:
    return {"tool_response": {"llmContent": f"<untrusted_context>\nOutput: x\nExit Code: {code}\n", "returnDisplay": ""}}


def test_a_turn_of_which_one_call_waits_is_told_once_and_whole(daemon: Daemon, log: Path) -> None:
    first = hook(daemon, log, "BeforeTool", BUILD)
    assert hook(daemon, log, "BeforeTool", TOUCH).answer()[0] == "allow"
    [request] = daemon.pending()
    daemon.call("allow", id=request["id"], digest=request["digest"])
    assert first.answer() == ("allow", '{"decision":"allow"}')
    hook(daemon, log, "AfterTool", TOUCH, **ended(0)).answer()
    hook(daemon, log, "AfterTool", BUILD, **ended(1)).answer()
    eventually(lambda: all(row["outcome"] for row in receipts(daemon).values()), 20, "both ended")
    found = receipts(daemon)
    assert {command: row["outcome"]["ok"] for command, row in found.items()} == {"rm -rf build": False, "touch ran": True}
    turn(log, done("t1", BUILD), done("t2", TOUCH))
    rows = eventually(lambda: [row for row in calls(daemon) if row["outcome"]][1:] and calls(daemon), 20, "the log's ends")
    assert {row["receipt"] for row in rows} == {row["id"] for row in found.values()}
    assert [row["gate"].split()[0] for row in rows] == ["allowed", "allowed"]
    never(lambda: alarms(daemon), 2.0, "a gated call is taken for another")


@pytest.mark.row("G06")
def test_calls_that_never_came_to_a_hook_since_they_fit_no_tool_alarm_nobody(daemon: Daemon, log: Path) -> None:
    assert hook(daemon, log, "BeforeTool", TOUCH).answer()[0] == "allow"
    missing = 'Tool "save_memory" not found. Did you mean one of: "glob"?'
    outside = 'Path not in workspace: Attempted path "/etc/hostname" resolves outside'
    turn(
        log,
        done("t1", TOUCH),
        done("t2", {"fact": "x"}, tool="save_memory", error=missing),
        done("t3", {"file_path": "/etc/hostname"}, tool="read_file", error=outside),
    )
    rows = eventually(lambda: [row for row in calls(daemon) if row["outcome"]][2:] and calls(daemon), 20, "all are told")
    assert [row["outcome"] for row in rows] == ["done", "did not run", "did not run"]
    never(lambda: alarms(daemon), 3.0, "a call that was turned away is taken for one past the gate")


@pytest.mark.row("G06")
@pytest.mark.parametrize("how", [{}, {"error": "File not found: /w/a", "shown": "File not found."}])
def test_a_call_that_ran_past_the_gate_is_told(daemon: Daemon, log: Path, how: dict[str, str]) -> None:
    assert hook(daemon, log, "BeforeTool", TOUCH).answer()[0] == "allow"
    turn(log, done("t1", TOUCH), done("t2", BUILD, error=how.get("error", ""), shown=how.get("shown")))
    [alarm] = eventually(lambda: alarms(daemon), 20, "the call without a gate is told")
    assert alarm["call"] == "t2"


@pytest.mark.row("G06")
def test_what_ran_otherwise_than_it_was_judged_is_told(daemon: Daemon, log: Path) -> None:
    assert hook(daemon, log, "BeforeTool", TOUCH).answer()[0] == "allow"
    hook(daemon, log, "AfterTool", BUILD, **ended(0)).answer()
    [alarm] = eventually(lambda: alarms(daemon), 20, "the other input is told")
    assert "command is 'rm -rf build', approved was 'touch ran'" in alarm["text"]


@pytest.mark.row("G06")
def test_a_denied_call_that_the_log_says_ran_is_told(daemon: Daemon, log: Path) -> None:
    asker = hook(daemon, log, "BeforeTool", BUILD)
    [request] = daemon.pending()
    daemon.call("deny", id=request["id"], reason="no")
    assert asker.answer()[0] == "deny"
    turn(log, done("t1", BUILD))
    [alarm] = eventually(lambda: alarms(daemon), 20, "it is told")
    assert alarm["text"].startswith(f"RAN THOUGH DENIED: {SHELL}")


def test_a_denied_call_that_the_log_says_was_blocked_alarms_nobody(daemon: Daemon, log: Path) -> None:
    asker = hook(daemon, log, "BeforeTool", BUILD)
    [request] = daemon.pending()
    daemon.call("deny", id=request["id"], reason="no")
    asker.answer()
    turn(log, done("t1", BUILD, error="Tool execution blocked: controlroom: denied by operator:ann: no"))
    eventually(lambda: [row for row in calls(daemon) if row["outcome"] == "did not run"], 20, "it is told")
    never(lambda: alarms(daemon), 2.0, "a blocked call is taken for one that ran")


def test_a_hook_that_names_no_call_that_can_be_read_is_denied(daemon: Daemon, log: Path) -> None:
    verdict, why = hook(daemon, log, "BeforeTool", TOUCH, tool_input=5).answer()
    assert verdict == "deny"
    assert "tool_input: must be an object" in why
