"""What the other agents' models speak: responses of Codex, generateContent of Gemini CLI, chat completions of Copilot CLI."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One tool call that the model makes."""

    tool: str
    input: Mapping[str, object]


@dataclass(frozen=True)
class Result:
    """What the agent told the model of a call."""

    text: str
    error: bool


Turn = str | Sequence[Call]  # a final text, or calls made in parallel


@dataclass(frozen=True)
class Heard:
    """What a request says in any dialect: the user's texts, results by call id, turns that the model has had, tools offered."""

    texts: list[str]
    turn: int
    tools: bool
    results: dict[str, Result] = field(default_factory=dict)


def numbered(identity: str, turn: Turn) -> list[tuple[str, Call]]:
    """The calls of a turn with their ids; [] for a text."""
    return [] if isinstance(turn, str) else [(f"toolu_{identity}_{number}", call) for number, call in enumerate(turn)]


def hear_responses(body: Mapping[str, Any]) -> Heard:
    """A request of the responses API. What the model said in a row is one turn of it."""
    texts: list[str] = []
    results: dict[str, Result] = {}
    turn, mine = 0, False
    for item in body.get("input", []):
        kind, before = item.get("type", "message"), mine
        mine = kind in ("function_call", "custom_tool_call", "reasoning") or item.get("role") == "assistant"
        turn += mine and not before
        if kind == "message" and item.get("role") == "user":
            texts += [part.get("text", "") for part in item["content"]]
        elif kind in ("function_call_output", "custom_tool_call_output"):
            results[item["call_id"]] = Result(str(item["output"]), False)
    tools = body.get("tools") or any(item.get("type") == "additional_tools" for item in body.get("input", []))
    return Heard(texts, turn, bool(tools), results)


def stream_responses(identity: str, turn: Turn) -> bytes:
    """The events of one answer of the responses API."""
    items = [_made(call, made) for call, made in numbered(identity, turn)]
    if isinstance(turn, str):
        content = [{"type": "output_text", "text": turn, "annotations": []}]
        items = [{"type": "message", "id": f"msg_{identity}", "role": "assistant", "status": "completed", "content": content}]
    usage = {
        "input_tokens": 10, "input_tokens_details": {"cached_tokens": 2}, "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 20,
    }  # fmt: skip
    events: list[dict[str, Any]] = [{"type": "response.created", "response": {"id": f"resp_{identity}"}}]
    events += [{"type": "response.output_item.done", "output_index": at, "item": item} for at, item in enumerate(items)]
    events += [{"type": "response.completed", "response": {"id": f"resp_{identity}", "usage": usage, "output": items}}]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def _made(call: str, made: Call) -> dict[str, Any]:
    """A call as the model makes it. `SPACE/NAME` is a tool in a space; scripts and patches are text, all else is JSON."""
    space, _, name = made.tool.rpartition("/")
    item = {"id": f"fc_{call}", "call_id": call, "name": name, **({"namespace": space} if space else {})}
    if name in ("exec", "apply_patch"):
        return {**item, "type": "custom_tool_call", "input": made.input["input"]}
    return {**item, "type": "function_call", "arguments": json.dumps(made.input)}


def hear_generate(body: Mapping[str, Any]) -> Heard:
    """A request of generateContent. It has ids of calls only where the agent gives them."""
    contents = body.get("contents", [])
    texts = [part["text"] for each in contents if each.get("role") == "user" for part in each["parts"] if "text" in part]
    results = {
        response.get("id", response["name"]): Result(json.dumps(response["response"]), "error" in response["response"])
        for each in contents
        for part in each["parts"]
        if (response := part.get("functionResponse"))
    }
    return Heard(texts, sum(1 for each in contents if each.get("role") == "model"), bool(body.get("tools")), results)


def generated(identity: str, turn: Turn) -> dict[str, Any]:
    """One answer of generateContent, whole."""
    parts: list[dict[str, Any]] = [
        {"functionCall": {"id": call, "name": made.tool, "args": dict(made.input)}} for call, made in numbered(identity, turn)
    ]
    if isinstance(turn, str):
        parts = [{"text": turn}]
    return {
        "candidates": [{"index": 0, "content": {"role": "model", "parts": parts}, "finishReason": "STOP"}],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 10,
            "cachedContentTokenCount": 2,
            "totalTokenCount": 20,
        },
        "modelVersion": "gemini-2.5-flash",
        "responseId": identity,
    }


def hear_chat(body: Mapping[str, Any]) -> Heard:
    """A request of chat completions."""
    messages = body.get("messages", [])
    texts = [joined for message in messages if message["role"] == "user" for joined in _chat_texts(message)]
    results = {m["tool_call_id"]: Result("\n".join(_chat_texts(m)), False) for m in messages if m["role"] == "tool"}
    return Heard(texts, sum(1 for message in messages if message["role"] == "assistant"), bool(body.get("tools")), results)


def _chat_texts(message: Mapping[str, Any]) -> list[str]:
    content = message.get("content") or ""
    return [content] if isinstance(content, str) else [part["text"] for part in content if part.get("type") == "text"]


def stream_chat(identity: str, turn: Turn) -> bytes:
    """The chunks of one answer of chat completions."""
    calls = [
        {"index": at, "id": call, "type": "function", "function": {"name": made.tool, "arguments": json.dumps(made.input)}}
        for at, (call, made) in enumerate(numbered(identity, turn))
    ]
    delta = {"role": "assistant", "content": turn} if isinstance(turn, str) else {"role": "assistant", "tool_calls": calls}
    usage = {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 2}, "completion_tokens": 10, "total_tokens": 20}
    head = {"id": f"chat_{identity}", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    chunks = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}], "usage": usage},
    ]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n"
