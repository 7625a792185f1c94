"""What the events of Copilot CLI tell, in the shapes that the recorded ones do not have: those of its own schema."""

import json

import pytest

from controlroom.agents.copilot_transcript import CopilotReader
from controlroom.model.told import (
    Changed,
    Compacted,
    Noted,
    Prompt,
    Said,
    SubagentEnded,
    SubagentStarted,
    Thought,
    Told,
    ToolResult,
    ToolUse,
    Unknown,
)

ASKED = {"toolCallId": "c", "name": "bash", "arguments": {"command": "ls"}}
USE = ToolUse("c", "bash", '{"command":"ls"}')


def read(*lines: tuple[str, dict[str, object]]) -> list[Told]:
    reader = CopilotReader()
    raw = [json.dumps({"type": kind, "timestamp": "2026-11-26T15:00:01.000Z", "data": data}) for kind, data in lines]
    return [heard.told for line in raw for heard in reader.read(line.encode())]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (("user.message", {"content": "go", "source": "autopilot"}), [Prompt("go", "autopilot")]),
        (
            ("assistant.message", {"reasoningText": "hm", "content": "so", "toolRequests": [ASKED]}),
            [Thought("hm"), Said("so"), USE],
        ),
        (("tool.user_requested", {"toolCallId": "c", "toolName": "bash", "arguments": {"command": "ls"}}), [USE]),
        (("session.mode_changed", {"newMode": "autopilot"}), [Changed("mode", "autopilot")]),
        (("session.permissions_changed", {"mode": "allow-all"}), [Changed("mode", "allow-all")]),
        (("session.model_change", {"newModel": "other"}), [Changed("model", "other")]),
        (("session.compaction_complete", {"summaryContent": "what was"}), [Compacted("what was")]),
        (("session.error", {"message": "no network"}), [Noted("no network", bad=True)]),
        (("abort", {"reason": "user_initiated"}), [Noted("the turn was cut off: user_initiated", bad=True)]),
        (("subagent.started", {"toolCallId": "c", "agentName": "explore"}), [SubagentStarted("c", "c", "explore")]),
        (("subagent.failed", {"toolCallId": "c", "error": "x"}), [SubagentEnded("c", "c")]),
        (("permission.requested", {"toolCallId": "c"}), []),
    ],
)
def test_lines(line: tuple[str, dict[str, object]], told: list[Told]) -> None:
    assert read(line) == told


@pytest.mark.parametrize(
    ("data", "failed", "refused"),
    [
        ({"success": True, "result": {"content": "ok"}, "shellExecution": {"exitCode": 0}}, False, False),
        ({"success": True, "result": {"content": "no"}, "shellExecution": {"exitCode": 3}}, True, False),
        ({"success": False, "error": {"message": "it broke", "code": "failure"}}, True, False),
        ({"success": False, "error": {"message": "Denied by preToolUse hook", "code": "denied"}}, True, True),
        ({}, True, False),
    ],
)
def test_how_a_call_ended(data: dict[str, object], failed: bool, refused: bool) -> None:
    [told] = read(("tool.execution_complete", {"toolCallId": "c", **data}))
    assert isinstance(told, ToolResult)
    assert (told.failed, told.refused) == (failed, refused)


def test_a_call_is_told_where_it_is_asked_for_and_not_again_where_it_begins() -> None:
    begins: tuple[str, dict[str, object]] = (
        "tool.execution_start",
        {"toolCallId": "c", "toolName": "bash", "arguments": {"command": "ls"}},
    )
    assert read(("assistant.message", {"toolRequests": [ASKED]}), begins) == [USE]
    assert read(begins) == [USE]


def test_a_request_without_an_id_is_kept_raw() -> None:
    [told] = read(("assistant.message", {"toolRequests": [ASKED, {"name": "bash"}]}))
    assert isinstance(told, Unknown)
