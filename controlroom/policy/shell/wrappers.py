"""Programs that run another command: unwrapped to it, only ever to raise a tier (A11). The grammars are data."""

import re
import tomllib
from functools import lru_cache
from importlib import resources

import msgspec

from controlroom.model.tier import Tier
from controlroom.policy.shell.options import parse
from controlroom.policy.shell.words import Arg

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
    skip: int = 0
    assignments: bool = False
    text: bool = False
    more: bool = False
    root: bool = False
    after_operands: bool = False
    remote: str = ""
    tier: Tier | None = None
    reason: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    wrapper: tuple[Wrapper, ...]


class Inner(msgspec.Struct, frozen=True):
    """What a wrapper runs: a command, or text for a shell (None = not known). `strange`: options nobody knows.

    `chdir`: the folder it changes to first. `assigned`: NAME=value in front.
    """

    wrapper: Wrapper
    argv: tuple[Arg, ...] = ()
    texts: tuple[Arg, ...] = ()
    assigned: tuple[str, ...] = ()
    strange: tuple[str, ...] = ()
    chdir: Arg | None = None


@lru_cache(maxsize=1)
def _table() -> dict[str, tuple[Wrapper, ...]]:
    text = resources.files("controlroom.policy").joinpath("data/wrappers.toml").read_text("utf-8")
    table: dict[str, tuple[Wrapper, ...]] = {}
    for wrapper in msgspec.convert(tomllib.loads(text), _File).wrapper:
        for name in wrapper.names:
            table[name] = (*table.get(name, ()), wrapper)
    return table


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
        return Inner(wrapper)
    rest, assigned = _assignments(args[parsed.after :]) if wrapper.assignments else (args[parsed.after :], ())
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
    chdir = next((found[0] for name in wrapper.chdir if (found := options.get(name))), None)
    if texts and wrapper.assignments:
        texts, rest = (_joined((*texts, *rest)),), ()
    elif wrapper.text and rest:
        texts, rest = (*texts, _joined(rest)), ()
    return Inner(wrapper, _more(rest, options) if wrapper.more else rest, texts, assigned, strange, chdir)


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
    unknown = Arg("{}", certain=False, split=True)
    marks = [index for index, arg in enumerate(rest) if arg.text in (":::", ":::+", "::::")]
    given = tuple(a for a in rest[marks[0] + 1 :] if not a.text.startswith(":::")) if marks else (unknown,)
    command = rest[: marks[0]] if marks else rest
    place = next((v[0].text for n in ("-I", "-J", "--replace") if (v := options.get(n)) and v[0]), "{}")
    if any(place in arg.text for arg in command):
        filled = [
            [Arg(arg.text.replace(place, g.text), g.certain, arg.text.split(place)[0], False) for g in given]
            if place in arg.text
            else [arg]
            for arg in command
        ]
        return tuple(arg for group in filled for arg in group)
    return (*command, *given)
