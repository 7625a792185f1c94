"""The catalogue: which rules fit a command. Files are read when a program that they name is first met."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

import msgspec

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy import sql
from controlroom.policy.limits import MAX_NAMES
from controlroom.policy.rulefile import Program, Rule, RuleError, RuleFile, line_of_rule, load
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.options import Parsed, parse

__all__ = ["Catalogue", "Fit", "Rule", "RuleError", "RuleFile", "catalogue", "load"]

_DEPTH = 7  # operands that `**` may step over
_FEW = 5
_HELP_WORDS = ("--help", "-help")
_PLAIN = re.compile(r"[a-z][a-z0-9:_.-]*")
_NOBODY = Program(("",))
_ALONE = {"--version", "-version", "-V", "version", "help", "--help", "-h", "-help"}
_HELP = Rule("program.help", ("any",), EffectKind.READ, "Shows its help or version.", ("x --help",), tier=Tier.T0)


class Fit(msgspec.Struct, frozen=True):
    """A rule that fits a command. `could`: only because an argument is not known."""

    rule: Rule
    parsed: Parsed
    could: bool = False


class Catalogue:
    """All rules, found by program. Made from the files' texts by name."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)
        self._read: dict[str, RuleFile] = {}
        self._ready: dict[str, _Ready] = {}
        self._programs: dict[str, _About] = {}
        self._whole = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every rule. Raises RuleError as `complete` does."""
        self.complete()
        return tuple(rule for name in sorted(self._read) for rule in self._read[name].rule)

    def complete(self) -> None:
        """Read every file now. Raises RuleError for a file that cannot be used, or an id that is used twice."""
        if self._whole:
            return
        seen: dict[str, str] = {}
        for name in sorted(self._texts):
            for index, rule in enumerate(self._file(name).rule):
                if rule.id in seen:
                    where = f"{name}:{line_of_rule(self._texts[name], index, 'id')}"
                    raise RuleError(f"{where}: rule {rule.id}: id: is used in {seen[rule.id]} too; rename one")
                seen[rule.id] = name
        self._whole = True

    def knows(self, program: str) -> bool:
        """Whether any rule is about this program."""
        return bool(self._about(program).rules)

    def fits(self, program: str, args: tuple[Arg, ...], stdin: str | None, *, piped: bool) -> list[Fit]:
        """The rules that fit. `stdin`: what comes in, None when it is not known or nothing does."""
        about = self._about(program)
        if not about.rules:
            return []
        if about.program.help and _asks_help(args):
            return [Fit(_HELP, parse(args, ()))]
        parsed = about.completed(parse(args, about.program.values, bare=about.flags))
        command = _Command(about.program, parsed, args, stdin, piped)
        found: list[Fit] = []
        known = False
        for ready in about.candidates(parsed):
            could = ready.fits(command)
            if could is not None:
                found.append(Fit(ready.rule, parsed, could))
                known |= bool(ready.rule.sub) and not could
        if not known:
            found += [Fit(ready.rule, parsed) for ready in about.otherwise if ready.fits(command) is not None]
        return found

    def _file(self, name: str) -> RuleFile:
        if name not in self._read:
            file = load(name, self._texts[name])
            self._ready |= {rule.id: _Ready(rule) for rule in file.rule}
            self._read[name] = file
        return self._read[name]

    def _about(self, program: str) -> "_About":
        known = self._programs.get(program)
        if known is not None:
            return known
        quoted = (f'"{program}"', f"'{program}'")  # a rule about a program has its name in its text
        files = [self._file(name) for name, text in self._texts.items() if any(word in text for word in quoted)]
        rules = [self._ready[rule.id] for file in files for rule in file.rule if program in rule.program]
        entry = next((entry for file in files for entry in file.program if program in entry.names), _NOBODY)
        about = _About(entry, rules)
        if rules or len(self._programs) < MAX_NAMES:  # an agent can think up names without end
            self._programs[program] = about
        return about


class _About:
    """The rules about one program, those with a plain first sub-command by that word."""

    def __init__(self, program: Program, rules: "list[_Ready]") -> None:
        self.program = program
        self.flags = frozenset(program.flags)
        self.rules = rules
        self.otherwise = [ready for ready in rules if ready.rule.otherwise]
        self._other = [ready for ready in rules if not ready.rule.otherwise and not ready.first]
        self._by_first: dict[str, list[_Ready]] = {}
        for ready in rules:
            for word in ready.first:
                self._by_first.setdefault(word, []).append(ready)
        wanted = {name for ready in rules for name in (*ready.rule.any, *ready.rule.all) if name.startswith("--")}
        self._long = tuple(sorted(wanted - {name for ready in rules for name in ready.rule.none}))
        self._all = [ready for ready in rules if not ready.rule.otherwise]

    def completed(self, parsed: Parsed) -> Parsed:
        """Long options may be cut short (`--ha` for `--hard`); what could be one that rules ask for counts as that one."""
        short = [name for name in parsed.options if name.startswith("--") and len(name) > 3 and name not in self._long]
        more = {
            full: parsed.options[name]
            for name in short
            for full in self._long
            if full.startswith(name) and full not in parsed.options
        }
        return msgspec.structs.replace(parsed, options=parsed.options | more) if more else parsed

    def candidates(self, parsed: Parsed) -> "list[_Ready]":
        """The rules that may fit, those `otherwise` left out."""
        if not parsed.operands:
            return self._other
        first = parsed.operands[0]
        if not first.certain or parsed.doubtful[0]:
            return self._all
        return self._by_first.get(first.text.lower(), []) + self._other


class _Word:
    """One place of a `sub`: plain words, and words with `*` as their parts."""

    def __init__(self, spec: str) -> None:
        options = spec.lower().split("|")
        self.any_depth = spec == "**"
        self.plain = frozenset(option for option in options if "*" not in option)
        self._globs = tuple(tuple(option.split("*")) for option in options if "*" in option)

    def fits(self, arg: Arg) -> bool | None:
        """None: does not fit; False: fits; True: could fit."""
        if not arg.certain:
            stem = arg.stem.lower()
            could = not stem or any(word.startswith(stem) for word in self.plain)
            could = could or any(stem.startswith(glob[0]) or glob[0].startswith(stem) for glob in self._globs)
            return True if could else None
        text = arg.text.lower()
        if text in self.plain or any(_like(text, glob) for glob in self._globs):
            return False
        return None


def _has_value(name: str, parsed: Parsed) -> bool:
    """Whether an option is there as `name=value`, with this value wherever it is there, without regard to case."""
    option, _, value = name.partition("=")
    values = parsed.options.get(option, ())
    return bool(values) and all(one is not None and one.certain and one.text.lower() == value for one in values)


def _like(text: str, parts: tuple[str, ...]) -> bool:
    """Whether `text` is made of these parts with anything between them."""
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]) or len(text) < len(parts[0]) + len(parts[-1]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        at = text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return at <= len(text) - len(parts[-1])


class _Command:
    """A command line with what several rules ask of it, made once."""

    def __init__(self, program: Program, parsed: Parsed, args: tuple[Arg, ...], stdin: str | None, piped: bool) -> None:
        self.parsed = parsed
        self.piped = piped
        self._program = program
        self._args = args
        self._stdin = stdin
        self._text: str | None = None
        self._sql: sql.Sql | None = None

    @property
    def text(self) -> str:
        """The arguments and what comes in."""
        if self._text is None:
            self._text = " ".join(arg.text for arg in self._args) + ("\n" + self._stdin if self._stdin else "")
        return self._text

    @property
    def sql(self) -> sql.Sql:
        """The worst that the SQL in it does; what is not known is unclear."""
        if self._sql is None:
            texts: list[Arg] = []
            for place in self._program.code:
                if place == "operands":
                    texts += self.parsed.operands
                elif place == "rest":
                    texts += self.parsed.operands[1:]
                else:
                    texts += [value or Arg("", certain=False) for value in self.parsed.options.get(place, ())]
            found = [sql.judge(arg.text) if arg.certain or arg.stem else sql.Sql.UNCLEAR for arg in texts]
            if self.piped and not found:
                found = [sql.Sql.UNCLEAR if self._stdin is None else sql.judge(self._stdin)]
            self._sql = sql.worst(found)
        return self._sql


class _Ready:
    """A rule with its words and expressions made ready."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self._sub = tuple(_Word(spec) for spec in rule.sub)
        plain = self._sub[0].plain if self._sub and "*" not in rule.sub[0] else frozenset()
        self.first: frozenset[str] = plain
        self._none = tuple(name for name in rule.none if "=" not in name)
        self._valued = tuple(name for name in rule.none if "=" in name)
        self._operand, self._last, self._beyond, self._text = (
            re.compile(pattern) if pattern else None for pattern in (rule.operand, rule.last, rule.beyond, rule.text)
        )

    def fits(self, command: _Command) -> bool | None:
        """None: does not fit; False: fits; True: could fit."""
        rule, parsed = self.rule, command.parsed
        if rule.piped and not command.piped:
            return None
        could, start = False, 0
        if self._sub:
            begun = self._begins(parsed)
            if begun is None:
                return None
            start, could = begun
        given = parsed.options
        held = rule.tier not in (None, Tier.T0, Tier.T1)
        if rule.any and not any(name in given for name in rule.any):
            if not parsed.hazy or not held:
                return None
            could = True
        if rule.all and not all(name in given for name in rule.all):
            if not parsed.hazy or not held:
                return None
            could = True
        if self._none and any(name in given for name in self._none):
            return None
        if self._valued and any(_has_value(name, parsed) for name in self._valued):
            return None
        if not self._operands(parsed.operands[start:]):
            return None
        if self._text is not None and not self._text.search(command.text):
            return None
        if rule.sql and command.sql not in rule.sql:
            return None
        return could

    def _operands(self, operands: tuple[Arg, ...]) -> bool:
        if self._operand is not None and not any(self._operand.search(arg.text) for arg in operands):
            return False
        if self._last is not None and not (operands and self._last.search(operands[-1].text)):
            return False
        if self._beyond is None or not operands:
            return True
        return not all(self._beyond.search(arg.text if arg.certain else arg.stem) for arg in operands)

    def _begins(self, parsed: Parsed) -> tuple[int, bool] | None:
        """Where the operands after the sub-command begin, and whether it only could be this one.

        Operands that may be an option's value may be stepped over: every reading is followed.
        """
        states = {0: False}
        deep = False
        for word in self._sub:
            if word.any_depth:
                deep = True
                continue
            following: dict[int, bool] = {}
            for at, could in states.items():
                last = min(at + _DEPTH, len(parsed.operands)) if deep else len(parsed.operands)
                for index in range(at, last):
                    hit = word.fits(parsed.operands[index])
                    if hit is not None and not (hit and deep and index > 1):
                        following[index + 1] = (could or hit) and following.get(index + 1, True)
                    if not deep and not parsed.doubtful[index]:
                        break
            if not following:
                return None
            states, deep = following, False
        return min(states), all(states.values())


def _asks_help(args: tuple[Arg, ...]) -> bool:
    """Whether a program only shows its help: alone with such a word, or with `--help` after a few plain words.

    Not after options or texts: `docker run -v /:/h x sh -c '...' --help` runs.
    """
    if not args or not all(arg.certain for arg in args):
        return not args
    words = [arg.text for arg in args]
    if words[0] == "help" or (len(words) == 1 and words[0] in _ALONE):
        return True
    return words[-1] in _HELP_WORDS and len(words) <= _FEW and all(_PLAIN.fullmatch(word) for word in words[:-1])


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """The packaged catalogue. Raises RuleError when a file that is needed cannot be used."""
    folder = resources.files("controlroom.policy").joinpath("rules")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return Catalogue({name: folder.joinpath(name).read_text("utf-8") for name in names})
