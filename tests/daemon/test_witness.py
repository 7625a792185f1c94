"""A call in the agent's own log that never came to the gate is UNGATED: told, and a supervised session is frozen."""

import json
from pathlib import Path
from typing import Any

import pytest

from controlroom.agents import AGENTS
from tests.support.daemon import Daemon, header
from tests.support.waiting import eventually, never


def used(call: str, tool: str = "Bash", at: str | None = None) -> str:
    given = {"command": f"ls {call}"}
    message = {"id": f"m-{call}", "content": [{"type": "tool_use", "id": call, "name": tool, "input": given}]}
    return json.dumps({"type": "assistant", "message": message, "timestamp": at}) + "\n"


def over(call: str, error: bool) -> str:
    said = "<tool_use_error>InputValidationError</tool_use_error>" if error else ""
    content = [{"type": "tool_result", "tool_use_id": call, "is_error": error, "content": said}]
    return json.dumps({"type": "user", "message": {"content": content}}) + "\n"


def hook(daemon: Daemon, transcript: Path, call: str, event: str, command: str) -> str:
    """A hook of the session whose log is `transcript`; the verdict."""
    call_of = {"tool_name": "Bash", "tool_input": {"command": command}, "tool_use_id": call}
    common = {"session_id": "s", "transcript_path": str(transcript), "cwd": str(daemon.workspace)}
    asker = daemon.connect()
    asker.say(
        header("hook", agent="claude-code", event=event), json.dumps({**common, **call_of, "hook_event_name": event}).encode()
    )
    return asker.answer()[0]


def gate(daemon: Daemon, transcript: Path, call: str) -> str:
    """A call that comes to the gate; the verdict."""
    return hook(daemon, transcript, call, "PreToolUse", f"ls {call}")


def calls(daemon: Daemon, session: str) -> list[dict[str, Any]]:
    """The calls in the story of a session."""
    return [row for row in daemon.call("story", session=session)["rows"] if row["kind"] == "call"]


def alarms(daemon: Daemon, kind: str) -> list[dict[str, Any]]:
    return [r["body"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == kind]


@pytest.fixture
def log(daemon: Daemon) -> Path:
    path = daemon.home.user / "s1.jsonl"
    path.write_text("", encoding="utf-8")
    return path


def write(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(text)


@pytest.mark.row("G06")
def test_a_call_that_never_came_to_the_gate_is_told(daemon: Daemon, log: Path) -> None:
    assert gate(daemon, log, "toolu_1") == "allow"
    write(log, used("toolu_1") + over("toolu_1", error=False))
    never(lambda: alarms(daemon, "ungated"), 3.0, "a gated call is taken for another")
    write(log, used("toolu_2", "Write"))
    [alarm] = eventually(lambda: alarms(daemon, "ungated"), 20, "the call without a gate is told")
    assert "Write (toolu_2)" in alarm["text"]


@pytest.mark.row("G06")
def test_calls_of_subagents_are_looked_for_in_their_own_logs(daemon: Daemon, log: Path) -> None:
    assert gate(daemon, log, "toolu_1") == "allow"
    folder = log.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    eventually(lambda: _read(daemon, log), 20, "the log is followed")
    (folder / "agent-a1.jsonl").write_text(used("toolu_sub"), encoding="utf-8")
    [alarm] = eventually(lambda: alarms(daemon, "ungated"), 20, "the subagent's call is told")
    assert "toolu_sub" in alarm["text"]


def test_a_call_that_was_refused_before_any_hook_is_no_alarm(daemon: Daemon, log: Path) -> None:
    """The agent checks a call's input before it asks its hooks; what is not valid never runs."""
    assert gate(daemon, log, "toolu_1") == "allow"
    write(log, used("toolu_bad") + over("toolu_bad", error=True))
    never(lambda: alarms(daemon, "ungated"), 3.0, "a call that did not run is told as one that did")


@pytest.mark.row("G07")
def test_a_log_that_is_cut_is_told(daemon: Daemon, log: Path) -> None:
    write(log, used("toolu_0"))
    assert gate(daemon, log, "toolu_1") == "allow"
    eventually(lambda: _read(daemon, log), 20, "the log is followed")
    log.write_text("", encoding="utf-8")
    [alarm] = eventually(lambda: alarms(daemon, "transcript"), 20, "the cut is told")
    assert "cut or rewritten" in alarm["text"]


def _read(daemon: Daemon, log: Path) -> bool:
    """Whether the daemon has the log open."""
    links = Path(f"/proc/{daemon.process.pid}/fd").iterdir()
    return any(link.is_symlink() and str(link.readlink()) == str(log) for link in links)


@pytest.mark.row("G06")
def test_a_call_that_ran_with_another_input_is_told_and_stands_until_a_person_clears_it(daemon: Daemon, log: Path) -> None:
    """Another hook rewrote the input after ours had judged it: the log still tells the old one, the report tells what ran."""
    assert gate(daemon, log, "toolu_1") == "allow"
    write(log, used("toolu_1") + over("toolu_1", error=False))
    hook(daemon, log, "toolu_1", "PostToolUse", "rm -rf build")
    [alarm] = eventually(lambda: alarms(daemon, "other-input"), 20, "the other input is told")
    assert "command is 'rm -rf build', approved was 'ls toolu_1'" in alarm["text"]
    assert alarm["call"] == "toolu_1"
    [agent] = daemon.call("agents")
    assert agent["doubts"] == [alarm["text"]]
    [receipt] = daemon.call("receipts")
    assert receipt["log"]["doubts"] == [alarm["text"]]
    [row] = eventually(lambda: calls(daemon, agent["id"]), 20, "the call is in the story")
    assert (row["gate"], row["receipt"]) == ("OTHER INPUT", receipt["id"])
    assert daemon.call("clear", name="all")[0]["cleared"] == [alarm["text"]]
    assert daemon.call("agents")[0]["doubts"] == []


@pytest.mark.row("G06")
def test_many_calls_past_the_gate_are_marked_one_by_one_and_told_a_few_times(daemon: Daemon, log: Path) -> None:
    assert gate(daemon, log, "toolu_0") == "allow"
    eventually(lambda: _read(daemon, log), 20, "the log is followed")
    write(log, "".join(used(f"past_{number}") for number in range(60)))
    told = eventually(lambda: found if len(found := alarms(daemon, "ungated")) >= 20 else None, 20, "they are told")
    [agent] = daemon.call("agents")
    rows = eventually(lambda: [row for row in calls(daemon, agent["id"]) if row["doubt"]][59:], 20, "all are marked")
    assert len(rows) == 1
    assert len(alarms(daemon, "ungated")) == len(told) == 20
    assert "until somebody clears this" in told[-1]["text"]


def test_a_log_is_named_by_every_hook() -> None:
    told = {"hook_event_name": "SessionStart", "session_id": "s", "transcript_path": "/t.jsonl", "cwd": "/w", "source": "new"}
    assert AGENTS["claude-code"].parse("SessionStart", json.dumps(told).encode()).transcript == "/t.jsonl"
