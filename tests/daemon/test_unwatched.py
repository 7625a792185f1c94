"""Calls that an agent made while nobody looked are told once, in one line, and each row says that it has no gate record."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from controlroom.agents.command import hook_file, interpreter
from controlroom.daemon.unwatched import GRACE_SECONDS, NO_DAEMON, NO_RECORD, Missed, Span, Unwatched, reason
from controlroom.model.clock import SECOND
from controlroom.model.told import ToolResult, ToolUse
from tests.daemon.test_witness import alarms, calls, gate, over, used, write
from tests.support.daemon import Daemon, start, stop
from tests.support.waiting import eventually, never

pytestmark = pytest.mark.row("G06")


class Claude:
    """A process that calls itself claude, and the log that it writes."""

    def __init__(self, daemon: Daemon) -> None:
        folder = daemon.home.user / ".claude" / "projects" / "".join(c if c.isalnum() else "-" for c in str(daemon.workspace))
        folder.mkdir(parents=True)
        env = {**daemon.home.env, "HOME": str(daemon.home.user)}
        self.process = subprocess.Popen(["claude", "300"], executable="/bin/sleep", cwd=daemon.workspace, env=env)
        self.log = folder / "s1.jsonl"
        self.log.touch()

    def calls(self, call: str, *, refused: bool = False, ends: bool = True) -> None:
        at = datetime.now(UTC).isoformat()
        write(self.log, used(call, at=at) + (over(call, error=refused) if ends else ""))


@pytest.fixture
def claude(daemon: Daemon) -> Iterator[Claude]:
    claude = Claude(daemon)
    yield claude
    claude.process.kill()
    claude.process.wait()


def adopt(daemon: Daemon, claude: Claude) -> str:
    """The session, once its log is followed."""
    session: str = daemon.call("adopt", pid=claude.process.pid, name="a")["id"]
    eventually(
        lambda: [log["path"] for log in daemon.call("logs", session=session)] == [str(claude.log)], 20, "its log is found"
    )
    return session


def gates(daemon: Daemon, session: str) -> dict[str, str]:
    return {row["call"]: row["gate"] for row in calls(daemon, session)}


def test_what_an_agent_did_before_it_was_adopted_is_told_in_one_line(daemon: Daemon, claude: Claude) -> None:
    claude.calls("toolu_1")
    claude.calls("toolu_2")
    claude.calls("toolu_no", refused=True)
    claude.calls("toolu_open", ends=False)
    session = adopt(daemon, claude)
    [alarm] = eventually(lambda: alarms(daemon, "unwatched"), 20, "it is told")
    assert "UNWATCHED: the agent's log tells of 2 calls, from " in alarm["text"]
    assert gates(daemon, session) == {
        "toolu_1": NO_RECORD, "toolu_2": NO_RECORD, "toolu_no": "from before", "toolu_open": "from before",
    }  # fmt: skip
    assert daemon.call("agents")[0]["doubts"] == [alarm["text"]]
    write(claude.log, over("toolu_open", error=False))
    later = eventually(lambda: alarms(daemon, "unwatched")[1:], 20, "what was under way ends, and is told too")
    assert "tells of 1 call, at " in later[0]["text"]
    assert alarms(daemon, "ungated") == []


def test_what_an_agent_did_while_no_daemon_ran_is_told_by_the_next_one_and_not_by_the_one_after(
    daemon: Daemon, claude: Claude
) -> None:
    session = adopt(daemon, claude)
    daemon.kill()
    claude.calls("toolu_1")
    claude.calls("toolu_2")
    daemon.process = start(daemon.home).process
    [alarm] = eventually(lambda: alarms(daemon, "unwatched"), 20, "it is told")
    assert "2 calls, from" in alarm["text"] and "no daemon ran then" in alarm["text"]
    assert gates(daemon, session) == {"toolu_1": NO_DAEMON, "toolu_2": NO_DAEMON}
    daemon.kill()
    daemon.process = start(daemon.home).process
    eventually(lambda: len(gates(daemon, session)) == 2, 20, "the log is read again")
    never(lambda: alarms(daemon, "unwatched")[1:], 3.0, "what was told is told again")
    assert daemon.call("agents")[0]["doubts"] == [alarm["text"]], "it stands until a person clears it"


def test_what_an_earlier_daemon_let_pass_is_not_told(daemon: Daemon, tmp_path: Path) -> None:
    log = daemon.home.user / "s1.jsonl"
    assert gate(daemon, log, "toolu_1") == "allow"
    write(log, used("toolu_1", at=datetime.now(UTC).isoformat()) + over("toolu_1", error=False))
    daemon.kill()
    write(log, used("toolu_2", at=datetime.now(UTC).isoformat()) + over("toolu_2", error=False))
    daemon.process = start(daemon.home).process
    assert gate(daemon, log, "toolu_3") == "allow"
    [alarm] = eventually(lambda: alarms(daemon, "unwatched"), 20, "the call of which there is no record is told")
    assert "tells of 1 call, at " in alarm["text"] and "no daemon ran then" in alarm["text"]


def test_a_call_that_came_to_an_earlier_daemon_is_no_stranger_where_only_a_hook_names_the_log(daemon: Daemon) -> None:
    """The earlier one may be gone before it has written down which log it follows; the call ends after the next one's start."""
    log, pipe = daemon.home.user / "s1.jsonl", subprocess.PIPE
    with subprocess.Popen(["claude", "-s"], executable="/bin/bash", cwd=daemon.workspace, stdin=pipe, stdout=pipe) as agent:
        assert agent.stdin and agent.stdout

        def gate_of_its_own(call: str) -> str:
            told = {"tool_name": "Bash", "tool_input": {"command": f"ls {call}"}, "tool_use_id": call, "session_id": "s"}
            told |= {"transcript_path": str(log), "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse"}
            hook = shlex.join([str(interpreter()), "-I", "-S", str(hook_file()), str(daemon.places.runtime), "claude-code"])
            agent.stdin.write(f"{hook} PreToolUse <<< {shlex.quote(json.dumps(told))}; echo\n".encode())  # type: ignore[union-attr]
            agent.stdin.flush()  # type: ignore[union-attr]
            return agent.stdout.readline().decode()  # type: ignore[union-attr]

        daemon.call("adopt", pid=agent.pid, name="a")
        assert "PreToolUse" in gate_of_its_own("toolu_1")
        daemon.call("dismiss")
        stop(daemon)  # by an operator: what lives goes on
        for listed in daemon.places.agents.glob("*.logs"):
            listed.unlink()
        daemon.process = start(daemon.home).process
        write(log, used("toolu_1", at=datetime.now(UTC).isoformat()) + over("toolu_1", error=False))
        assert "PreToolUse" in gate_of_its_own("toolu_2")
        write(log, used("toolu_3", at=datetime.now(UTC).isoformat()))
        [alarm] = eventually(lambda: alarms(daemon, "ungated"), 20, "the call that came to no gate is told")
        agent.kill()
    assert alarm["call"] == "toolu_3"


class Log:
    """One session's calls on a clock of the test's own."""

    def __init__(self) -> None:
        self.unwatched, self.now = Unwatched(since=100), 0.0

    def made(self, call: str, at: int, **result: Any) -> None:
        self.unwatched.use(ToolUse(call, "Bash"), at)
        self.unwatched.result(ToolResult(call, result.get("failed", False), refused=result.get("refused", False)), self.now)

    def told(self) -> list[str]:
        return [missed.call for missed in self.unwatched.late(self.now)]


def test_a_call_whose_hook_comes_a_moment_later_is_none() -> None:
    log = Log()
    log.made("late", 200)
    log.made("never", 200)
    assert log.told() == []
    log.unwatched.gated("late")
    log.now += GRACE_SECONDS
    assert log.told() == ["never"]
    assert log.told() == []


def test_what_another_process_did_long_ago_in_the_same_conversation_is_not_told() -> None:
    log = Log()
    log.made("old", 100)
    log.made("without a time", 0)
    log.made("new", 101, failed=True)
    log.now += GRACE_SECONDS
    assert log.told() == ["new"]


def test_the_line_says_how_many_when_and_why() -> None:
    unwatched, gap = Unwatched(0), Span(10 * SECOND, 20 * SECOND)
    away, here = Missed("a", 15 * SECOND), Missed("b", 25 * SECOND)
    assert [reason(one, gap) for one in (away, here)] == [NO_DAEMON, NO_RECORD]
    assert unwatched.text([away], gap).endswith("no gate has a record of; no daemon ran then")
    assert unwatched.text([here], gap).endswith("nobody looked at this agent then")
    both = unwatched.text([here, away], gap)
    assert "2 calls, from 1970-01-01" in both and both.endswith(
        "1 of them while no daemon ran, else nobody looked at this agent"
    )
