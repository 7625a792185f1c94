"""What a rollout of Codex tells, in the shapes that the recorded one does not have."""

import json

import pytest

from controlroom.agents.codex import NO_INPUT
from controlroom.agents.codex_transcript import CodexReader
from controlroom.model.told import (
    Began,
    Changed,
    Compacted,
    Noted,
    Prompt,
    Spent,
    SubagentStarted,
    Thought,
    Tokens,
    Told,
    ToolResult,
    ToolUse,
    Unknown,
)


def read(*lines: tuple[str, dict[str, object]]) -> list[Told]:
    reader = CodexReader()
    raw = [json.dumps({"timestamp": "2026-11-22T10:00:01.000Z", "type": kind, "payload": payload}) for kind, payload in lines]
    return [heard.told for line in raw for heard in reader.read(line.encode())]


def item(kind: str, **payload: object) -> tuple[str, dict[str, object]]:
    return "response_item", {"type": kind, **payload}


def event(kind: str, **payload: object) -> tuple[str, dict[str, object]]:
    return "event_msg", {"type": kind, **payload}


CALL = item("function_call", call_id="c", name="exec_command", arguments='{"cmd":"no"}')


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            item("custom_tool_call", call_id="c", name="apply_patch", input="*** Begin"),
            ToolUse("c", "apply_patch", '{"input":"*** Begin"}'),
        ),
        (item("local_shell_call", call_id="c", action={"command": ["ls"]}), ToolUse("c", "local_shell", '{"command":["ls"]}')),
        (item("function_call", call_id="c", name="f", arguments="not json"), ToolUse("c", "f", '"not json"')),
        (item("function_call", call_id="c", name="f", arguments={"a": 1}), ToolUse("c", "f", '{"a":1}')),
        (item("function_call", call_id="c", name="f"), ToolUse("c", "f", "")),
        (item("reasoning", summary=[{"type": "summary_text", "text": "hm"}], encrypted_content="x"), Thought("hm")),
        (item("web_search_call", status="completed"), Noted("the vendor's own web search ran on its servers")),
        (event("turn_aborted", reason="interrupted"), Noted("the turn was cut off: interrupted", bad=True)),
        (event("error", message="no network"), Noted("no network", bad=True)),
        (event("warning", message="slow"), Noted("slow")),
        (("compacted", {"message": "what was"}), Compacted("what was")),
        (item("message", role="user", content=[{"type": "input_text", "text": "go"}]), Prompt("go", "user")),
        (item("message", role="user", content="<user_instructions>x"), Prompt("<user_instructions>x", "the agent's program")),
    ],
)
def test_lines(line: tuple[str, dict[str, object]], told: Told) -> None:
    assert read(line) == [told]


@pytest.mark.parametrize(
    ("output", "failed", "refused"),
    [
        ("Wall time: 1 s\nProcess exited with code 0\nOutput:\nhi", False, False),
        ("Process exited with code 2\n", True, False),
        (json.dumps({"output": "hi", "metadata": {"exit_code": 0}}), False, False),
        (json.dumps({"output": "hi", "metadata": {"exit_code": 1}}), True, False),
        ({"content": "no", "success": False}, True, False),
        ("exec command rejected by user", True, True),
        ("unsupported call: x", True, True),
        ("Command blocked by PreToolUse hook: controlroom: denied by policy: no. Command: ls", True, True),
        ("Tool call blocked by PreToolUse hook: controlroom: denied by policy: no. Tool: mcp__db__drop", True, True),
        ("plain words", False, False),
        (7, False, False),
    ],
)
def test_how_a_call_ended_is_read_from_what_the_model_was_told(output: object, failed: bool, refused: bool) -> None:
    [end] = read(item("function_call_output", call_id="c", output=output))
    assert isinstance(end, ToolResult)
    assert (end.failed, end.refused) == (failed, refused)


def test_an_end_that_is_told_twice_is_one() -> None:
    ran = {"type": "CommandExecution", "id": "c", "status": "failed", "exit_code": 1, "aggregated_output": "no"}
    told = read(CALL, event("item_completed", item=ran), item("function_call_output", call_id="c", output="x"))
    assert told == [ToolUse("c", "exec_command", '{"cmd":"no"}'), ToolResult("c", True, "no")]


def test_a_command_that_was_declined_did_not_run() -> None:
    ran = {"type": "CommandExecution", "id": "c", "status": "declined", "exit_code": None}
    assert read(CALL, event("item_completed", item=ran))[1:] == [ToolResult("c", True, "", refused=True)]


def test_a_command_that_a_script_ran_is_told_once_it_is_over_without_the_head_that_our_answer_gave_it() -> None:
    script = item("custom_tool_call", call_id="s", name="exec", namespace="functions", input="await tools.exec_command({})")
    ran = {
        "type": "CommandExecution", "id": "exec-1", "command": ["/bin/bash", "-lc", f"{NO_INPUT}ls"], "cwd": "file:///w",
        "exit_code": 0, "aggregated_output": "a",
    }  # fmt: skip
    told = read(
        script, event("item_completed", item=ran), item("custom_tool_call_output", call_id="s", output="Script completed")
    )
    assert told == [
        Noted("a script of its own calls the tools:\nawait tools.exec_command({})"),
        ToolUse("exec-1", "exec_command", '{"cmd":"ls","workdir":"/w"}'),
        ToolResult("exec-1", False, "a"),
    ]


def test_a_patch_and_a_server_that_a_script_used_are_told_once_they_are_over() -> None:
    patched = {
        "type": "FileChange",
        "id": "exec-1",
        "changes": {"/w/a": {"type": "add"}},
        "status": "completed",
        "stdout": "A a",
    }
    asked = {"type": "McpToolCall", "id": "exec-2", "server": "db", "tool": "drop", "arguments": {"t": 1}, "status": "failed"}
    assert read(event("item_completed", item=patched), event("item_completed", item=asked)) == [
        ToolUse("exec-1", "apply_patch", ""),
        ToolResult("exec-1", False, "A a"),
        ToolUse("exec-2", "mcp__db__drop", '{"t":1}'),
        ToolResult("exec-2", True, ""),
    ]


def test_what_its_model_called_itself_is_told_once() -> None:
    used = item("function_call", call_id="c", name="drop", namespace="mcp__db", arguments='{"t":1}')
    over = {"type": "McpToolCall", "id": "c", "server": "db", "tool": "drop", "arguments": {"t": 1}, "status": "completed"}
    told = read(used, event("item_completed", item=over), item("function_call_output", call_id="c", output="ok"))
    assert told == [ToolUse("c", "mcp__db__drop", '{"t":1}'), ToolResult("c", False, "ok")]


@pytest.mark.parametrize(
    ("name", "space", "tool"),
    [
        ("spawn_agent", "multi_agent_v1", "spawn_agent"),
        ("send_message", "collaboration", "collaboration.send_message"),
        ("sleep", "clock", "clock.sleep"),
    ],
)
def test_a_tool_is_called_what_its_hooks_call_it(name: str, space: str, tool: str) -> None:
    [told] = read(item("function_call", call_id="c", name=name, namespace=space, arguments="{}"))
    assert told == ToolUse("c", tool, "{}")


@pytest.mark.parametrize(
    ("arguments", "typed"), [('{"session_id":1,"chars":""}', False), ('{"chars":"rm -rf /\\n"}', True), ("[", True)]
)
def test_reading_on_is_no_call_and_typing_into_a_process_is_one(arguments: str, typed: bool) -> None:
    told = read(item("function_call", call_id="c", name="write_stdin", arguments=arguments))
    assert [type(one) for one in told] == ([ToolUse] if typed else [])


def test_the_tokens_of_a_thread_are_a_running_total_and_cached_ones_are_part_of_the_input() -> None:
    used = {
        "input_tokens": 100,
        "cached_input_tokens": 60,
        "output_tokens": 7,
        "reasoning_output_tokens": 3,
        "total_tokens": 107,
    }
    told = read(("session_meta", {"id": "t1", "cwd": "/w"}), event("token_count", info={"total_token_usage": used}))
    assert told == [Began("t1", "/w"), Spent("thread t1", Tokens(fresh=40, cached=60, out=7))]
    assert read(event("token_count", info=None)) == []


def test_model_and_mode_are_told_when_they_change() -> None:
    first: dict[str, object] = {"model": "a", "approval_policy": "never", "sandbox_policy": {"mode": "read-only"}}
    told = read(("turn_context", first), ("turn_context", first), ("turn_context", {**first, "model": "b"}))
    assert told == [Changed("model", "a"), Changed("mode", "never, read-only"), Changed("model", "b")]


def test_a_subagents_rollout_says_so() -> None:
    spawn = {"parent_thread_id": "t0", "depth": 1, "agent_nickname": "Ada", "agent_role": "worker"}
    lines = (
        ("session_meta", {"id": "t1", "cwd": "/w", "source": {"subagent": {"thread_spawn": spawn}}}),
        event("warning", message="x"),
    )
    reader = CodexReader()
    heard = [one for kind, payload in lines for one in reader.read(json.dumps({"type": kind, "payload": payload}).encode())]
    assert heard[0].told == SubagentStarted("t1", task="Ada")
    assert {one.subagent for one in heard} == {"t1"}


@pytest.mark.parametrize(
    "line", [item("brand_new"), event("brand_new"), event("item_completed", item={"type": "New"}), ("new", {})]
)
def test_kinds_that_are_new_are_unknown(line: tuple[str, dict[str, object]]) -> None:
    [told] = read(line)
    assert isinstance(told, Unknown)
