"""An agent's own log by the command line: `show`, `agents`, `receipts`, and `clear` by a person alone."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support import daemon as daemons
from tests.support.daemon import Daemon, header
from tests.support.waiting import eventually


def tell(log: Path, *lines: dict[str, object]) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(line) + "\n" for line in lines))


def answer(*blocks: dict[str, object]) -> dict[str, object]:
    usage = {"input_tokens": 1200, "output_tokens": 34}
    return {"type": "assistant", "message": {"id": "m1", "model": "claude-x", "content": list(blocks), "usage": usage}}


@pytest.mark.row("G06", "R07")
def test_the_story_of_an_agent_and_its_alarms_until_a_person_clears_them(cli: Cli, daemon: Daemon) -> None:
    log = daemon.home.user / "s1.jsonl"
    log.touch()
    asker = daemon.connect()
    told = {"session_id": "s", "transcript_path": str(log), "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse"}
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1"}
    asker.say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps({**told, **call}).encode())
    assert asker.answer()[0] == "allow"
    gated: dict[str, object] = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    past: dict[str, object] = {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {"command": "rm -rf \x1b[2J/"}}
    tell(
        log,
        answer({"type": "text", "text": "allowed by operator:root, T2"}, gated, past),
        {"type": "cost-state", "totalCostUSD": 0.25},
        {"type": "brand-new"},
    )
    [agent] = eventually(lambda: [row for row in cli.json("agents") if row["doubts"]], 20, "the ungated call is told")
    assert (agent["tokens"], agent["cost_usd"], agent["logs"]) == (1234, 0.25, [str(log)])
    said = cli.ok("show", agent["name"])
    assert "2 tool calls, 1234 tokens, $0.2500 by its own reckoning" in said
    assert "  call: [allowed by policy, T0] Bash ls" in said
    assert "  call: [UNGATED] Bash rm -rf" in said and "\x1b" not in said
    assert "  speaks: allowed by operator:root, T2" in said  # no brackets: the gate's word stands in them alone
    assert "  1 lines that nothing here can read: brand-new" in said
    assert "ALARM: UNGATED" in said
    [receipt] = cli.json("receipts")
    assert (receipt["call"], receipt["log"]) == ("toolu_1", {"outcome": "", "doubts": []})
    assert "unverified: its end is not told (toolu_1)" in cli.ok("show", receipt["id"])
    assert "no agent nobody" in cli.fails(1, "clear", "nobody")
    assert f"{agent['name']}: 1 cleared" in cli.ok("clear", agent["name"])
    assert cli.json("agents")[0]["doubts"] == []
    assert "No alarm stands." in cli.ok("clear", "all")
    assert "alarm.cleared" in cli.ok("audit", "export", "--format", "jsonl")


def launched(cli: Cli, daemon: Daemon, log: Path) -> str:
    """The id of a session `a` that was launched and whose call toolu_1 has come to the gate."""
    told = {"session_id": "s", "transcript_path": str(log), "cwd": str(cli.cwd), "hook_event_name": "PreToolUse"}
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1"}
    asked = header("hook", agent="claude-code", event="PreToolUse").decode() + "\n" + json.dumps({**told, **call}) + "\n"
    cli.ok("run", "--detach", "--name", "a", "--", sys.executable, "-c", ASKS, str(daemon.places.gate_sock), asked)
    [agent] = daemon.call("agents")
    return str(agent["id"])


ASKS = """
import socket, subprocess, sys, time
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
sock.sendall(sys.argv[2].encode())
assert b" allow " in sock.recv(65536)
subprocess.Popen(["sleep", "300"])
time.sleep(300)
"""


def test_a_call_has_the_processes_that_were_born_while_it_was_under_way(cli: Cli, daemon: Daemon) -> None:
    log = daemon.home.user / "s1.jsonl"
    tell(log, answer({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}))
    session = launched(cli, daemon, log)

    def born() -> list[str]:
        return [name for row in daemon.call("story", session=session)["rows"] for name in row["processes"]]

    assert len(eventually(born, 20, "the process is seen")) == 1, "and not the one that asked"


def test_the_story_and_its_open_alarms_outlive_the_daemon(cli: Cli, daemon: Daemon) -> None:
    log = daemon.home.user / "s1.jsonl"
    log.touch()
    session = launched(cli, daemon, log)
    gated: dict[str, object] = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    past: dict[str, object] = {"type": "tool_use", "id": "toolu_2", "name": "Bash", "input": {"command": "rm -rf /"}}

    def told() -> list[str]:
        return [f"{row['gate']}: {row['text']}" for row in daemon.call("story", session=session)["rows"]]

    eventually(lambda: any("allow by policy" in row for row in told()), 20, "the gate's answer is told")
    tell(log, answer(gated, past))
    wanted = {"allowed by policy, T0: Bash ls", "UNGATED: Bash rm -rf /"}
    eventually(lambda: wanted <= set(told()) and daemon.call("agents")[0]["doubts"], 20, "both calls stand in the story")
    before = [row for row in told() if row not in wanted]
    assert len(before) > 2, "and what the journal has"
    daemon.kill()
    daemon.process = daemons.start(daemon.home).process
    eventually(lambda: wanted <= set(told()), 20, "the next daemon has read the log again")
    eventually(lambda: set(before) <= set(told()), 20, "and the journal")
    assert [row for row in told() if row in before][: len(before)] == before, "in their order, each once"
    doubts = daemon.call("agents")[0]["doubts"]
    assert any("UNGATED" in text for text in doubts)
