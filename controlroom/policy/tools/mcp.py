"""Tools of MCP servers. What a server says of them, their names too, is a claim: it says why, and never lowers a tier.

Nothing such a tool does can be inspected, so it asks. Its arguments are looked at: a path, a command or SQL in them can only
raise the tier, and is shown. No agent tells its hook a tool's annotations (`readOnlyHint` and the like); they could add
nothing: only the never-touch list lies above T3, and no hint takes a tool below it.
"""

import re
from collections.abc import Iterator, Mapping

from controlroom.model.effect import EffectKind, Target
from controlroom.model.tier import Tier
from controlroom.policy import sql
from controlroom.policy.files import Act, Files
from controlroom.policy.ledger import Ledger
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.command import Shell
from controlroom.policy.shell.env import Env


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_DESTRUCTIVE = _set(
    """delete remove destroy drop purge truncate erase wipe clear reset revoke terminate kill stop restart shutdown reboot
    archive close merge cancel disable uninstall overwrite rollback force trash unpublish expire flush detach deny
    ban block empty"""
)
_TELLING = _set("send publish post reply comment message mail email tweet notify invite share submit broadcast")
_MUTATING = _set(
    """create update write edit set put patch insert add deploy push run execute exec eval evaluate apply move rename upload
    import grant assign transfer pay refund charge approve call invoke click fill type press navigate install start
    enable schedule subscribe mark label fork commit save store register configure replace append upsert"""
)
_READING = _set("get list read search find fetch query show describe view lookup count status info check browse")
_PATHS = _set(
    """path paths file files filepath filename source src from destination dest dst to target directory dir folder root uri
    output"""
)
_COMMANDS = _set("command cmd script shell commands bash argv")
_ARGUMENTS = ("args", "arguments")
_STATEMENTS = _set("sql query statement statements ddl")
_MOST = 200  # arguments that are looked at
_DEPTH = 8  # levels of them


def judge(ledger: Ledger, files: Files, shell: Shell, tool: str, given: Mapping[str, object], cwd: str, home: str) -> None:
    """Judge `mcp__SERVER__TOOL` by its name and its arguments. Raises TooMuch for a command over a limit."""
    words = _words(tool.rsplit("__", 1)[-1])
    ledger.effect(EffectKind.REMOTE, Target(f"mcp:{tool}"[:400]))
    rule, text = _name(words)
    ledger.reason(Tier.T3, rule, text)
    kind = EffectKind.DELETE if words & _DESTRUCTIVE else EffectKind.WRITE if not words & _READING else EffectKind.READ
    for number, (key, value) in enumerate(_values(given, _DEPTH)):
        if number >= _MOST or value is None:
            ledger.reason(Tier.T3, "mcp.many", f"More than {_MOST} arguments or {_DEPTH} levels; the rest was not looked at.")
            return
        meant = _words(key)
        if not isinstance(value, str):
            shell.run(tuple(map(Arg, value)), Env(home, cwd))
        elif meant & _COMMANDS:
            shell.text(value, Env(home, cwd))
        elif meant & _STATEMENTS:
            _statement(ledger, value)
        elif value.startswith(("http://", "https://")):
            ledger.effect(EffectKind.NET, Target(value[:400]))
        elif (path := _path(value, home)) and (meant & _PATHS or (path.startswith("/") and files.place(path, cwd)[1])):
            files.touch(Act(kind, path, cwd, "mcp.path", f"The tool {tool[:80]}"))


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORDS.findall(name)}


def _path(value: str, home: str) -> str:
    """The path that a text can be, "" when it is none."""
    path = value.removeprefix("file://")
    if "://" in path or "\n" in path:
        return ""
    return home + path[1:] if path.startswith("~/") else path


def _name(words: set[str]) -> tuple[str, str]:
    for rule, meaning, known in (
        ("mcp.destructive", "takes something away", _DESTRUCTIVE),
        ("mcp.telling", "tells others something", _TELLING),
        ("mcp.mutating", "changes something", _MUTATING),
        ("mcp.reading", "only reads, which nobody here can check", _READING),
    ):
        if words & known:
            return rule, f"The tool's name says that it {meaning} ({', '.join(sorted(words & known))})."
    return "mcp.unknown", "A tool of an MCP server: what it does cannot be seen from here."


def _statement(ledger: Ledger, text: str) -> None:
    found = sql.judge(text)
    if found in (sql.Sql.DESTROYS, sql.Sql.RUNS):
        ledger.effect(EffectKind.DELETE, Target(f"database/{text}"[:400]))
        ledger.reason(Tier.T3, "mcp.sql", "The SQL drops or empties tables, changes every row, or runs programs.")
    elif found in (sql.Sql.CHANGES, sql.Sql.ADDS):
        ledger.effect(EffectKind.WRITE, Target(f"database/{text}"[:400]))
        ledger.reason(Tier.T3, "mcp.sql", "The SQL changes rows or tables.")


def _values(value: object, depth: int, key: str = "") -> Iterator[tuple[str, str | tuple[str, ...] | None]]:
    """Every text in the arguments with the key it stands under, a command's words together; None for what lies too deep."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict | list) and not depth:
        yield key, None
    elif isinstance(value, dict):
        command, argv = _argv(value)
        if argv:
            yield command, argv
        for name, inner in value.items():
            if name != command:
                yield from _values(inner, depth - 1, str(name))
    elif isinstance(value, list):
        if len(value) > 1 and (words := _texts(value)) and _words(key) & _COMMANDS and not re.search(r"\s", words[0]):
            yield key, words
        else:
            for inner in value:
                yield from _values(inner, depth - 1, key)


def _argv(given: Mapping[str, object]) -> tuple[str, tuple[str, ...]]:
    """The key of a command whose arguments stand in a list beside it, and all its words; "" and none where there is none."""
    rest = next((words for key in _ARGUMENTS if (words := _texts(given.get(key)))), ())
    for name, word in given.items():
        if rest and isinstance(word, str) and _words(name) & _COMMANDS and not re.search(r"\s", word):
            return name, (word, *rest)
    return "", ()


def _texts(value: object) -> tuple[str, ...]:
    """The texts of a list of nothing else, () for anything else."""
    return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else ()
