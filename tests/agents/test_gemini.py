"""What Gemini CLI's hooks say, in our words; and what they are answered. The payloads are those of 0.61.0."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.agents import BadJson
from controlroom.agents.gemini import KINDS, allow_body, gates, parse, start_body
from controlroom.agents.hook_json import RESERVED
from controlroom.model.action import Action
from controlroom.model.record import Outcome
from tests.support.mutator import OTHERS, changed, paths

LOG = "/home/op/.gemini/tmp/shop/chats/session-2026-11-26T20-54-f0d6bf32.jsonl"
COMMON = {
    "session_id": "f0d6bf32-fc22",
    "transcript_path": LOG,
    "cwd": "/home/op/shop",
    "timestamp": "2026-11-26T20:54:15.379Z",
}
SHELL = {"tool_name": "run_shell_command", "tool_input": {"command": "ls", "description": "list"}}


def told(event: str, **more: object) -> bytes:
    return json.dumps({**COMMON, "hook_event_name": event, **more}).encode()


def response(said: object = "", **more: object) -> dict[str, object]:
    return {"tool_response": {"llmContent": said, "returnDisplay": "", **more}}


def command_said(end: str) -> str:
    return f"<untrusted_context>\nOutput: x\n{end}\nProcess Group PGID: 21288\n</untrusted_context>"


def test_a_call_before_it_runs_is_a_gate_with_an_action_and_no_id() -> None:
    call = parse("BeforeTool", told("BeforeTool", **SHELL))
    assert (call.kind, call.event, call.call, call.session) == ("gate", "BeforeTool", "", "f0d6bf32-fc22")
    assert call.action == Action("run_shell_command", '{"command":"ls","description":"list"}', "/home/op/shop")
    assert (call.says, call.cwd, call.transcript, call.outcome) == ("list", "/home/op/shop", LOG, None)


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        (response("ok"), Outcome(True, "", None)),
        (response(command_said("Exit Code: 3")), Outcome(False, "exit code 3", None)),
        (response(command_said("Exit Code: 0")), Outcome(True, "", None)),
        (response(command_said("Signal: 9")), Outcome(False, "signal 9", None)),
        (response(command_said("Exit Code: 1\nExit Code: 0")), Outcome(True, "", None)),
        (response(command_said("Exit Code: 7" + "x" * 9999)), Outcome(True, "", None)),
        (response([{"text": "parts"}]), Outcome(True, "", None)),
        (response(error={"message": "File not found: /w", "type": "x"}), Outcome(False, "File not found: /w", None)),
        (response(error={"message": "x" * 9999}), Outcome(False, "x" * 500, None)),
        (response(error="odd"), Outcome(False, "no reason given", None)),
        ({"tool_response": "x"}, Outcome(False, "its result is not told", None)),
        ({}, Outcome(False, "its result is not told", None)),
    ],
)  # fmt: skip
def test_the_end_of_a_call_is_its_outcome(more: dict[str, object], outcome: Outcome) -> None:
    call = parse("AfterTool", told("AfterTool", **SHELL, **more))
    assert (call.kind, call.action, call.outcome) == ("finished", None, outcome)
    assert (call.tool, call.executed) == ("run_shell_command", '{"command":"ls","description":"list"}')


def test_only_a_command_has_an_exit_code() -> None:
    call = parse("AfterTool", told("AfterTool", tool_name="read_file", tool_input={}, **response(command_said("Exit Code: 3"))))
    assert call.outcome == Outcome(True, "", None)


@pytest.mark.parametrize(
    ("event", "more", "kind", "note"),
    [
        ("SessionStart", {"source": "startup"}, "session_start", "startup"),
        ("SessionEnd", {"reason": "exit"}, "session_end", "exit"),
        ("PreCompress", {"trigger": "auto"}, "other", ""),
    ],
)
def test_what_else_happens_is_told(event: str, more: dict[str, object], kind: str, note: str) -> None:
    call = parse(event, told(event, **more))
    assert (call.kind, call.note, call.action, call.cwd, call.transcript) == (kind, note, None, "/home/op/shop", LOG)


@pytest.mark.row("A05")
@pytest.mark.parametrize("key", sorted(RESERVED))
def test_a_call_that_decides_itself_is_refused_whole(key: str) -> None:
    with pytest.raises(BadJson, match=f'"{key}": is reserved'):
        parse("BeforeTool", told("BeforeTool", **SHELL, **{key: "T0"}))


@pytest.mark.row("G08")
@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"tool_name": None}, "tool_name"),
        ({"tool_name": ""}, "tool_name"),
        ({"tool_name": "x" * 257}, "tool_name"),
        ({"tool_input": None}, "tool_input"),
        ({"tool_input": '{"command": "ls"}'}, "tool_input"),
        ({"cwd": None}, "cwd"),
        ({"cwd": "shop"}, "cwd"),
        ({"session_id": {}}, "session_id"),
        ({"transcript_path": 1}, "transcript_path"),
        ({"hook_event_name": "AfterTool"}, "hook_event_name"),
        ({"hook_event_name": None}, "hook_event_name"),
    ],
)
def test_a_call_of_wrong_shape_is_refused_with_the_key(more: dict[str, object], where: str) -> None:
    with pytest.raises(BadJson) as caught:
        parse("BeforeTool", told("BeforeTool", **{**SHELL, **more}))
    assert caught.value.where == where


@pytest.mark.parametrize(("more", "ok"), [({}, True), ({"error": {"message": "x", "type": "y"}}, False)])
def test_of_a_cut_observation_the_tool_its_input_and_its_failure_are_found(more: dict[str, object], ok: bool) -> None:
    given = {"tool_name": "read_file", "tool_input": {"file_path": "a.txt"}}
    whole = told("AfterTool", **given, **response('"error":{"message":"x"}' * 20_000, **more))
    call = parse("AfterTool", whole[:32768] + whole[-32768:], cut=True)
    assert (call.tool, call.executed, call.session) == ("read_file", '{"file_path":"a.txt"}', "f0d6bf32-fc22")
    assert call.outcome and call.outcome.ok == ok


def test_a_cut_observation_of_another_event_is_refused() -> None:
    with pytest.raises(BadJson, match="hook_event_name"):
        parse("AfterTool", told("SessionEnd") + b" " * 70_000, cut=True)


def test_a_gate_is_never_taken_from_a_cut_payload() -> None:
    assert parse("BeforeTool", told("BeforeTool", **SHELL), cut=True).action is None


@given(st.binary(max_size=300), st.sampled_from([*KINDS, "other"]), st.booleans())
def test_any_bytes_are_parsed_or_refused(payload: bytes, event: str, cut: bool) -> None:
    try:
        parse(event, payload, cut)
    except BadJson as e:
        assert e.where and e.what


@pytest.mark.parametrize("event", sorted(KINDS))
def test_every_field_missing_or_of_another_type_is_parsed_or_refused(event: str) -> None:
    full = {**COMMON, "hook_event_name": event, **SHELL, **response("x", error={"message": "m"}), "source": "s", "reason": "r"}
    broken = [changed(full, path, drop=True) for path in paths(full)]
    broken += [changed(full, path, other) for path in paths(full) for other in OTHERS]
    for value in broken:
        payload = json.dumps(value).encode("utf-8", "surrogatepass")
        try:
            call = parse(event, payload)
        except BadJson as e:
            assert e.where and e.what
            continue
        assert event != "BeforeTool" or (call.action is not None and call.action.cwd.startswith("/"))


def test_the_hook_and_the_adapter_agree_on_what_a_gate_is() -> None:
    assert [event for event in KINDS if gates(event)] == ["BeforeTool"]
    assert gates("SomethingNew")


@pytest.mark.parametrize("by", ["operator:ann", "grant:12ab", "policy"])
def test_a_yes_answers_no_question_of_the_agents_own(by: str) -> None:
    assert json.loads(allow_body("BeforeTool", by, "once", Action("run_shell_command", "{}", "/"))) == {"decision": "allow"}


def test_a_session_is_told_what_went_before() -> None:
    assert start_body("") == b""
    assert json.loads(start_body("a\nb"))["hookSpecificOutput"]["additionalContext"] == "a\nb"
