"""A rule file: its schema, and reading it so strictly that a mistake is named with its file, line and key."""

import re
import tomllib
from typing import Annotated

import msgspec

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.patterns import BadPattern, compiled
from controlroom.policy.sql import Sql

Text = Annotated[str, msgspec.Meta(min_length=1)]
_TARGETS = ("", "operands", "operands-or-cwd", "first", "last", "rest", "sources", "into", "merged", "cwd")
_PLACE = re.compile(r"\$\.(program|rule)\[(\d+)\](?:\.(\w+))?")
_UNKNOWN = re.compile(r"unknown field `(\w+)`")
_PATTERNS = ("operand", "last", "beyond", "text", "only")


class RuleError(ValueError):
    """A rule file that cannot be used: file, line, key and what is wrong."""


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a program's command line reads.

    `values`: options that take a separate value. `flags`: options that are known to take none (only needed where one may
    stand before a sub-command). `code`: where SQL is: options, `operands` or `rest` (all but the first). `help`: with
    `--help` at the end, or alone with `--version`, it does nothing else.
    """

    names: tuple[Text, ...]
    values: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    help: bool = False


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. It fits when every condition that is given holds.

    `sub`: leading operands without regard to case: `a|b` = either, `list-*` = whatever begins so, `**` = any number of
    others. `otherwise`: only when no other rule with a `sub` fits: sub-commands that nobody listed. `any`/`all`/`none`:
    options that are present (`none` also as `name=value` in small letters: with no other value). `operand`: an expression
    some operand has; `last`: the last one; `beyond`: one that not every operand has. `text`: one that the joined arguments
    have (also what comes in on standard input, where known). `piped`: only with something piped in. `sql`: what its SQL
    does (`policy/sql.py`).
    `targets`: which arguments are files (operands, first, last, rest, sources, into, merged, cwd, `key=`, or an option's name);
    without it `name` says what is acted on. `only`: what below the targets is meant, as an expression on paths.
    `tier`: at least this; the file targets may raise it. `append`: keeps what is there; `moved`: a rename; `deep`: with
    what is below; `follow`: a link's goal is meant. `content`: files (names in the folder, or an option's name) whose
    content is run or applied. `reason`: one sentence: what would be lost or told. `safer`: the better way.
    `match`, `not`: examples, each of them a test.
    """

    id: Text
    program: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    effect: EffectKind
    reason: Text
    match: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    sub: tuple[Text, ...] = ()
    otherwise: bool = False
    any: tuple[Text, ...] = ()
    all: tuple[Text, ...] = ()
    none: tuple[Text, ...] = ()
    operand: str = ""
    last: str = ""
    beyond: str = ""
    text: str = ""
    piped: bool = False
    sql: tuple[Sql, ...] = ()
    tier: Tier | None = None
    targets: str = ""
    name: str = ""
    only: str = ""
    append: bool = False
    moved: bool = False
    deep: bool = False
    follow: bool = True
    content: tuple[str, ...] = ()
    safer: str = ""
    unlike: tuple[Text, ...] = msgspec.field(name="not", default=())


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of rules."""

    program: tuple[Program, ...] = ()
    rule: tuple[Rule, ...] = ()


def load(name: str, text: str) -> RuleFile:
    """Read one rule file. Raises RuleError naming file, line and key."""
    try:
        file = msgspec.convert(tomllib.loads(text), RuleFile)
    except tomllib.TOMLDecodeError as error:  # its message names line and column
        raise RuleError(f"{name}: {error}") from error
    except msgspec.ValidationError as error:
        raise RuleError(f"{name}:{_line_of(text, str(error))}: {error}") from error
    for index, rule in enumerate(file.rule):
        problem = _problem(rule)
        if problem:
            key, why = problem
            raise RuleError(f"{name}:{line_of_rule(text, index, key)}: rule {rule.id}: {key}: {why}")
    return file


def _problem(rule: Rule) -> tuple[str, str] | None:
    """The key of a rule that cannot be used, and why."""
    for key in _PATTERNS:
        pattern: str = getattr(rule, key)
        try:
            if pattern:
                compiled(pattern)
        except BadPattern as error:
            return key, str(error)
    if rule.tier is None and not rule.targets:
        return "tier", "give a tier, or targets that decide it"
    if rule.targets not in _TARGETS and not rule.targets.startswith("-") and not rule.targets.endswith("="):
        return "targets", f"{rule.targets!r} is none of {', '.join(_TARGETS[1:])}, an option or `key=`"
    if rule.otherwise and rule.sub:
        return "otherwise", "a rule for what nobody listed has no `sub` of its own"
    return None


def line_of_rule(text: str, index: int, key: str) -> int:
    """The line of `key` in the `index`-th rule of a file, or of the rule's head."""
    return _line(text, "rule", index, key)


def _line_of(text: str, message: str) -> int:
    """The line that a message of msgspec means."""
    place = _PLACE.search(message)
    unknown = _UNKNOWN.search(message)
    if place is None:
        return _find(text.split("\n"), 0, unknown[1] if unknown else "")
    return _line(text, place[1], int(place[2]), unknown[1] if unknown else place[3] or "")


def _line(text: str, table: str, index: int, key: str) -> int:
    """The line of `key` in the `index`-th `[[table]]`, or of the table's head."""
    lines = text.split("\n")
    heads = [number for number, line in enumerate(lines) if re.match(rf"\s*\[\[\s*{table}\s*\]\]", line)]
    return _find(lines, heads[index] if index < len(heads) else 0, key)


def _find(lines: list[str], start: int, key: str) -> int:
    for number in range(start + 1, len(lines)):
        if lines[number].lstrip().startswith("[["):
            break
        if key and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", lines[number]):
            return number + 1
    return start + 1
