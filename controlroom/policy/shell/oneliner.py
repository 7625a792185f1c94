"""Interpreters: code on the command line is judged by what it seems to do; scripts are bound, not read."""

import re
import tomllib
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.files import Act
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.options import parse
from controlroom.policy.shell.walk import Stdin
from controlroom.policy.shell.words import Arg

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

_LITERAL = re.compile(r"""(['"])((?:(?!\1)[^\\\n]){1,400})\1""")
_VERSION = re.compile(r"[0-9.]+$")


class _Patterns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    delete: str
    write: str
    exec: str
    send: str


class _Interpreter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: tuple[str, ...]
    code: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    module: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    sub: tuple[str, ...] = ()
    operand: bool = False
    extra: str = ""
    edits: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    patterns: _Patterns
    interpreter: tuple[_Interpreter, ...]


@lru_cache(maxsize=1)
def _table() -> tuple[_Patterns, dict[str, _Interpreter]]:
    text = resources.files("controlroom.policy").joinpath("data/interpreters.toml").read_text("utf-8")
    file = msgspec.convert(tomllib.loads(text), _File)
    return file.patterns, {name: one for one in file.interpreter for name in one.names}


def run(shell: "Shell", name: str, args: tuple[Arg, ...], env: Env, stdin: Stdin) -> bool:
    """Judge an interpreter; False where `name` is none."""
    one = _table()[1].get(name) or _table()[1].get(_VERSION.sub("", name))
    if one is None:
        return False
    if one.module:
        run_as = _module(args, one)
        if run_as is not None:
            shell.run(run_as, env, stdin)
            return True
    parsed = parse(args, (*one.values, *one.code, *one.module, *one.file), leading=not one.operand)
    operands = parsed.operands if one.operand else args[parsed.after :]
    codes = [value or Arg("", certain=False) for option in one.code for value in parsed.options.get(option, ())]
    scripts = [value for option in one.file for value in parsed.options.get(option, ()) if value is not None]
    if one.sub and operands and operands[0].text in one.sub:
        codes, operands = [*codes, *operands[1:2]], ()
    if one.operand:
        _reader(shell, one, parsed.options, codes, scripts, operands, env)
        return True
    for code in codes:
        _code(shell, name, one, code, env)
    if any(option in parsed.options for option in one.edits):
        for operand in operands if codes else operands[1:]:
            shell.touch(Act(EffectKind.WRITE, "", env.cwd, "edit.in-place", "Edits in place"), operand)
    if not codes and not scripts:
        scripts = list(operands[:1])
    for script in scripts:
        shell.script(script, env, name, shell=False)
    if not codes and not scripts and stdin.given:
        _fed(shell, name, one, stdin, env)
    elif not codes and not scripts:
        shell.ledger.reason(
            Tier.T0 if parsed.options else Tier.T1, "program.not-inspected", f"Runs {name} with nothing to run."
        )
    return True


def _module(args: tuple[Arg, ...], one: _Interpreter) -> tuple[Arg, ...] | None:
    """`python -m pip install x` is judged as `pip install x`."""
    skip = False
    for index, arg in enumerate(args):
        if skip:
            skip = False
        elif arg.text in one.values:
            skip = True
        elif arg.text in one.module and index + 1 < len(args):
            return args[index + 1 :]
        elif arg.text in one.code or not arg.text.startswith("-"):
            return None
    return None


def _fed(shell: "Shell", name: str, one: _Interpreter, stdin: Stdin, env: Env) -> None:
    if stdin.text is None:
        shell.hidden(f"what is piped into {name}")
    else:
        _code(shell, name, one, Arg(stdin.text), env)


def _code(shell: "Shell", name: str, one: _Interpreter, code: Arg, env: Env) -> None:
    """Judge code by effect patterns; literals that look like files become the targets."""
    if not code.certain and code.text[:1] in ("$", "`", ""):
        shell.hidden(f"the code given to {name}")
        return
    patterns = _table()[0]
    text = code.text
    deletes, writes = re.search(patterns.delete, text), re.search(patterns.write, text)
    if deletes or writes:
        kind = EffectKind.DELETE if deletes else EffectKind.WRITE
        verb = "deletes" if deletes else "writes"
        shell.ledger.effect(kind)
        shell.ledger.reason(
            Tier.T3,
            f"code.{verb}",
            f"The code given to {name} {verb} files.",
            "Use rm, mv or the editing tool, which can be judged exactly.",
        )
        for literal in _LITERAL.finditer(text):
            if "/" in literal[2] or "." in literal[2]:
                shell.touch(Act(kind, "", env.cwd, f"code.{verb}", f"Code given to {name}"), Arg(literal[2]))
    if re.search(patterns.exec, text) or (one.extra and re.search(one.extra, text)):
        shell.ledger.reason(Tier.T3, "code.runs", f"The code given to {name} runs other programs or decoded code.")
    if re.search(patterns.send, text):
        shell.ledger.effect(EffectKind.NET)
        shell.ledger.reason(Tier.T3, "code.sends", f"The code given to {name} sends or changes something over the network.")
    for literal in _LITERAL.finditer(text):
        if "/" in literal[2]:
            path = env.home + literal[2][1:] if literal[2].startswith("~/") else literal[2]
            shell.touch(Act(EffectKind.READ, "", env.cwd, "code.reads", name), Arg(path))
    if not code.certain:
        shell.hidden(f"a part of the code given to {name}")
    shell.uninspected(f"Runs code given to {name}; it is looked at for what it seems to do.")


def _reader(
    shell: "Shell",
    one: _Interpreter,
    options: dict[str, list[Arg | None]],
    codes: list[Arg],
    scripts: list[Arg],
    operands: tuple[Arg, ...],
    env: Env,
) -> None:
    """awk and sed: the first operand is code unless options brought it, the rest are files to read or edit."""
    if not codes and not scripts:
        codes, operands = list(operands[:1]), operands[1:]
    for code in codes:
        if not code.certain and code.text[:1] == "$":
            shell.hidden(f"the code given to {one.names[0]}")
        elif re.search(one.extra, code.text):
            shell.ledger.reason(Tier.T3, "code.runs", f"The code given to {one.names[0]} runs programs or writes files.")
    for script in scripts:
        shell.script(script, env, one.names[0], shell=False)
    in_place = one.names[0] == "sed" and any(n in ("-i", "--in-place") for n in options)
    in_place = in_place or any(v is not None and v.text == "inplace" for v in options.get("-i", ()))
    kind = EffectKind.WRITE if in_place else EffectKind.READ
    for operand in operands:
        if "=" not in operand.text or in_place:
            shell.touch(Act(kind, "", env.cwd, "edit.in-place", "Edits in place"), operand)
