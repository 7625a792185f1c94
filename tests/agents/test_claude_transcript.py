"""What a transcript of Claude Code tells, in the shapes that the recorded ones do not have; and where its files lie."""

import glob
import json
from pathlib import Path

import pytest

from controlroom.agents.claude_transcript import ClaudeReader, memory, side_logs
from controlroom.agents.transcript import Heard, moment
from controlroom.model.told import (
    Began,
    Changed,
    Compacted,
    Cost,
    Noted,
    Prompt,
    Said,
    Spent,
    SubagentEnded,
    Thought,
    Tokens,
    Told,
    ToolResult,
    ToolUse,
)

ASSISTANT = {
    "type": "assistant",
    "uuid": "u1",
    "timestamp": "2026-11-22T10:00:01.250Z",
    "message": {
        "id": "msg_1",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "text", "text": "I clean up"},
            {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "rm -rf build"}},
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 20, "cache_read_input_tokens": 100, "service_tier": "standard"},
    },
}


def read(*lines: object) -> list[Told]:
    reader = ClaudeReader()
    return [heard.told for line in lines for heard in reader.read(json.dumps(line).encode())]


def user(content: object, **more: object) -> dict[str, object]:
    return {"type": "user", "message": {"role": "user", "content": content}, **more}


def result(**block: object) -> dict[str, object]:
    return {"type": "tool_result", "tool_use_id": "toolu_1", "content": "", **block}


def test_every_kind_of_block_is_told() -> None:
    assert read(ASSISTANT) == [
        Thought("hm"),
        Thought("(hidden by the vendor)"),
        Said("I clean up"),
        ToolUse("toolu_1", "Bash", '{"command":"rm -rf build"}'),
        Noted("the vendor's own tool web_search ran on its servers"),
        Spent("msg_1", Tokens(fresh=3, cached=100, out=20), "m"),
    ]


def test_what_an_interactive_session_writes_first_is_its_mode_and_no_session_without_a_folder() -> None:
    own = {"sessionId": "s1"}
    frame = {"cwd": "/w", "version": "2.1.330", "permissionMode": "plan"}
    assert read(
        {"type": "mode", "mode": "normal", **own},
        {"type": "permission-mode", "permissionMode": "default", **own},
        user("hello", **own, **frame),
    ) == [Changed("mode", "default"), Began("s1", "/w", "2.1.330"), Changed("mode", "plan"), Prompt("hello", "user")]


def test_the_claimed_time_goes_with_each() -> None:
    heard = ClaudeReader().read(json.dumps(ASSISTANT).encode())
    assert {moment(one.claimed) for one in heard} == {1795341601250000000}


@pytest.mark.row("R08")
@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("2026-11-22T10:00:01.250Z", 1795341601250000000),
        ("2026-11-22T11:00:01.250+01:00", 1795341601250000000),
        (1795341601250, 1795341601250000000),  # milliseconds
        (1795341601.25, 1795341601250000000),  # seconds
        ("yesterday", None),
        ("9999-99-99T00:00:00Z", None),
        (-1, None),
        (1e300, None),
        (10**40, None),
        (float("nan"), None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_time_is_read_however_it_is_written(written: object, ns: int | None) -> None:
    assert moment(written) == ns


@pytest.mark.parametrize(("error", "failed"), [(True, True), (False, False), (None, False)])
def test_a_result_says_whether_it_failed(error: bool | None, failed: bool) -> None:
    assert read(user([result(is_error=error, content="no")])) == [ToolResult("toolu_1", failed, "no")]


@pytest.mark.parametrize(
    "line",
    [
        user([result(is_error=True)], permissionDecision={"decision": "reject", "source": "hook"}),
        user([result(is_error=True)], toolDenialKind="user-rejected"),
    ],
)
def test_what_was_refused_did_not_run(line: object) -> None:
    assert read(line) == [ToolResult("toolu_1", True, "", refused=True)]


def test_what_was_not_valid_did_not_run() -> None:
    [end] = read(user([result(is_error=True, content="<tool_use_error>Error: No such tool</tool_use_error>")]))
    assert isinstance(end, ToolResult)
    assert end.refused


@pytest.mark.parametrize(
    ("line", "by"),
    [
        (user("please"), "user"),
        (user([{"type": "text", "text": "please"}]), "user"),
        (user("please", isMeta=True), "the agent's program"),
        (user("please", isSidechain=True), "the agent"),
        (user("please", origin={"kind": "channel"}), "channel"),
    ],
)
def test_a_prompt_says_who_spoke(line: object, by: str) -> None:
    assert read(line) == [Prompt("please", by)]


def test_a_permission_mode_is_told_when_it_changes() -> None:
    told = read(user("a", permissionMode="default"), user("b", permissionMode="default"), user("c", permissionMode="plan"))
    assert [one for one in told if isinstance(one, Changed)] == [Changed("mode", "default"), Changed("mode", "plan")]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (user("what was", isCompactSummary=True), Compacted("what was")),
        ({"type": "system", "subtype": "compact_boundary", "content": "x"}, Compacted()),
        ({"type": "system", "subtype": "api_error", "error": {}}, Noted("an error of the model's server", bad=True)),
        ({"type": "system", "subtype": "informational", "content": "hello"}, Noted("hello")),
        ({"type": "system", "subtype": "init", "model": "m", "tools": []}, Changed("model", "m")),
        ({"type": "summary", "summary": "tidy up", "leafUuid": "u"}, Changed("title", "tidy up")),
        ({"type": "cost-state", "totalCostUSD": 0.5, "hasUnknownModelCost": False}, Cost("session", 0.5)),
        ({"type": "result", "subtype": "success", "total_cost_usd": 0.25}, Cost("session", 0.25)),
    ],
)
def test_other_lines(line: object, told: Told) -> None:
    assert read(line) == [told]


def test_a_cost_that_the_agent_does_not_know_is_not_told() -> None:
    assert read({"type": "cost-state", "totalCostUSD": 0, "hasUnknownModelCost": True}) == []


def test_a_subagent_that_was_waited_for_ends_with_its_result() -> None:
    line = user([result()], toolUseResult={"status": "completed", "agentId": "a1"})
    assert SubagentEnded("a1", "toolu_1") in read(line)


@pytest.mark.row("R06")
def test_half_a_line_is_kept_as_unknown_and_the_next_one_reads() -> None:
    whole = json.dumps(ASSISTANT).encode()
    reader = ClaudeReader()
    [torn] = reader.read(whole[: len(whole) // 2])
    assert isinstance(torn, Heard)
    assert len(reader.read(whole)) == 6


def test_subagents_logs_lie_beside_it() -> None:
    assert side_logs("/h/[x]/s1.jsonl") == "/h/[[]x]/s1/subagents/agent-*.jsonl"
    assert side_logs("/h/s1.log") == ""


def test_memory_is_looked_for_in_the_workspace_the_home_and_beside_the_transcripts(tmp_path: Path) -> None:
    home, work = tmp_path / "[h]", tmp_path / "[w]"
    names = (
        work / "CLAUDE.md",
        work / ".claude/CLAUDE.md",
        home / ".claude/CLAUDE.md",
        home / ".claude/projects/-w/memory/MEMORY.md",
        work / ".claude/agent-memory-local/critic/MEMORY.md",
        home / ".claude/agent-memory/critic/MEMORY.md",
    )
    for name in (*names, work / "README.md", home / ".claude/settings.json", home / ".claude/projects/-v/memory/MEMORY.md"):
        name.parent.mkdir(parents=True, exist_ok=True)
        name.touch()
    patterns = memory(str(home / ".claude/projects/-w/s1.jsonl"), str(work), str(home))
    assert sorted(path for pattern in patterns for path in glob.glob(pattern)) == sorted(map(str, names))
