"""What Claude Code's hooks say, in our words; and what they are answered."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom import hook
from controlroom.agents import AGENTS, BadJson, Call
from controlroom.agents.claude_code import KINDS, allow_body, gates, parse, start_body
from controlroom.agents.hook_json import RESERVED
from controlroom.model.action import Action
from controlroom.model.record import Outcome

COMMON = {
    "session_id": "7b6c0a52-1f0e",
    "transcript_path": "/home/op/x.jsonl",
    "cwd": "/home/op/shop",
    "permission_mode": "default",
}
BASH = {"tool_name": "Bash", "tool_input": {"description": "clean", "command": "rm -rf build"}, "tool_use_id": "toolu_01"}
ACTION = Action("Bash", '{"command":"ls"}', "/home/op/shop")


def told(event: str, **more: object) -> bytes:
    """The hook's JSON of an event."""
    return json.dumps({**COMMON, "hook_event_name": event, **more}).encode()


def test_a_call_is_a_gate_with_its_canonical_action() -> None:
    call = parse("PreToolUse", told("PreToolUse", **BASH, agent_id="a5f0", agent_type="general-purpose"))
    assert call == Call(
        kind="gate",
        event="PreToolUse",
        action=Action("Bash", '{"command":"rm -rf build","description":"clean"}', "/home/op/shop"),
        call="toolu_01",
        session="7b6c0a52-1f0e",
        subagent="a5f0",
        says="clean",
        transcript="/home/op/x.jsonl",
        cwd="/home/op/shop",
        mode="default",
    )


def test_a_changed_settings_file_is_a_gate_with_an_action() -> None:
    call = parse("ConfigChange", told("ConfigChange", source="user_settings", file_path="/home/op/.claude/settings.json"))
    assert call.kind == "config"
    assert call.action == Action(
        "ConfigChange", '{"file_path":"/home/op/.claude/settings.json","source":"user_settings"}', "/home/op/shop"
    )
    assert call.note == "user_settings"


@pytest.mark.parametrize(
    ("event", "more", "outcome"),
    [
        ("PostToolUse", {"tool_response": {"stdout": "x", "interrupted": False}, "duration_ms": 12}, Outcome(True, "", 12)),
        ("PostToolUse", {"tool_response": "text"}, Outcome(True, "", None)),
        ("PostToolUse", {"tool_response": {"interrupted": True}, "duration_ms": 1.6}, Outcome(False, "interrupted", 2)),
        ("PostToolUseFailure", {"error": "no such file"}, Outcome(False, "no such file", None)),
        ("PostToolUseFailure", {"error": "x", "is_interrupt": True}, Outcome(False, "interrupted: x", None)),
        ("PostToolUseFailure", {"error": "x" * 9999}, Outcome(False, "x" * 500, None)),
        ("PostToolUseFailure", {"duration_ms": True}, Outcome(False, "no reason given", None)),
        ("PostToolUse", {"duration_ms": 1e300}, Outcome(True, "", None)),
        ("PostToolUse", {"duration_ms": -1}, Outcome(True, "", None)),
    ],
)
def test_the_end_of_a_call_is_its_outcome(event: str, more: dict[str, object], outcome: Outcome) -> None:
    call = parse(event, told(event, **BASH, **more))
    assert (call.kind, call.call, call.action, call.outcome) == ("finished", "toolu_01", None, outcome)


@pytest.mark.parametrize(
    ("event", "more", "kind", "note"),
    [
        ("SessionStart", {"source": "resume"}, "session_start", "resume"),
        ("SessionEnd", {"reason": "logout"}, "session_end", "logout"),
        ("SubagentStart", {"agent_id": "a1", "agent_type": "Explore"}, "subagent_start", "Explore"),
        ("SubagentStop", {"agent_id": "a1", "agent_type": "Explore"}, "subagent_stop", "Explore"),
        ("PreCompact", {"trigger": "auto", "custom_instructions": ""}, "compact", "auto"),
        ("Stop", {}, "other", ""),
    ],
)
def test_what_else_happens_is_told(event: str, more: dict[str, object], kind: str, note: str) -> None:
    call = parse(event, told(event, **more))
    assert (call.kind, call.note, call.action, call.cwd) == (kind, note, None, "/home/op/shop")
    assert call.subagent == more.get("agent_id", "")


def test_the_agents_own_question_names_its_action() -> None:
    call = parse("PermissionRequest", told("PermissionRequest", tool_name="Bash", tool_input={"command": "ls"}))
    assert (call.kind, call.call) == ("prompt", "")
    assert call.action == Action("Bash", '{"command":"ls"}', "/home/op/shop")


@pytest.mark.row("A05")
@pytest.mark.parametrize("key", sorted(RESERVED))
@pytest.mark.parametrize("value", [True, "T0", None])
def test_a_call_that_decides_itself_is_refused_whole(key: str, value: object) -> None:
    with pytest.raises(BadJson, match=f'"{key}": is reserved'):
        parse("PreToolUse", told("PreToolUse", **BASH, **{key: value}))


def test_unknown_keys_are_let_through() -> None:
    assert parse("PreToolUse", told("PreToolUse", **BASH, effort={"level": "high"}, of_tomorrow=[1])).kind == "gate"


@pytest.mark.row("G08")
@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"tool_name": None}, "tool_name"),
        ({"tool_name": 7}, "tool_name"),
        ({"tool_name": ""}, "tool_name"),
        ({"tool_name": "x" * 257}, "tool_name"),
        ({"tool_input": "ls"}, "tool_input"),
        ({"tool_input": None}, "tool_input"),
        ({"cwd": None}, "cwd"),
        ({"cwd": "shop"}, "cwd"),
        ({"cwd": ["/"]}, "cwd"),
        ({"tool_use_id": 1}, "tool_use_id"),
        ({"session_id": {}}, "session_id"),
        ({"session_id": "x" * 257}, "session_id"),
        ({"agent_id": False}, "agent_id"),
        ({"transcript_path": 1}, "transcript_path"),
        ({"hook_event_name": "PostToolUse"}, "hook_event_name"),
        ({"hook_event_name": None}, "hook_event_name"),
    ],
)
def test_a_call_of_wrong_shape_is_refused_with_the_key(more: dict[str, object], where: str) -> None:
    with pytest.raises(BadJson) as caught:
        parse("PreToolUse", json.dumps({**COMMON, "hook_event_name": "PreToolUse", **BASH, **more}).encode())
    assert caught.value.where == where


def test_of_a_cut_observation_the_ids_are_found_in_either_end() -> None:
    whole = told(
        "PostToolUse", tool_name="Bash", tool_input={}, tool_response="x" * 200_000, tool_use_id="toolu_9", duration_ms=5
    )
    call = parse("PostToolUse", whole[:32768] + whole[-32768:], cut=True)
    assert (call.session, call.call) == ("7b6c0a52-1f0e", "toolu_9")
    assert call.outcome and (call.outcome.ok, call.outcome.duration_ms) == (True, 5)


def test_a_fake_id_in_a_cut_observation_gives_none() -> None:
    fake = {"tool_input": {"tool_use_id": "toolu_victim"}, "tool_use_id": "toolu_9"}
    assert parse("PostToolUse", told("PostToolUse", **fake), cut=True).call == ""
    quoted = {"tool_response": '{"tool_use_id":"toolu_victim"}', "tool_use_id": "toolu_9"}
    assert parse("PostToolUse", told("PostToolUse", **quoted), cut=True).call == "toolu_9"


def test_a_cut_failure_is_a_failure() -> None:
    call = parse("PostToolUseFailure", told("PostToolUseFailure", error="x", tool_use_id="t"), cut=True)
    assert call.outcome and not call.outcome.ok


def test_a_call_that_claims_to_be_cut_names_no_action() -> None:
    assert parse("PreToolUse", told("PreToolUse", **BASH), cut=True).action is None


@given(st.binary(max_size=300), st.sampled_from([*KINDS, "Other"]), st.booleans())
def test_any_bytes_are_parsed_or_refused(payload: bytes, event: str, cut: bool) -> None:
    try:
        parse(event, payload, cut)
    except BadJson as e:
        assert e.where and e.what


@given(
    st.dictionaries(
        st.sampled_from(["hook_event_name", "tool_name", "tool_input", "cwd", "tool_use_id", "duration_ms", "error", "source"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.just("PreToolUse")
        | st.just("/x")
        | st.just({"description": 1})
        | st.floats(),
    ),
    st.sampled_from(list(KINDS)),
)
def test_any_shape_is_parsed_or_refused(value: dict[str, object], event: str) -> None:
    try:
        call = parse(event, json.dumps({**value, "hook_event_name": event}).encode())
    except BadJson as e:
        assert e.where and e.what
        return
    assert not gates(event) or call.action is not None


def test_the_hook_and_the_adapter_agree_on_what_a_gate_is() -> None:
    assert {event for event in KINDS if not gates(event)} == {
        event for event in hook.OBSERVATIONS - {"AfterTool"} if event[0].isupper()
    }
    assert gates("SomethingNew")


@pytest.mark.parametrize("by", ["operator:ann", "grant:12ab"])
def test_the_yes_of_a_person_or_grant_is_permission(by: str) -> None:
    answer = json.loads(allow_body("PreToolUse", by, 'once "only"\n', ACTION))["hookSpecificOutput"]
    assert answer["permissionDecision"] == "allow"
    assert answer["permissionDecisionReason"] == 'controlroom: once "only"\n'


@pytest.mark.parametrize("by", ["policy", "operator", "stop", ""])
def test_the_yes_of_policy_leaves_the_agents_own_rules_in_force(by: str) -> None:
    assert json.loads(allow_body("PreToolUse", by, "T0", ACTION)) == {"hookSpecificOutput": {"hookEventName": "PreToolUse"}}


@pytest.mark.parametrize("event", ["PreToolUse", "ConfigChange", "SomethingNew"])
@pytest.mark.parametrize("by", ["operator:ann", "policy"])
def test_an_allow_is_one_line_of_json_that_the_hook_takes(event: str, by: str) -> None:
    body = allow_body(event, by, "line\nbreak \ud83d\ude00 ä", ACTION)
    assert body.startswith(b"{") and body.endswith(b"}") and b"\n" not in body and body.isascii()


def test_the_agent_is_told_of_its_earlier_work_at_its_start() -> None:
    assert json.loads(start_body("rm was interrupted")) == {
        "hookSpecificOutput": {"hookEventName": "SessionStart", "additionalContext": "rm was interrupted"}
    }
    assert start_body("") == b""


def test_claude_code_is_an_agent() -> None:
    assert AGENTS["claude-code"].parse is parse
