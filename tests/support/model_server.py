"""A scripted model on loopback that speaks the streaming messages API which Claude Code speaks, and the other agents' dialects.

A script is one list of turns for each conversation; a conversation is known by the marker `[[name]]` in its first prompt, so a
subagent has a script of its own. Which turn is due follows from the history that the agent sends, so a repeated request
gets the same answer. What the agent reports of its calls is kept by the id of the call.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tests.support.model_dialects import (
    Call,
    Heard,
    Result,
    Turn,
    generated,
    hear_chat,
    hear_generate,
    hear_responses,
    numbered,
    stream_chat,
    stream_responses,
)

__all__ = ["Call", "Model", "Result", "Turn", "call_id"]
MARKER = re.compile(r"\[\[(\w+)\]\]")
NEUTRAL = "Nothing to add."  # to conversations that no script knows: titles, classifiers


@dataclass
class Model:
    """The server. `results`: what came of each call, by `call_id`; `asked`: (marker, turn) of every request served.

    `thinks`: a script's last turn is not answered before `go_on`: until then the agent lives, and does nothing.
    """

    script: Mapping[str, Sequence[Turn]]
    thinks: bool = False
    results: dict[str, Result] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thought = threading.Event()

    def __enter__(self) -> "Model":
        model = self

        class Handler(_Handler):
            owner = model

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.go_on()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def go_on(self) -> None:
        """Let the last turn be answered."""
        self._thought.set()

    @property
    def url(self) -> str:
        """Where the agent finds the model."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, heard: Heard) -> tuple[str, Turn]:
        """The answer that is due to a request: an id that is stable for it, and the turn."""
        self.prompts += [text for text in heard.texts if text not in self.prompts]
        self.results.update(heard.results)
        marker = next((found[1] for text in heard.texts if (found := MARKER.search(text))), "")
        self.asked.append((marker, heard.turn))
        turns = self.script.get(marker, ()) if heard.tools else ()
        if self.thinks and heard.turn == len(turns) - 1:
            self._thought.wait()
        return f"{marker}_{heard.turn}", turns[heard.turn] if heard.turn < len(turns) else NEUTRAL


def call_id(marker: str, turn: int, number: int = 0) -> str:
    """The id of a scripted call: the n-th of that turn of that conversation."""
    return f"toolu_{marker}_{turn}_{number}"


def _hear(body: Mapping[str, Any]) -> Heard:
    """A request of the messages API."""
    messages = body.get("messages", [])
    texts = [text for message in messages if message["role"] == "user" for text in _texts(message)]
    turn = sum(1 for message in messages if message["role"] == "assistant")
    results = {call: result for message in messages for call, result in _results(message).items()}
    return Heard(texts, turn, bool(body.get("tools")), results)


def _blocks(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _texts(message: Mapping[str, Any]) -> list[str]:
    return [block["text"] for block in _blocks(message) if block["type"] == "text"]


def _results(message: Mapping[str, Any]) -> dict[str, Result]:
    found = {}
    for block in _blocks(message):
        if block["type"] == "tool_result":
            content = block.get("content", "")
            text = content if isinstance(content, str) else "\n".join(part.get("text", "") for part in content)
            found[block["tool_use_id"]] = Result(text, bool(block.get("is_error")))
    return found


def _stream(identity: str, turn: Turn, model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of one streamed message."""
    usage = {"input_tokens": 10, "output_tokens": 10}
    head = {"id": f"msg_{identity}", "type": "message", "role": "assistant", "model": model, "content": []}
    yield "message_start", {"message": {**head, "stop_reason": None, "stop_sequence": None, "usage": usage}}
    if isinstance(turn, str):
        blocks: list[tuple[dict[str, Any], dict[str, str]]] = [
            ({"type": "text", "text": ""}, {"type": "text_delta", "text": turn}),
        ]
    else:
        blocks = [
            (
                {"type": "tool_use", "id": call, "name": made.tool, "input": {}},
                {"type": "input_json_delta", "partial_json": json.dumps(made.input)},
            )
            for call, made in numbered(identity, turn)
        ]
    for index, (start, delta) in enumerate(blocks):
        yield "content_block_start", {"index": index, "content_block": start}
        yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    reason = "end_turn" if isinstance(turn, str) else "tool_use"
    yield "message_delta", {"delta": {"stop_reason": reason, "stop_sequence": None}, "usage": {"output_tokens": 10}}
    yield "message_stop", {}


class _Handler(BaseHTTPRequestHandler):
    owner: Model
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._reply(b"", "text/plain")

    def do_GET(self) -> None:
        self._reply(b"{}", "application/json")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))) or b"{}")
        path = self.path.partition("?")[0]
        if path.endswith("/count_tokens"):
            self._reply(b'{"input_tokens":10}', "application/json")
        elif path == "/v1/messages":
            identity, turn = self.owner.answer(_hear(body))
            events = _stream(identity, turn, str(body.get("model", "scripted")))
            if body.get("stream"):
                lines = [f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events]
                self._reply("".join(lines).encode(), "text/event-stream")
            else:
                self._reply(json.dumps(_whole(identity, turn, str(body.get("model")))).encode(), "application/json")
        elif path == "/v1/responses":
            self._reply(stream_responses(*self.owner.answer(hear_responses(body))), "text/event-stream")
        elif path.endswith("/chat/completions"):
            self._reply(stream_chat(*self.owner.answer(hear_chat(body))), "text/event-stream")
        elif path.endswith(":streamGenerateContent"):
            answer = json.dumps(generated(*self.owner.answer(hear_generate(body))))
            self._reply(f"data: {answer}\r\n\r\n".encode(), "text/event-stream")
        elif path.endswith(":generateContent"):
            self._reply(json.dumps(generated(*self.owner.answer(hear_generate(body)))).encode(), "application/json")
        else:
            self._reply(b"{}", "application/json")

    def _reply(self, content: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name that http.server gives)
        """Silence: the requests are kept in `asked`."""


def _whole(identity: str, turn: Turn, model: str) -> dict[str, Any]:
    """The same message, not streamed (small side requests ask so)."""
    content: list[dict[str, Any]] = (
        [{"type": "text", "text": turn}]
        if isinstance(turn, str)
        else [
            {"type": "tool_use", "id": call, "name": made.tool, "input": dict(made.input)}
            for call, made in numbered(identity, turn)
        ]
    )
    reason = "end_turn" if isinstance(turn, str) else "tool_use"
    usage = {"input_tokens": 10, "output_tokens": 10}
    head = {"id": f"msg_{identity}", "type": "message", "role": "assistant", "model": model, "content": content}
    return {**head, "stop_reason": reason, "stop_sequence": None, "usage": usage}
