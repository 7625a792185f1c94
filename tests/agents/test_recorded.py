"""What the real agents wrote reads without a remainder, and the same whichever agent it was."""

from collections import Counter

import pytest

from controlroom.agents import TRANSCRIPTS
from controlroom.agents.transcript import Where, touched
from controlroom.model.told import (
    Began,
    Changed,
    Cost,
    Prompt,
    Said,
    Spent,
    SubagentEnded,
    SubagentStarted,
    Told,
    ToolResult,
    ToolUse,
    Unknown,
)
from tests.support.mutator import KINDS, recorded

SHOP = "/home/op/shop"
TOOLS = {
    "claude-code": ["Bash", "Read", "Write", "Edit", "Bash", "NoSuch", "Agent", "Bash"],
    "codex": ["exec_command", "apply_patch", "exec_command", "nosuch"],
    "gemini": ["run_shell_command", "write_file", "read_file", "run_shell_command", "nosuch"],
    "copilot": ["bash", "create", "view", "bash", "edit", "create", "nosuch"],
}
FAILED = {"claude-code": 2, "codex": 3, "gemini": 1, "copilot": 2}
MODELS = {"claude-code": "claude-sonnet-4-5", "codex": "mock-model", "gemini": "gemini-2.5-flash", "copilot": "mock-model"}


def told(kind: str) -> list[Told]:
    found: list[Told] = []
    for name, lines in recorded(kind):
        reader = TRANSCRIPTS[kind].reader(name)
        found += [heard.told for line in lines for heard in reader.read(line)]
    return sorted(found, key=lambda one: isinstance(one, SubagentStarted))  # the agent's own file last: names sort so


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_it_is_unknown(kind: str) -> None:
    assert [one for one in told(kind) if isinstance(one, Unknown)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_is_told_once_and_has_one_end(kind: str) -> None:
    uses = [one for one in told(kind) if isinstance(one, ToolUse)]
    ends = [one for one in told(kind) if isinstance(one, ToolResult)]
    assert Counter(use.tool for use in uses) == Counter(TOOLS[kind])
    assert Counter(end.call for end in ends) == Counter(use.call for use in uses)
    assert sum(end.failed for end in ends) == FAILED[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tool_that_does_not_exist_did_not_run(kind: str) -> None:
    missing = next(one.call for one in told(kind) if isinstance(one, ToolUse) and one.tool.lower() == "nosuch")
    end = next(one for one in told(kind) if isinstance(one, ToolResult) and one.call == missing)
    assert end.failed
    assert end.refused


@pytest.mark.parametrize("kind", KINDS)
def test_prompt_answer_session_and_model_are_told(kind: str) -> None:
    found = told(kind)
    assert "[[main]] please do it" in [one.text for one in found if isinstance(one, Prompt) and one.by == "user"]
    assert "all done" in [one.text for one in found if isinstance(one, Said)]
    assert [one for one in found if isinstance(one, Began)]
    models = {one.value for one in found if isinstance(one, Changed) and one.what == "model"}
    assert MODELS[kind] in models | {one.model for one in found if isinstance(one, Spent)}


@pytest.mark.parametrize(("kind", "total"), [("claude-code", 200), ("codex", 100), ("gemini", 100), ("copilot", 140)])
def test_tokens_are_counted_once(kind: str, total: int) -> None:
    """The model tells of 10 in and 10 out an answer; the logs repeat it for each block, as a sum, or as it grows."""
    last = {one.key: one.tokens for one in told(kind) if isinstance(one, Spent)}
    assert sum(tokens.total for tokens in last.values()) == total


def test_cost_is_told_where_the_agent_tells_it_and_nowhere_else() -> None:
    assert [one.usd for one in told("claude-code") if isinstance(one, Cost)] == [pytest.approx(0.0018)]
    assert not [one for kind in ("codex", "gemini", "copilot") for one in told(kind) if isinstance(one, Cost)]


def test_a_subagent_begins_with_its_own_log_and_ends_with_its_notification() -> None:
    found = told("claude-code")
    [started] = [one for one in found if isinstance(one, SubagentStarted)]
    assert started.name in [one.name for one in found if isinstance(one, SubagentEnded)]


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_named_by_the_calls(kind: str) -> None:
    files = {file for one in told(kind) if isinstance(one, ToolUse) for file in touched(one.input)}
    both = {f"{SHOP}/a.txt", f"{SHOP}/b.txt"}
    assert files == ({"b.txt"} if kind == "codex" else both)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_is_known_by_the_folder_of_its_agent(kind: str) -> None:
    head = b"\n".join(recorded(kind)[0][1])
    fits = TRANSCRIPTS[kind].fits
    assert fits(head, Where("/home/op", SHOP, {}))
    assert kind == "claude-code" or not fits(head, Where("/home/op", "/home/op/other", {}))  # there the path itself says it


@pytest.mark.parametrize(
    ("kind", "env", "expected"),
    [
        ("claude-code", {}, "/home/o*p/.claude/projects/-home-op-my-shop/*.jsonl"),
        ("claude-code", {"CLAUDE_CONFIG_DIR": "/c"}, "/c/projects/-home-op-my-shop/*.jsonl"),
        ("codex", {}, "/home/o*p/.codex/sessions/*/*/*/rollout-*.jsonl"),
        ("codex", {"CODEX_HOME": "/x"}, "/x/sessions/*/*/*/rollout-*.jsonl"),
        ("gemini", {}, "/home/o*p/.gemini/tmp/*/chats/session-*.json*"),
        ("copilot", {}, "/home/o*p/.copilot/session-state/*/events.jsonl"),
        ("copilot", {"COPILOT_HOME": "/y"}, "/y/session-state/*/events.jsonl"),
    ],
)
def test_where_logs_lie(kind: str, env: dict[str, str], expected: str) -> None:
    [pattern] = TRANSCRIPTS[kind].logs(Where("/home/o*p", "/home/op/my_shop", env))
    assert pattern.replace("[*]", "*") == expected
