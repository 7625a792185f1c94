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
_FILES = {  # below the home and the workspace; patterns of `glob`
    "claude-code": (".claude/settings.json", ".claude/settings.local.json", ".claude/skills/*/SKILL.md", ".claude/agents/*.md"),
    "codex": (".codex/config.toml",),
    "gemini": (".gemini/settings.json",),
    "opencode": (".config/opencode/opencode.json", "opencode.json"),
}


def read(kind: str, home: str, workspace: str) -> tuple[Declared, ...]:
    """What is declared for an agent of this kind; () for kinds whose files are not known here. Blocking."""
    found = (
        row
        for pattern in _FILES.get(kind, ())
        for top in (Path(home), Path(workspace))
        for _, file in zip(range(MOST_FILES), sorted(top.glob(pattern)), strict=False)
        for row in of(kind, str(file), _text(file))
    )
    return tuple(dict.fromkeys(row for _, row in zip(range(MOST_LINES), found, strict=False)))


def of(kind: str, source: str, text: str) -> Iterator[Declared]:
    """What one file declares, by its name and text; nothing where it is none of those or cannot be read."""
    name = Path(source).name
    if kind == "claude-code":
        yield from _claude(source, name, text)
    elif (kind, name) == ("codex", "config.toml"):
        yield from _codex(source, text)
    elif (kind, name) == ("gemini", "settings.json"):
        tools = _table(_json(text), "tools")
        yield from _rules(source, "allow", tools.get("core"))
        yield from _rules(source, "deny", tools.get("exclude"))
    elif (kind, name) == ("opencode", "opencode.json"):
        yield from _opencode(source, text)


def _text(path: Path) -> str:
    return (RealTree().read(str(path), LIMIT) or b"").decode("utf-8", "replace")


def _json(text: str) -> dict[str, object]:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _table(value: object, key: str) -> dict[str, object]:
    below = value.get(key) if isinstance(value, dict) else None
    return below if isinstance(below, dict) else {}


def _rules(source: str, verb: Verb, rules: object, by: str = "") -> Iterator[Declared]:
    for rule in rules if isinstance(rules, list | tuple) else ():
        scoped = words.rule(rule) if isinstance(rule, str) else None
        if scoped:
            yield Declared(source, verb, *scoped, by)


def _claude(source: str, name: str, text: str) -> Iterator[Declared]:
    path = Path(source)
    if name == "SKILL.md":
        yield from _rules(source, "allow", words.tools_of(text, "allowed-tools") or (), path.parent.name)
    elif path.suffix == ".md" and path.parent.name == "agents":
        yield from _rules(source, "allow", words.tools_of(text, "tools") or (), path.stem)
    elif path.suffix == ".json":
        permissions = _table(_json(text), "permissions")
        if permissions.get("defaultMode") == "bypassPermissions":
            yield from (Declared(source, "allow", kind, "*") for kind in Capability)
        for verb in _VERBS:
            yield from _rules(source, verb, permissions.get(verb))


def _codex(source: str, text: str) -> Iterator[Declared]:
    try:
        given = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    network = _table(given, "sandbox_workspace_write").get("network_access") is True
    for scoped in words.sandbox(str(given.get("sandbox_mode", "")), network):
        yield Declared(source, "allow", *scoped)


def _opencode(source: str, text: str) -> Iterator[Declared]:
    """`permission`: a word for a tool, or one for each pattern of its commands."""
    for tool, given in _table(_json(text), "permission").items():
        kind = words.OPENCODE.get(tool)
        rows: Iterable[tuple[str, object]] = given.items() if isinstance(given, dict) else (("*", given),)
        for pattern, verb in rows if kind else ():
            found = next((one for one in _VERBS if one == verb), None)
            if found and kind:
                yield Declared(source, found, kind, pattern.split(" ")[0] or "*")
