"""The files in which an agent's own permissions, skills and agent definitions are declared. Bounded, never raising."""

import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from controlroom.model.use import Capability, Declared
from controlroom.policy import declared as words
from controlroom.sensing.tree import RealTree

LIMIT = 256 * 1024  # bytes of one file
MOST_FILES = 200
MOST_LINES = 500

Verb = Literal["allow", "ask", "deny"]
_VERBS: tuple[Verb, ...] = ("allow", "ask", "deny")


def read(kind: str, home: str, workspace: str) -> tuple[Declared, ...]:
    """What is declared for an agent of this kind; () for kinds whose files are not known here. Blocking."""
    tops = (Path(home), Path(workspace))
    kinds = {"claude-code": _claude, "codex": _codex, "gemini": _gemini}
    found = kinds[kind](tops) if kind in kinds else iter(())
    return tuple(dict.fromkeys(row for _, row in zip(range(MOST_LINES), found, strict=False)))


def _text(path: Path) -> str:
    return (RealTree().read(str(path), LIMIT) or b"").decode("utf-8", "replace")


def _json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(_text(path) or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _table(value: object, key: str) -> dict[str, object]:
    below = value.get(key) if isinstance(value, dict) else None
    return below if isinstance(below, dict) else {}


def _rules(source: Path, verb: Verb, rules: object, by: str = "") -> Iterator[Declared]:
    for rule in rules if isinstance(rules, list | tuple) else ():
        scoped = words.rule(rule) if isinstance(rule, str) else None
        if scoped:
            yield Declared(str(source), verb, *scoped, by)


def _everything(source: Path) -> Iterator[Declared]:
    return (Declared(str(source), "allow", kind, "*") for kind in Capability)


def _claude(tops: Iterable[Path]) -> Iterator[Declared]:
    for top in tops:
        for name in ("settings.json", "settings.local.json"):
            file = top / ".claude" / name
            permissions = _table(_json(file), "permissions")
            if permissions.get("defaultMode") == "bypassPermissions":
                yield from _everything(file)
            for verb in _VERBS:
                yield from _rules(file, verb, permissions.get(verb))
        for pattern, key in (("skills/*/SKILL.md", "allowed-tools"), ("agents/*.md", "tools")):
            for _, file in zip(range(MOST_FILES), sorted((top / ".claude").glob(pattern)), strict=False):
                name = file.parent.name if key == "allowed-tools" else file.stem
                yield from _rules(file, "allow", words.tools_of(_text(file), key) or (), name)


def _codex(tops: Iterable[Path]) -> Iterator[Declared]:
    for top in tops:
        file = top / ".codex" / "config.toml"
        try:
            given = tomllib.loads(_text(file))
        except (tomllib.TOMLDecodeError, RecursionError):
            continue
        network = _table(given, "sandbox_workspace_write").get("network_access") is True
        for scoped in words.sandbox(str(given.get("sandbox_mode", "")), network):
            yield Declared(str(file), "allow", *scoped)


def _gemini(tops: Iterable[Path]) -> Iterator[Declared]:
    for top in tops:
        file = top / ".gemini" / "settings.json"
        tools = _table(_json(file), "tools")
        yield from _rules(file, "allow", tools.get("core"))
        yield from _rules(file, "deny", tools.get("exclude"))
