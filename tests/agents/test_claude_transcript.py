"""What a transcript tells of calls and tokens; and whatever else a line is, it tells nothing and raises nothing."""

import glob
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.agents.claude_transcript import decode, memory, side_logs
from controlroom.agents.transcript import Spent, ToolResult, ToolUse

ASSISTANT = {
    "type": "assistant",
    "uuid": "u1",
    "message": {
        "id": "msg_1",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I clean up"},
            {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "rm -rf build"}},
            {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {}},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 20, "cache_read_input_tokens": 100, "service_tier": "standard"},
    },
}
RESULT = {
    "type": "user",
    "message": {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True, "content": "no"}],
    },
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=8), v, max_size=3),
    max_leaves=8,
)


def line(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_call_of_ours_is_told_and_the_vendors_own_tools_are_not() -> None:
    assert decode(line(ASSISTANT)) == [ToolUse("toolu_1", "Bash"), Spent("msg_1", 123)]


@pytest.mark.parametrize(("error", "failed"), [(True, True), (False, False), (None, False)])
def test_a_result_says_whether_it_failed(error: bool | None, failed: bool) -> None:
    told = json.loads(line(RESULT))
    told["message"]["content"][0]["is_error"] = error
    assert decode(line(told)) == [ToolResult("toolu_1", failed)]


def test_a_prompt_is_a_string_and_tells_nothing() -> None:
    assert decode(line({"type": "user", "message": {"role": "user", "content": "please"}})) == []


@given(st.binary(max_size=200) | VALUES.map(line))
def test_whatever_a_line_is_it_never_raises(raw: bytes) -> None:
    assert isinstance(decode(raw), list)


@given(st.sampled_from(["type", "message", "id", "content", "usage", "name", "input_tokens"]), VALUES)
def test_any_key_may_be_of_any_type(key: str, value: object) -> None:
    def changed(node: object) -> object:
        if isinstance(node, dict):
            return {k: value if k == key else changed(v) for k, v in node.items()}
        return [changed(v) for v in node] if isinstance(node, list) else node

    assert isinstance(decode(line(changed(ASSISTANT))), list)


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
