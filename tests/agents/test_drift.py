"""Formats drift with every version: what decoders do with fields that are missing, retyped, reordered or new."""

import json
import os
import time
from typing import Any

import msgspec
import pytest

from controlroom.agents import TRANSCRIPTS
from controlroom.agents.transcript import MOST_RAW, MOST_TEXT, Heard, moment
from controlroom.model.told import Told, ToolResult, ToolUse, Unknown
from tests.support.mutator import KINDS, OTHERS, Mutator, changed, paths, recorded

CAMPAIGN = 50_000  # inputs, all agents together
SOAK = 1_000_000
# Without these a line does not say that a call was made, or which: at any of them the line is unknown, kept raw.
ESSENTIAL = {
    "claude-code": {"type", "message", "message.content", "message.content.0", "message.content.0.type"}
    | {"message.content.0.id", "message.content.0.tool_use_id", "agentId"},
    "codex": {"type", "payload", "payload.type", "payload.call_id", "payload.item", "payload.item.type", "payload.item.id"},
    "gemini": {"id", "type", "toolCalls", "toolCalls.0", "toolCalls.0.id", "toolCalls.0.status", "toolCalls.1"}
    | {"toolCalls.1.id", "toolCalls.1.status"},
    "copilot": {"type", "data", "data.toolCallId", "data.toolRequests"}
    | {f"data.toolRequests.{at}{key}" for at in (0, 1) for key in ("", ".toolCallId")},
}


def read(kind: str, *lines: bytes) -> list[Heard]:
    reader = TRANSCRIPTS[kind].reader("log")
    return [heard for line in lines for heard in reader.read(line)]


def calls(heard: list[Heard]) -> set[tuple[str, str]]:
    """The calls and results told, by kind and id."""
    return {(type(h.told).__name__, h.told.call) for h in heard if isinstance(h.told, ToolUse | ToolResult)}


def check(heard: list[Heard]) -> None:
    """What every decoder promises whatever came."""
    for told, claimed, subagent in heard:
        assert moment(claimed) is None or 0 <= (moment(claimed) or 0) < 1 << 63
        assert len(subagent) <= 64
        assert msgspec.json.decode(msgspec.json.encode(told), type=Told) == told
        if isinstance(told, Unknown):
            assert len(told.raw) <= 4 * MOST_RAW
        elif not isinstance(told, ToolUse):  # the whole input of a call is wanted: it is compared
            assert all(len(value) <= MOST_TEXT for value in msgspec.structs.astuple(told) if isinstance(value, str))


def campaign(kind: str, count: int, seed: int) -> None:
    for name, lines in recorded(kind):
        mutator, reader = Mutator(lines, seed), TRANSCRIPTS[kind].reader(name)
        for number in range(count):
            line = mutator.line()
            try:
                check(reader.read(line))
            except Exception as error:
                raise AssertionError(f"{name}, seed {seed}, input {number}: {line!r}") from error


@pytest.mark.parametrize("kind", KINDS)
def test_no_input_breaks_a_decoder(kind: str) -> None:
    campaign(kind, CAMPAIGN // len(KINDS) // len(recorded(kind)), seed=2026)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not os.environ.get("CONTROLROOM_SOAK"), reason="a long campaign: make soak")
def test_no_input_breaks_a_decoder_in_the_long_run() -> None:
    seed = time.time_ns()
    for kind in KINDS:
        campaign(kind, SOAK // len(KINDS) // len(recorded(kind)), seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_told_whatever_else_of_its_line_is_missing_or_of_another_type(kind: str) -> None:
    """Every place of every line that tells of a call, dropped and retyped: only those that name the call may lose it."""
    for _, lines in recorded(kind):
        for line in lines:
            told = calls(read(kind, line))
            whole = json.loads(line)
            for path in paths(whole) if told else ():
                if ".".join(map(str, path)) in ESSENTIAL[kind]:
                    continue
                variants: list[Any] = [changed(whole, path, drop=True), *(changed(whole, path, other) for other in OTHERS[::5])]
                for variant in variants:
                    assert told <= calls(read(kind, json.dumps(variant).encode())), f"{path} of {line!r}"


@pytest.mark.parametrize("kind", KINDS)
def test_keys_in_any_order_and_keys_that_are_new_tell_the_same(kind: str) -> None:
    for _, lines in recorded(kind):
        turned = [{"aNewKey": [1], **dict(reversed(json.loads(line).items()))} for line in lines]
        if kind == "gemini":  # there a line is known by its keys alone
            turned = [dict(reversed(json.loads(line).items())) for line in lines]
        assert read(kind, *(json.dumps(line).encode() for line in turned)) == read(kind, *lines)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "line", [b'{"type":"brand-new","x":1}', b'{"type":"brand-new","payload":{"type":"y"}}', b"[1]", b'{"ty', b"7"]
)
def test_what_nobody_knows_is_kept_raw(kind: str, line: bytes) -> None:
    [heard] = read(kind, line)
    assert isinstance(heard.told, Unknown)
    assert heard.told.raw == line.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_long_unknown_line_the_begin_is_kept_and_the_rest_counted(kind: str) -> None:
    line = json.dumps({"type": "brand-new", "x": "é" * 5000}, ensure_ascii=False).encode()
    [heard] = read(kind, line)
    assert isinstance(heard.told, Unknown)
    assert heard.told.cut == len(line) - MOST_RAW


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_line_tells_nothing(kind: str) -> None:
    assert read(kind, b"", b"  ") == []
