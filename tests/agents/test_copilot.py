"""What Copilot CLI's hooks say, in our words; and what they are answered. The payloads are those of 1.0.102."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom import hook
from controlroom.agents import BadJson
from controlroom.agents.copilot import KINDS, allow_body, gates, parse, start_body
from controlroom.agents.hook_json import RESERVED
from controlroom.model.action import Action
from controlroom.model.record import Outcome
from tests.support.mutator import OTHERS, changed, paths

COMMON = {"sessionId": "fe521c09-79a3", "timestamp": 1795717157243, "cwd": "/home/op/shop"}
BASH = {"toolName": "bash", "toolArgs": {"command": "ls", "description": "list"}}
ACTION = Action("Bash", '{"command":"ls"}', "/home/op/shop")
SUB = {"sessionId": "0a5f", "agentId": "0a5f", "agentType": "general-purpose", "parentAgentId": "fe521c09-79a3"}
LOG = "/home/op/.copilot/session-state/fe521c09-79a3/events.jsonl"


def told(**more: object) -> bytes:
    return json.dumps({**COMMON, **more}).encode()


def test_a_call_before_it_runs_is_a_gate_with_an_action_and_no_id() -> None:
    call = parse("preToolUse", told(**BASH))
    assert (call.kind, call.event, call.call, call.session) == ("gate", "preToolUse", "", "fe521c09-79a3")
    assert call.action == Action("bash", '{"command":"ls","description":"list"}', "/home/op/shop")
    assert (call.says, call.cwd, call.transcript, call.outcome) == ("list", "/home/op/shop", "", None)


def test_a_call_of_a_subagent_belongs_to_the_session_that_made_it() -> None:
    call = parse("preToolUse", told(**BASH, **SUB))
    assert (call.session, call.subagent) == ("fe521c09-79a3", "0a5f")


@pytest.mark.parametrize(
    ("name", "given", "tool", "known"),
    [
        ("bash", '{"command": "ls"}', "bash", '{"command":"ls"}'),
        ("apply_patch", "*** Begin Patch", "apply_patch", '{"input":"*** Begin Patch"}'),
        ("my-srv-delete_thing", {"path": "/x"}, "mcp__my-srv-delete_thing", '{"path":"/x"}'),
        ("mcp__srv__a-b", {}, "mcp__srv__a-b", "{}"),
        ("create", {"path": "a", "file_text": "b"}, "create", '{"file_text":"b","path":"a"}'),
    ],
)
def test_tools_and_what_they_are_called_with_are_as_policy_knows_them(name: str, given: object, tool: str, known: str) -> None:
    assert parse("preToolUse", told(toolName=name, toolArgs=given)).action == Action(tool, known, "/home/op/shop")


@pytest.mark.parametrize(
    ("event", "more", "outcome"),
    [
        ("postToolUse", {"toolResult": {"resultType": "success", "textResultForLlm": "x"}}, Outcome(True, "", None)),
        (
            "postToolUse",
            {"toolResult": {"resultType": "success", "textResultForLlm": "\n<shellId: 1 completed with exit code 3>"}},
            Outcome(False, "exit code 3", None),
        ),
        (
            "postToolUse",
            {"toolResult": {"resultType": "success", "textResultForLlm": "\n<shellId: 1 completed with exit code 0>"}},
            Outcome(True, "", None),
        ),
        ("postToolUse", {"toolResult": {"resultType": "denied"}}, Outcome(False, "its result is denied", None)),
        ("postToolUse", {"toolResult": {"resultType": ["success"]}}, Outcome(False, "its result is not told", None)),
        ("postToolUse", {"toolResult": {"resultType": "success", "textResultForLlm": 5}}, Outcome(True, "", None)),
        ("postToolUse", {"toolResult": "x"}, Outcome(False, "its result is not told", None)),
        ("postToolUse", {}, Outcome(False, "its result is not told", None)),
        ("postToolUseFailure", {"error": "Path does not exist"}, Outcome(False, "Path does not exist", None)),
        ("postToolUseFailure", {}, Outcome(False, "no reason given", None)),
        ("postToolUseFailure", {"error": "x" * 9999}, Outcome(False, "x" * 500, None)),
    ],
)
def test_the_end_of_a_call_is_its_outcome(event: str, more: dict[str, object], outcome: Outcome) -> None:
    call = parse(event, told(**BASH, **more))
    assert (call.kind, call.action, call.outcome) == ("finished", None, outcome)
    assert (call.tool, call.executed) == ("bash", '{"command":"ls","description":"list"}')


@pytest.mark.parametrize(
    ("event", "more", "kind", "note"),
    [
        ("sessionStart", {"source": "new", "initialPrompt": "go"}, "session_start", "new"),
        ("sessionEnd", {"reason": "complete"}, "session_end", "complete"),
        ("subagentStart", {"agentName": "explore", "agentId": "a1", "transcriptPath": LOG}, "subagent_start", "explore"),
        ("subagentStop", {"agentName": "explore", "agentId": "a1", "transcriptPath": LOG}, "subagent_stop", "explore"),
        ("preCompact", {"trigger": "auto"}, "compact", "auto"),
        ("agentStop", {}, "other", ""),
    ],
)
def test_what_else_happens_is_told(event: str, more: dict[str, object], kind: str, note: str) -> None:
    call = parse(event, told(**more))
    assert (call.kind, call.note, call.action, call.cwd) == (kind, note, None, "/home/op/shop")
    assert (call.subagent, call.transcript) == (more.get("agentId", ""), more.get("transcriptPath", ""))


@pytest.mark.row("A05")
@pytest.mark.parametrize("key", sorted(RESERVED))
def test_a_call_that_decides_itself_is_refused_whole(key: str) -> None:
    with pytest.raises(BadJson, match=f'"{key}": is reserved'):
        parse("preToolUse", told(**BASH, **{key: "T0"}))


@pytest.mark.row("G08")
@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"toolName": None}, "toolName"),
        ({"toolName": 7}, "toolName"),
        ({"toolName": ""}, "toolName"),
        ({"toolName": "x" * 257}, "toolName"),
        ({"toolArgs": None}, "toolArgs"),
        ({"toolArgs": ["ls"]}, "toolArgs"),
        ({"toolArgs": '{"command": "ls", "command": "rm"}'}, 'key "command"'),
        ({"toolArgs": '{"command": "ls"'}, "line 1 column 17"),
        ({"cwd": None}, "cwd"),
        ({"cwd": "shop"}, "cwd"),
        ({"sessionId": {}}, "sessionId"),
        ({"agentId": False}, "agentId"),
        ({"agentId": "a", "parentAgentId": 5}, "parentAgentId"),
        ({"transcriptPath": 1}, "transcriptPath"),
        ({"hookName": "postToolUse"}, "hookName"),
        ({"hook_event_name": "PreToolUse"}, "hook_event_name"),
    ],
)
def test_a_call_of_wrong_shape_is_refused_with_the_key(more: dict[str, object], where: str) -> None:
    with pytest.raises(BadJson) as caught:
        parse("preToolUse", told(**{**BASH, **more}))
    assert caught.value.where == where


def test_of_a_cut_observation_the_tool_and_its_input_are_found() -> None:
    given = {"toolName": "view", "toolArgs": {"path": "a.txt"}}
    whole = told(**given, toolResult={"resultType": "success", "textResultForLlm": '"toolName":"x"' * 20_000}, **SUB)
    call = parse("postToolUse", whole[:32768] + whole[-32768:], cut=True)
    assert (call.tool, call.executed) == ("view", '{"path":"a.txt"}')
    assert (call.session, call.subagent) == ("fe521c09-79a3", "0a5f")
    assert call.outcome and call.outcome.ok


@pytest.mark.parametrize("args", [b'{"content":"' + b"x" * 90_000 + b'"}', b'{"a":NaN}', b'"text"', b"[" * 40_000])
def test_an_input_that_is_not_whole_in_a_cut_observation_is_not_told(args: bytes) -> None:
    whole = b'{"sessionId":"s","cwd":"/","toolName":"create","toolArgs":' + args + b',"toolResult":{}}' + b" " * 70_000
    call = parse("postToolUse", whole[:32768] + whole[-32768:], cut=True)
    assert (call.tool, call.executed) == ("create", "")


def test_a_gate_is_never_taken_from_a_cut_payload() -> None:
    assert parse("preToolUse", told(**BASH), cut=True).action is None


@given(st.binary(max_size=300), st.sampled_from([*KINDS, "other"]), st.booleans())
def test_any_bytes_are_parsed_or_refused(payload: bytes, event: str, cut: bool) -> None:
    try:
        parse(event, payload, cut)
    except BadJson as e:
        assert e.where and e.what


@pytest.mark.parametrize("event", sorted(KINDS))
def test_every_field_missing_or_of_another_type_is_parsed_or_refused(event: str) -> None:
    full = {**COMMON, **BASH, **SUB, "toolResult": {"resultType": "success", "textResultForLlm": "x"}, "error": "e"}
    full |= {"source": "new", "reason": "complete", "agentName": "n", "trigger": "auto", "transcriptPath": LOG}
    broken = [changed(full, path, drop=True) for path in paths(full)]
    broken += [changed(full, path, other) for path in paths(full) for other in OTHERS]
    for value in broken:
        payload = json.dumps(value).encode("utf-8", "surrogatepass")
        try:
            call = parse(event, payload)
        except BadJson as e:
            assert e.where and e.what
            continue
        assert event != "preToolUse" or (call.action is not None and call.action.cwd.startswith("/"))


def test_the_hook_and_the_adapter_agree_on_what_a_gate_is() -> None:
    assert {event for event in KINDS if not gates(event)} == {event for event in hook.OBSERVATIONS if event[0].islower()}
    assert gates("somethingNew")


@pytest.mark.parametrize("by", ["operator:ann", "grant:12ab"])
def test_the_yes_of_a_person_or_grant_is_permission(by: str) -> None:
    said = {"permissionDecision": "allow", "permissionDecisionReason": 'controlroom: once "only"'}
    assert json.loads(allow_body("preToolUse", by, 'once "only"', ACTION)) == said


def test_the_yes_of_policy_leaves_the_agents_own_rules_in_force() -> None:
    assert allow_body("preToolUse", "policy", "reads", ACTION) == b"{}"


def test_a_session_is_told_what_went_before() -> None:
    assert start_body("") == b""
    assert json.loads(start_body("a\nb")) == {"additionalContext": "a\nb"}
