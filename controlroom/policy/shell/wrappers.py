"""Programs that run another command: unwrapped to it, only ever to raise a tier (A11). The grammars are data."""

import re
import tomllib
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from controlroom.model.tier import Tier
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.items import itemised, runs_text
from controlroom.policy.shell.options import parse

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=", re.S)


class Wrapper(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a wrapper's command line reads; the keys are explained at the head of data/wrappers.toml."""

    names: tuple[str, ...]
    values: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    sub: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    quiet: tuple[str, ...] = ()
    chdir: tuple[str, ...] = ()
    login: tuple[str, ...] = ()
    skip: int = 0
    assignments: bool = False
    text: bool = False
    both: bool = False
    more: bool = False
    root: bool = False
    after_operands: bool = False
    remote: str = ""
    tier: Tier | None = None
    reason: str = ""
    dash: bool = False
    asks: tuple[str, ...] = ()
    guess: bool = False


class Runs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Options whose value is run by a shell; the keys are explained in data/wrappers.toml."""

    names: tuple[str, ...]
    options: tuple[str, ...] = ()
    sub: str = ""
    only: str = "(.*)"
    operands: bool = False
    tier: Tier | None = None


class Grammars(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file as a whole."""

    wrapper: tuple[Wrapper, ...]
    runs: tuple[Runs, ...]
    guess: frozenset[str]
    searched: frozenset[str]


class Inner(msgspec.Struct, frozen=True):
    """What a wrapper runs: a command, or text for a shell (None = not known). `strange`: options nobody knows.

    `chdir`: the folder it changes to first. `login`: a home nobody knows. `assigned`: NAME=value in front.
    """

    wrapper: Wrapper
    argv: tuple[Arg, ...] = ()
    texts: tuple[Arg, ...] = ()
    assigned: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    chdir: Arg | None = None
    login: bool = False
    quiet: bool = False


UNSEEN = Arg("{}", certain=False, split=True)  # what xargs and parallel put in
_GUESSED = Wrapper(("",), guess=True)
_TEXT_OPTIONS = {"-c", "--command", "--exec", "--run", "--cmd", "-x", "-e"}


@lru_cache(maxsize=1)
def grammars() -> Grammars:
    """All of data/wrappers.toml. Raises msgspec.ValidationError naming the key of a broken file."""
    text = resources.files("controlroom.policy").joinpath("data/wrappers.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Grammars)


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[Wrapper, ...]]:
    table: dict[str, tuple[Wrapper, ...]] = {}
    for wrapper in grammars().wrapper:
        for name in wrapper.names:
            table[name] = (*table.get(name, ()), wrapper)
    return table


@lru_cache(maxsize=1)
def _hooks() -> dict[str, tuple[Runs, ...]]:
    table: dict[str, tuple[Runs, ...]] = {}
    for runs in grammars().runs:
        for name in runs.names:
            table[name] = (*table.get(name, ()), runs)
    return table


def optional(shell: "Shell", name: str, args: tuple[Arg, ...], env: Env) -> None:
    """Judge what options of a program make a shell run; the program itself is judged apart."""
    for runs in _hooks().get(name, ()):
        parsed = parse(args, runs.options)
        if runs.sub and not any(arg.text in runs.sub.split("|") for arg in parsed.operands[:2]):
            continue
        given = [value for option in runs.options for value in parsed.options.get(option, ()) if value is not None]
        for value in (*given, *(parsed.operands if runs.operands else ())):
            found = re.fullmatch(runs.only, value.text, re.S | re.I)
            if found is not None:
                if runs.tier is not None:
                    shell.ledger.reason(runs.tier, "shell.option", f"Makes {name} run {found[1][:80]}.")
                shell.nested(Arg(found[1], value.certain), env, f"an option of {name}")


def searched(name: str) -> bool:
    """Whether a known program may run a command that stands somewhere among its arguments."""
    return name in grammars().searched


def guess(args: tuple[Arg, ...]) -> Inner | None:
    """For a program that nobody knows: what among its arguments looks like a command that it may run."""
    known = grammars().guess
    for index, arg in enumerate(args[:-1]):
        if arg.certain and arg.text.rsplit("/", 1)[-1] in known:
            return Inner(_GUESSED, argv=args[index:])
        if arg.text in _TEXT_OPTIONS and args[index + 1].text.split(" ", 1)[0].rsplit("/", 1)[-1] in known:
            return (
                Inner(_GUESSED, texts=(args[index + 1],))
                if " " in args[index + 1].text
                else Inner(_GUESSED, argv=args[index + 1 :])
            )
    return None


def unwrap(name: str, args: tuple[Arg, ...]) -> Inner | None:
    """What `name` with `args` runs, None where it is no wrapper (or not in this use)."""
    for wrapper in _table().get(name, ()):
        inner = _unwrap(wrapper, args)
        if inner is not None:
            return inner
    return None


def _unwrap(wrapper: Wrapper, args: tuple[Arg, ...]) -> Inner | None:
    flags = frozenset(wrapper.flags)
    values = (*wrapper.values, *wrapper.shell)
    for sub in wrapper.sub:
        args = args[parse(args, values, leading=True).after :]
        if not args or args[0].text not in sub.split("|"):
            return None
        args = args[1:]
    parsed = parse(args, values, flags, leading=True)
    strange, options = parsed.strange, dict(parsed.options)
    if any(name in options for name in wrapper.quiet):
        return Inner(wrapper, quiet=True)
    if wrapper.asks and not any(name in options for name in wrapper.asks):
        return None
    start = parsed.after + (wrapper.dash and args[parsed.after : parsed.after + 1] == (Arg("-"),))
    rest, assigned = _assignments(args[start:]) if wrapper.assignments else (args[start:], ())
    for _ in range(wrapper.skip):
        rest = rest[1:]
        if wrapper.after_operands and rest and rest[0].text.startswith("-"):
            again = parse(rest, values, flags, leading=True)
            options |= again.options
            strange += again.strange
            rest = rest[again.after :]
    if (wrapper.after_operands and wrapper.shell and not wrapper.skip) or (rest and rest[0].text in wrapper.shell):
        options |= parse(rest, values).options
        rest = ()
    if rest and rest[0].certain and rest[0].text == "--":
        rest = rest[1:]
    texts = tuple(value or Arg("", certain=False) for name in wrapper.shell for value in options.get(name, ()))
    if wrapper.more and rest and rest[0].text.startswith(":::"):
        texts = (*texts, *(arg for arg in rest[1:] if not arg.text.startswith(":::")))
    login = any(name in options or (name == "-" and Arg("-") in args[:3]) for name in wrapper.login)
    chdir = next((found[0] for name in wrapper.chdir if (found := options.get(name))), None)
    if texts and wrapper.assignments:
        texts, rest = (_joined((*texts, *rest)),), ()
    elif wrapper.text and rest:
        texts, rest = (*texts, _joined(rest)), rest if len(rest) > 1 and wrapper.both else ()
    return Inner(wrapper, _more(rest, options) if wrapper.more else rest, texts, assigned, strange, chdir, login)


def _assignments(rest: tuple[Arg, ...]) -> tuple[tuple[Arg, ...], tuple[str, ...]]:
    """NAME=value words in front of the command, and what follows them."""
    count = next((index for index, arg in enumerate(rest) if not _ASSIGNMENT.match(arg.text)), len(rest))
    return rest[count:], tuple(arg.text for arg in rest[:count])


def _joined(args: tuple[Arg, ...]) -> Arg:
    return Arg(" ".join(arg.text for arg in args), certain=all(arg.certain for arg in args))


def _more(rest: tuple[Arg, ...], options: dict[str, list[Arg | None]]) -> tuple[Arg, ...]:
    """The command of xargs and parallel with the arguments that come from elsewhere."""
    if not rest:
        return ()
    if rest[0].text.startswith(":::"):  # no command: each argument is one
        return ()
    marks = [index for index, arg in enumerate(rest) if arg.text in (":::", ":::+", "::::")]
    given = tuple(a for a in rest[marks[0] + 1 :] if not a.text.startswith(":::")) if marks else (UNSEEN,)
    command = rest[: marks[0]] if marks else rest
    place = next((v[0].text for n in ("-I", "-J", "--replace") if (v := options.get(n)) and v[0] and v[0].text), "{}")
    if runs_text(command) and place in command[2].text and not marks:
        return (*command[:2], itemised(command[2], place), *(UNSEEN if place in arg.text else arg for arg in command[3:]))
    if any(place in arg.text for arg in command):
        filled = [
            [Arg(arg.text.replace(place, g.text), g.certain, arg.text.split(place)[0], False) for g in given]
            if place in arg.text
            else [arg]
            for arg in command
        ]
        return tuple(arg for group in filled for arg in group)
    return (*command, *given)
