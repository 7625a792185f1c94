"""The catalogue: rules/*.toml read strictly, and which rules fit a command."""

import re
import tomllib
from functools import lru_cache
from importlib import resources
from typing import Annotated

import msgspec

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.shell.options import Parsed, parse
from controlroom.policy.shell.words import Arg

Text = Annotated[str, msgspec.Meta(min_length=1)]


class RuleError(ValueError):
    """A rule file that cannot be used: file, key and what is wrong."""


class Program(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a program's command line reads: its names and the options that take a separate value."""

    names: tuple[Text, ...]
    values: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One rule. It fits when every condition that is given holds.

    `sub`: leading operands (`a|b` = either). `any`/`all`/`none`: options that are present. `operand`: a regular expression
    some operand has. `text`: one that the joined arguments have (also what comes in on standard input, where known).
    `targets`: which arguments are files (operands, first, last, rest, sources, into, `key=`, or an option's name);
    without it `name` says what is acted on. `only`: what below the targets is meant, as an expression on paths.
    `tier`: at least this; the file targets may raise it. `content`: files (names in the folder, or an option's name)
    whose content is run or applied. `piped`: only with something piped in.
    """

    id: Text
    program: tuple[Text, ...]
    effect: EffectKind
    reason: Text
    match: tuple[Text, ...]
    sub: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    operand: str = ""
    text: str = ""
    piped: bool = False
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
    unlike: tuple[str, ...] = msgspec.field(name="not", default=())


class RuleFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of rules."""

    program: tuple[Program, ...] = ()
    rule: tuple[Rule, ...] = ()


class Fit(msgspec.Struct, frozen=True):
    """A rule that fits a command. `could`: only because an argument is not known."""

    rule: Rule
    parsed: Parsed
    could: bool = False


class Catalogue:
    """All rules, found by program."""

    def __init__(self, files: tuple[RuleFile, ...]) -> None:
        self.rules = tuple(rule for file in files for rule in file.rule)
        self._values = {name: prog.values for file in files for prog in file.program for name in prog.names}
        self._by_program: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for name in rule.program:
                self._by_program.setdefault(name, []).append(rule)
        self._long = {name: _long_options(rules) for name, rules in self._by_program.items()}

    def knows(self, program: str) -> bool:
        """Whether any rule is about this program."""
        return program in self._by_program

    def _completed(self, program: str, parsed: Parsed) -> Parsed:
        """Long options may be cut short (`--ha` for `--hard`); what could be one that rules ask for counts as that one."""
        wanted = self._long.get(program, ())
        short = [name for name in parsed.options if name.startswith("--") and len(name) > 3 and name not in wanted]
        more = {
            full: parsed.options[name]
            for name in short
            for full in wanted
            if full.startswith(name) and full not in parsed.options
        }
        return msgspec.structs.replace(parsed, options=parsed.options | more) if more else parsed

    def fits(self, program: str, args: tuple[Arg, ...], stdin: str | None, *, piped: bool) -> list[Fit]:
        """The rules that fit. `stdin`: what comes in, None when it is not known or nothing does."""
        rules = self._by_program.get(program)
        if not rules:
            return []
        parsed = self._completed(program, parse(args, self._values.get(program, ())))
        joined = " ".join(arg.text for arg in args)
        if stdin:
            joined += "\n" + stdin
        found: list[Fit] = []
        for rule in rules:
            fit = _fit(rule, parsed, joined, piped=piped)
            if fit is not None:
                found.append(Fit(rule, parsed, fit))
        return found


def _long_options(rules: list[Rule]) -> tuple[str, ...]:
    """The long options that make a rule fit, without those that make one not fit."""
    wanted = {name for rule in rules for name in (*rule.any, *rule.all) if name.startswith("--")}
    return tuple(sorted(wanted - {name for rule in rules for name in rule.none}))


def _fit(rule: Rule, parsed: Parsed, joined: str, *, piped: bool) -> bool | None:
    """None: does not fit; False: fits; True: could fit."""
    if rule.piped and not piped:
        return None
    could = False
    start = 0
    if rule.sub:
        begun = _sub(rule.sub, parsed)
        if begun is None:
            return None
        start, could = begun
    given = parsed.options
    if rule.any and not any(name in given for name in rule.any):
        if not parsed.hazy or rule.tier in (None, Tier.T0, Tier.T1):
            return None
        could = True
    if rule.all and not all(name in given for name in rule.all):
        return None
    if rule.none and any(name in given for name in rule.none):
        return None
    if rule.operand and not any(re.search(rule.operand, arg.text) for arg in parsed.operands[start:]):
        return None
    if rule.text and not re.search(rule.text, joined):
        return None
    return could


def _sub(sub: tuple[str, ...], parsed: Parsed) -> tuple[int, bool] | None:
    """Where the operands after the subcommand begin; operands that may be an option's value may be stepped over."""
    at = 0
    for want in sub:
        options = want.split("|")
        while at < len(parsed.operands):
            arg = parsed.operands[at]
            at += 1
            if not arg.certain and not arg.stem:
                return at, True
            if arg.text in options:
                break
            if not parsed.doubtful[at - 1]:
                return None
        else:
            return None
    return at, False


def load(name: str, text: str) -> RuleFile:
    """Read one rule file. Raises RuleError naming file and key."""
    try:
        file = msgspec.convert(tomllib.loads(text), RuleFile)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise RuleError(f"{name}: {error}") from error
    for rule in file.rule:
        for key in ("operand", "text", "only"):
            try:
                re.compile(getattr(rule, key))
            except re.error as error:
                raise RuleError(f"{name}: rule {rule.id}: {key}: {error}") from error
        if rule.tier is None and not rule.targets:
            raise RuleError(f"{name}: rule {rule.id}: give a tier, or targets that decide it")
    return file


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The packaged catalogue. Raises RuleError at start, naming file and key."""
    folder = resources.files("controlroom.policy").joinpath("rules")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    built = Catalogue(tuple(load(name, folder.joinpath(name).read_text("utf-8")) for name in names))
    seen: set[str] = set()
    for rule in built.rules:
        if rule.id in seen:
            raise RuleError(f"rule {rule.id}: the id is used twice; rename one")
        seen.add(rule.id)
    return built
