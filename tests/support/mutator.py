"""Logs that drift: seeded changes of JSON lines as another version, a bug or an enemy would make them."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parents[1] / "agents" / "recorded"
KINDS = ("claude-code", "codex", "gemini", "copilot")
OTHERS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**30, "", "x", "toolu_1", "\x1b[31m", "\u202e", [], {}, [[]], [{}], [None], ["x"],
    {"type": "tool_use"}, {"id": 7}, {"text": 5}, 1e308, "2026-13-45T99:99:99Z", "9" * 40,
)  # fmt: skip


def recorded(kind: str) -> list[tuple[str, list[bytes]]]:
    """The recorded logs of an agent: name and lines."""
    files = sorted(RECORDED.glob(f"{kind}-*.jsonl"))
    return [(file.name, file.read_bytes().splitlines()) for file in files]


def paths(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a value, from the top."""
    keyed = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in keyed:
        yield (*at, key)
        yield from paths(inner, (*at, key))


def changed(value: Any, path: Sequence[str | int], new: Any = None, *, drop: bool = False) -> Any:
    """A copy with the place at `path` replaced by `new`, or dropped."""
    copy = json.loads(json.dumps(value))
    node = copy
    for key in path[:-1]:
        node = node[key]
    if drop:
        del node[path[-1]]
    else:
        node[path[-1]] = new
    return copy


class Mutator:
    """Endless lines made from recorded ones; the same seed makes the same."""

    def __init__(self, lines: Sequence[bytes], seed: int) -> None:
        self._dice = random.Random(seed)
        self._lines = list(lines)
        self._values = [json.loads(line) for line in lines]
        self._paths = [tuple(paths(value)) for value in self._values]

    def line(self) -> bytes:
        """One line: mostly of changed shape, sometimes of changed bytes."""
        dice = self._dice.random()
        if dice < 0.15:
            return self._torn(self._dice.choice(self._lines))
        at = self._dice.randrange(len(self._values))
        value, places = self._values[at], self._paths[at]
        for _ in range(1 if dice < 0.8 else 3):
            value = self._reshaped(value, self._dice.choice(places))
        return json.dumps(value).encode()

    def _reshaped(self, value: Any, path: Sequence[str | int]) -> Any:
        copy = dict(value)
        node: Any = copy
        for key in path[:-1]:
            if not _has(node, key):
                return copy
            inner = node[key]
            node[key] = inner = dict(inner) if isinstance(inner, dict) else list(inner) if isinstance(inner, list) else inner
            node = inner
        if isinstance(node, dict) or (isinstance(node, list) and node):
            self._touch(node, path[-1])
        return copy

    def _touch(self, node: Any, key: Any) -> None:
        if isinstance(node, list):
            place = self._dice.randrange(len(node))
            act = self._dice.randrange(4)
            if act == 0:
                node.pop(place)
            elif act == 1:
                node.append(node[place])
            elif act == 2:
                self._dice.shuffle(node)
            else:
                node[place] = self._dice.choice(OTHERS)
            return
        act = self._dice.randrange(4)
        if act == 0:
            node.pop(key, None)
        elif act == 1:
            node[f"new{self._dice.randrange(9)}"] = self._dice.choice(OTHERS)
        elif act == 2:
            node[self._dice.choice(list(node) or ["x"])] = node.get(key)
        else:
            node[key] = self._dice.choice(OTHERS)

    def _torn(self, line: bytes) -> bytes:
        at = self._dice.randrange(len(line))
        act = self._dice.randrange(3)
        if act == 0:
            return line[:at]
        if act == 1:
            return line[:at] + bytes([self._dice.randrange(256)]) + line[at + 1 :]
        return line[:at] + self._dice.choice(self._lines)[at:]


def _has(node: Any, key: str | int) -> bool:
    """Whether an earlier change has left this place there."""
    if isinstance(node, dict):
        return key in node
    return isinstance(node, list) and isinstance(key, int) and key < len(node)
