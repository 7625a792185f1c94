"""What a chat of Gemini CLI tells, in the shapes that the recorded one does not have; and the document of older versions."""

import json

import pytest

from controlroom.agents.gemini_transcript import GeminiReader
from controlroom.model.told import Noted, Prompt, Said, Spent, Thought, Told, ToolResult, ToolUse, Unknown
from tests.support.mutator import recorded


def read(*lines: object) -> list[Told]:
    reader = GeminiReader()
    return [heard.told for line in lines for heard in reader.read(json.dumps(line).encode())]


def answer(**more: object) -> dict[str, object]:
    return {"id": "m1", "type": "gemini", "content": "", **more}


def call(status: str, **more: object) -> dict[str, object]:
    return {"id": "c1", "name": "write_file", "args": {"file_path": "a"}, "status": status, **more}


def test_a_message_that_grows_tells_only_what_is_new() -> None:
    told = read(
        answer(thoughts=[{"subject": "Plan", "description": "first"}]),
        answer(thoughts=[{"subject": "Plan", "description": "first"}, {"subject": "", "description": "then"}]),
        answer(thoughts=[], content="I write", toolCalls=[call("executing")]),
        answer(content="I write", toolCalls=[call("success", resultDisplay="done")]),
    )
    use, end = ToolUse("c1", "write_file", '{"file_path":"a"}'), ToolResult("c1", False, "done")
    assert told == [Thought("Plan: first"), Thought("then"), Said("I write"), use, end]


@pytest.mark.parametrize(
    ("status", "failed", "refused"), [("success", False, False), ("error", True, False), ("cancelled", True, True)]
)
def test_how_a_call_ended(status: str, failed: bool, refused: bool) -> None:
    end = read(answer(toolCalls=[call(status)]))[1]
    assert end == ToolResult("c1", failed, "", refused)


@pytest.mark.parametrize(
    ("shown", "error", "refused"),
    [
        ('Tool "nosuch" not found.', 'Tool "nosuch" not found.', True),
        ("Tool execution blocked: controlroom: no", "Tool execution blocked: controlroom: no", True),
        ("File not found.", "File not found: /w/a", False),
        ("", "", False),
        ({"fileDiff": "x"}, "x", False),
        ("x", None, False),
    ],
)
def test_a_call_that_was_turned_away_shows_the_user_what_the_model_is_told(shown: object, error: object, refused: bool) -> None:
    result = [{"functionResponse": {"name": "nosuch", "response": {"error": error}}}]
    end = read(answer(toolCalls=[call("error", result=result, resultDisplay=shown)]))[1]
    assert isinstance(end, ToolResult) and (end.failed, end.refused) == (True, refused)
    done = read(answer(toolCalls=[call("success", result=result, resultDisplay=shown)]))[1]
    assert isinstance(done, ToolResult) and not done.refused


@pytest.mark.parametrize("status", ["scheduled", "awaiting_approval", "brand-new", None])
def test_a_call_that_is_not_over_has_no_end(status: str | None) -> None:
    assert [type(one) for one in read(answer(toolCalls=[call(str(status))]))] == [ToolUse]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"id": "n", "type": "error", "content": "quota"}, Noted("quota", bad=True)),
        ({"id": "n", "type": "info", "content": "hello"}, Noted("hello")),
        ({"id": "n", "type": "user", "content": "old shape"}, Prompt("old shape")),
        ({"$rewindTo": "m1"}, Noted("the conversation was taken back to an earlier message")),
    ],
)
def test_other_lines(line: object, told: Told) -> None:
    assert read(line) == [told]


@pytest.mark.parametrize(
    "line", [{"$set": {"brandNew": 1}}, {"id": "n", "type": "brand-new"}, answer(toolCalls=[{"name": "x"}])]
)
def test_what_is_new_is_unknown(line: object) -> None:
    [told] = read(line)
    assert isinstance(told, Unknown)


def test_the_document_of_older_versions_tells_the_same_and_growing_only_what_is_new() -> None:
    [(_, lines)] = recorded("gemini")
    values = [json.loads(line) for line in lines]
    messages = {value["id"]: value for value in values if "id" in value}  # the last form of each
    document = {**values[0], "messages": list(messages.values())}
    half = {**values[0], "messages": list(messages.values())[:3]}
    expected = [one for one in read(*values) if not isinstance(one, Spent)]
    told = [one for one in read(half, document, document) if not isinstance(one, Spent)]
    first = next(one for one in expected if isinstance(one, Prompt) and one.text.startswith("<session_context>"))
    assert told == [one for one in expected if one != first]  # only `$set` tells of that one
