"""Decoding and classifying lines of Claude Code beside a bare msgspec decode of the same lines, side by side in one run.

The lines are the recorded ones, and some with a result or a file of 20 KiB, as long sessions have them.
"""

import json
import statistics
import time
from collections.abc import Callable, Iterator

import msgspec

from controlroom.agents.claude_transcript import ClaudeReader
from controlroom.agents.codex_transcript import CodexReader
from controlroom.agents.gemini_transcript import GeminiReader
from tests.bench.figure import Figure
from tests.support.mutator import recorded

LINES = 20_000
ROUNDS = 7
BULK = "all work and no play makes a long line of text \n" * 430


def lines() -> list[bytes]:
    """So many lines of a session."""
    base = [line for _, each in recorded("claude-code") for line in each]
    large: list[dict[str, object]] = []
    for line in map(json.loads, base):
        content = line.get("message", {}).get("content") if isinstance(line.get("message"), dict) else None
        block = content[0] if isinstance(content, list) and content else {}
        if block.get("type") == "tool_result":
            block["content"] = BULK
            large.append(line)
        elif block.get("name") == "Write":
            block["input"]["content"] = BULK
            large.append(line)
    base += [json.dumps(line).encode() for line in large[:4]]
    return (base * (LINES // len(base) + 1))[:LINES]


def seconds(work: Callable[[], object]) -> float:
    """CPU time of one round: what others do on the machine is not in it."""
    began = time.process_time()
    work()
    return time.process_time() - began


def figures() -> Iterator[Figure]:
    """The bar is on the share of the bare decoder's speed: rounds of the two take turns, and the median share counts."""
    some = lines()
    bare_decode = msgspec.json.decode

    def bare() -> None:
        for line in some:
            bare_decode(line)

    def ours() -> None:
        reader = ClaudeReader()
        for line in some:
            reader.read(line)

    rounds = [(seconds(bare), seconds(ours)) for _ in range(ROUNDS)]
    yield Figure("bare msgspec decode of Claude lines", len(some) / min(one for one, _ in rounds), "lines/s", 0.0, "shown")
    yield Figure("decode and classify of the same lines", len(some) / min(two for _, two in rounds), "lines/s", 0.0, "shown")
    share = statistics.median(one / two for one, two in rounds)
    yield Figure("decode and classify beside the bare decode", share, "x", 0.5, "higher")
    for name, kind, reader in (("Codex", "codex", CodexReader), ("Gemini", "gemini", GeminiReader)):
        other = [line for _, each in recorded(kind) for line in each] * 200

        def read(make: Callable[[], CodexReader | GeminiReader] = reader, given: list[bytes] = other) -> None:
            decoder = make()
            for line in given:
                decoder.read(line)

        least = min(seconds(read) for _ in range(ROUNDS))
        yield Figure(f"decode and classify of {name} lines", len(other) / least, "lines/s", 0.0, "shown")
