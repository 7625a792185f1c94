"""What Codex's hooks say, and what they are answered (shapes measured on 0.169.0)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom import hook
from controlroom.agents import BadJson
from controlroom.agents.codex import KINDS, NO_INPUT, allow_body, gates, parse, start_body, tool_name
from controlroom.agents.hook_json import RESERVED
from controlroom.model.action import Action
from controlroom.model.record import Outcome
from tests.support.mutator import OTHERS, changed, paths

LOG = "/home/op/.codex/sessions/2026/11/26/rollout-2026-11-26T10-00-00-01a2.jsonl"
COMMON = {"session_id": "01a2", "turn_id": "01a3", "transcript_path": LOG, "cwd": "/home/op/shop", "permission_mode": "default"}
BASH: dict[str, object] = {"tool_name": "Bash", "tool_input": {"command": "rm -rf build"}, "tool_use_id": "call_1"}
RUN = Action("exec_command", '{"cmd":"rm -rf build"}', "/home/op/shop")


def told(event: str = "PreToolUse", /, **more: object) -> bytes:
    return json.dumps({**COMMON, "hook_event_name": event, **more}).encode()


def test_a_command_is_a_gate_with_the_folder_that_it_runs_in() -> None:
    """The folder is the one that its model gave the command: the hook tells it as its own."""
    call = parse("PreToolUse", told(**BASH, cwd="/srv/data"))
    assert (call.kind, call.call, call.session, call.mode, call.transcript) == ("gate", "call_1", "01a2", "default", LOG)
    assert call.action == Action("exec_command", '{"cmd":"rm -rf build"}', "/srv/data")


def test_a_subagent_belongs_to_its_session_and_its_log_does_not_take_the_place_of_the_sessions() -> None:
    call = parse("PreToolUse", told(**BASH, agent_id="01b7"))
    assert (call.session, call.subagent, call.transcript) == ("01a2", "01b7", "")


def test_a_session_without_a_log_is_one() -> None:
    assert parse("PreToolUse", told(**BASH, transcript_path=None)).transcript == ""


@pytest.mark.parametrize(
    ("name", "given", "tool", "known"),
    [
        ("apply_patch", {"command": "*** Begin Patch"}, "apply_patch", '{"input":"*** Begin Patch"}'),
        ("mcp__db__drop", {"table": "users"}, "mcp__db__drop", '{"table":"users"}'),
        ("view_image", {"path": "/a.png"}, "view_image", '{"path":"/a.png"}'),
        ("spawn_agent", {"message": "go"}, "spawn_agent", '{"message":"go"}'),
        ("multi_agent_v1wait_agent", {}, "wait_agent", "{}"),
        ("collaborationsend_message", {}, "collaboration.send_message", "{}"),
        ("clocksleep", {}, "clock.sleep", "{}"),
        ("clock", {}, "clock", "{}"),
    ],
)
def test_tools_and_what_they_are_called_with_are_as_its_log_tells_them(name: str, given: object, tool: str, known: str) -> None:
    assert parse("PreToolUse", told(tool_name=name, tool_input=given)).action == Action(tool, known, "/home/op/shop")
    assert tool_name(name) == tool


def test_what_ran_is_told_without_the_head_that_our_answer_gave_it() -> None:
    given = {"command": NO_INPUT + "rm -rf build"}
    call = parse("PostToolUse", told("PostToolUse", **{**BASH, "tool_input": given}, tool_response="gone"))
    assert (call.kind, call.call, call.tool, call.executed) == ("finished", "call_1", RUN.tool, RUN.input)
    assert call.outcome == Outcome(True, "its hook tells no exit code", None)


def test_a_report_that_was_cut_names_its_call() -> None:
    whole = told("PostToolUse", **BASH, tool_response="x" * 200_000)
    call = parse("PostToolUse", whole[:500] + whole[-500:], cut=True)
    assert (call.kind, call.call, call.session) == ("finished", "call_1", "01a2")
    assert call.outcome == Outcome(True, "its report was longer than is read", None)


@pytest.mark.parametrize(
    ("event", "more", "kind", "note"),
    [
        ("SessionStart", {"source": "startup"}, "session_start", "startup"),
        ("SessionEnd", {"reason": "other"}, "session_end", "other"),
        ("SubagentStart", {"agent_id": "01b7", "agent_type": "default"}, "subagent_start", "default"),
        ("SubagentStop", {"agent_id": "01b7", "agent_type": "default"}, "subagent_stop", "default"),
        ("PreCompact", {"trigger": "auto"}, "compact", "auto"),
        ("Stop", {}, "other", ""),
    ],
)
def test_what_else_happens_is_told(event: str, more: dict[str, object], kind: str, note: str) -> None:
    call = parse(event, told(event, **more))
    assert (call.kind, call.note, call.action, call.subagent) == (kind, note, None, more.get("agent_id", ""))


def test_what_it_asks_its_own_user_is_told() -> None:
    call = parse(
        "PermissionRequest", told("PermissionRequest", tool_name="Bash", tool_input={"command": "ls", "description": "why"})
    )
    assert (call.kind, call.call, call.says) == ("prompt", "", "why")
    assert call.action == Action("exec_command", '{"cmd":"ls"}', "/home/op/shop")


@pytest.mark.row("A05")
@pytest.mark.parametrize("key", sorted(RESERVED))
def test_a_call_that_decides_itself_is_refused_whole(key: str) -> None:
    with pytest.raises(BadJson, match=f'"{key}": is reserved'):
        parse("PreToolUse", told(**BASH, **{key: "T0"}))


@pytest.mark.row("G08")
@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"hook_event_name": "PostToolUse"}, "hook_event_name"),
        ({"tool_name": ""}, "tool_name"),
        ({"tool_name": 5}, "tool_name"),
        ({"tool_input": "ls"}, "tool_input"),
        ({"tool_input": {}}, "command"),
        ({"tool_input": {"command": ["ls"]}}, "command"),
        ({"cwd": "shop"}, "cwd"),
        ({"cwd": None}, "cwd"),
        ({"tool_use_id": "x" * 300}, "tool_use_id"),
    ],
)
def test_what_is_not_as_it_must_be_is_refused_by_name(more: dict[str, object], where: str) -> None:
    with pytest.raises(BadJson) as refused:
        parse("PreToolUse", json.dumps({**COMMON, "hook_event_name": "PreToolUse", **BASH, **more}).encode())
    assert where in str(refused.value)


@given(st.sampled_from(sorted(KINDS)), st.data())
def test_a_changed_message_is_a_call_or_refused(event: str, data: st.DataObject) -> None:
    whole = json.loads(told(event, **BASH))
    path = data.draw(st.sampled_from(list(paths(whole))))
    try:
        parse(event, json.dumps(changed(whole, path, data.draw(st.sampled_from(OTHERS)))).encode())
    except BadJson as refused:
        assert str(refused)


def test_the_hook_and_the_adapter_agree_on_what_a_gate_is() -> None:
    assert {event for event in KINDS if gates(event)} == {"PreToolUse"}
    assert {event for event in KINDS if not gates(event)} <= hook.OBSERVATIONS
    assert gates("SomethingNew")


@pytest.mark.parametrize("by", ["operator:ann", "grant:12ab", "policy"])
def test_a_command_that_is_allowed_has_nothing_that_could_be_typed_into(by: str) -> None:
    said = json.loads(allow_body("PreToolUse", by, "why", RUN))["hookSpecificOutput"]
    assert said == {
        "hookEventName": "PreToolUse",
        "permissionDecision": "allow",
        "updatedInput": {"command": "exec </dev/null; rm -rf build"},
    }


def test_any_other_yes_says_nothing() -> None:
    """A key that Codex does not know would have it ignore the answer; an allow without a new input is none to it."""
    assert allow_body("PreToolUse", "operator:ann", "why", Action("apply_patch", '{"input":"x"}', "/w")) == b"{}"


def test_the_agent_is_told_of_its_earlier_work_at_its_start() -> None:
    assert start_body("") == b""
    said = json.loads(start_body("a\nb"))["hookSpecificOutput"]
    assert said == {"hookEventName": "SessionStart", "additionalContext": "a\nb"}
