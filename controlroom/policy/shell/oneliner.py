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
from controlroom.policy.shell import awk, pycode, sed
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.options import parse
from controlroom.policy.shell.prints import Stdin
from controlroom.policy.shell.python import acts

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

_LITERAL = re.compile(r"""(['"])((?:(?!\1)[^\\\n]){1,400})\1""")
_LITERAL_CALL = re.compile(
    r"(?:\b(?:fs|File|FileUtils|Deno|os|IO)\.|\b(?:require\(['\"](?:node:)?fs['\"]\)\.))?(?:promises\.)?"
    r"\b(?:unlink(?:Sync)?|rm(?:Sync|dir|dirSync|tree)?|remove(?:Sync)?|(?<=File\.)delete|rm_rf|rm_r|rm_f|write(?:File|FileSync|TextFile)?|appendFile(?:Sync)?"
    r"|file_put_contents|mkdir(?:Sync)?|mkdir_p)\s*\(?\s*(?P<q>['\"])(?P<path>[^'\"$#@`\\*?]+)(?P=q)(?=\s*[,;)}]|\s*$)"
)
# A command that stands in the code whole, run in the same folder; a name that is only imported runs nothing.
_LITERAL_RUN = re.compile(
    r"(?:\brequire\(['\"](?:node:)?child_process['\"]\)\.|\b(?:child_process|cp|os)\.)?\b(?:execSync|system|os\.execute|shell_exec|passthru)"
    r"\s{0,4}\(?\s{0,4}(?P<q>['\"`])(?P<text>[^'\"`$#@\\\n]{1,400})(?P=q)\s{0,4}(?:,\s{0,4}\{(?:(?!cwd|shell|env|input)[^{}]){0,120}\}\s{0,4})?(?=[);}\s]|$)"
    r"|\b(?:const|let|var)\s{1,4}(?:\{\s{0,4}execSync\s{0,4}\}|cp|child_process)\s{0,4}=\s{0,4}require\(['\"](?:node:)?child_process['\"]\)"
    r"|\bimport\s{1,4}(?:\{\s{0,4}execSync\s{0,4}\}|cp|child_process)\s{1,4}from\s{1,4}['\"](?:node:)?child_process['\"]"
)
_BACKTICKS = re.compile(r"`(?P<text>[^`$#@\\\n]{1,300})`")
_COLLECTION = re.compile(
    r"(?:\b(?:const|let|var|my)\s{1,4}|(?:^|[;\n'\"{(,])\s{0,20})[$@]?(\w{1,40})\s{0,4}=\s{0,4}"
    r"(?:new\s{1,4}(?:Map|Set|WeakMap|WeakSet|URL|URLSearchParams|FormData|Headers)\b|Hash\.new|Set\.new|Set\[|\{|\[)"
)
_SCRIPTS = frozenset({"node", "nodejs", "bun", "deno", "tsx", "ts-node"})
_FEW = 16
_CONSTANT = re.compile(r"\bconst\s{1,4}(\w{1,40})\s{0,4}=\s{0,4}(['\"])([^'\"\\\n]{1,200})\2(?=\s{0,4}[;,\n])")
_MATCHED = re.compile(r"\.exec\s?\(")  # of an expression, where no module that runs programs is named
_DECODED = re.compile(r"\bBuffer\.from\b|['\"]base64['\"]|\batob\b")  # what would run it is looked for apart
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
    one = _find(name)
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
            act = Act(EffectKind.WRITE, "", env.cwd, "edit.in-place", "Edits in place", append=_keeps(one, parsed.options))
            shell.touch(act, operand)
    if not codes and not scripts:
        scripts = [operand for operand in operands[:1] if operand.text != "-" or not stdin.given]
    for script in scripts:
        shell.script(script, env, name, shell=False)
        if script.certain and script in operands[:1]:
            shell.rules(script.text.rsplit("/", 1)[-1], operands[1:], env, stdin)
    if not codes and not scripts and stdin.given:
        _fed(shell, name, one, stdin, env)
    elif not codes and not scripts:
        shell.ledger.reason(
            Tier.T0 if parsed.options else Tier.T1, "program.not-inspected", f"Runs {name} with nothing to run."
        )
    return True


def _keeps(one: _Interpreter, options: dict[str, list[Arg | None]]) -> bool:
    """Whether editing in place prints what it does not change: `perl -p` does, `perl -n` may print nothing."""
    return any("p" in option for option in options if option.startswith("-") and not option.startswith("--"))


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


def knows(name: str) -> bool:
    """Whether code for this interpreter can be looked at."""
    one = _find(name)
    return one is not None and not one.operand


def finds(name: str) -> bool:
    """Whether `name` is an interpreter."""
    return _find(name) is not None


def inspect(shell: "Shell", name: str, code: str, env: Env) -> None:
    """Judge the text of a script for an interpreter that `knows` it."""
    one = _find(name)
    if one is not None:
        _code(shell, name, one, Arg(code), env)


def _find(name: str) -> _Interpreter | None:
    return _table()[1].get(name) or _table()[1].get(_VERSION.sub("", name))


def _fed(shell: "Shell", name: str, one: _Interpreter, stdin: Stdin, env: Env) -> None:
    if stdin.text is None or not stdin.exact:
        shell.hidden(f"what is piped into {name}")
    else:
        _code(shell, name, one, Arg(stdin.text), env)


def _code(shell: "Shell", name: str, one: _Interpreter, code: Arg, env: Env) -> None:
    """Judge code: Python as Python, the rest by effect patterns."""
    if not code.certain and code.text[:1] in ("$", "`", ""):
        shell.hidden(f"the code given to {name}")
        return
    found = acts(code.text, env.home) if one.names[0] == "python" and code.certain else None
    if found is not None:
        pycode.judge(shell, name, found, env)
    else:
        _patterns(shell, name, one, code.text, env)
    if found is None and _VERSION.sub("", name) == "ipython":
        shell.hidden(f"a command of {name} that is no Python")
    if not code.certain:
        shell.hidden(f"a part of the code given to {name}")
    shell.uninspected(f"Runs code given to {name}; it is looked at for what it seems to do.")


def _with_constants(text: str) -> str:
    """JavaScript with the names of files that stand in constants put where the constants are used."""
    for found in list(_CONSTANT.finditer(text))[:_FEW]:
        if len(re.findall(rf"\b{found[1]}\s{{0,4}}(?:=(?![=>])|\+=|\?\?=)", text)) == 1:
            text = re.sub(rf"(?<=\(){found[1]}(?=\s{{0,4}}[,)])", f"'{found[3]}'", text)
    return text


def _without_collections(text: str) -> str:
    """Code without what it deletes from maps, sets and hashes that it made itself."""
    names = {found[1] for found in _COLLECTION.finditer(text)}
    if not names or ".delete" not in text:
        return text
    return re.sub(rf"\b(?:{'|'.join(sorted(names))})(?:\.(?:searchParams|headers))?\.delete\s?\(", " (", text)


def _patterns(shell: "Shell", name: str, one: _Interpreter, text: str, env: Env) -> None:
    """Judge by what the code seems to do; calls on plain names are judged by those files, the rest asks."""
    patterns = _table()[0]
    text = _with_constants(text) if name in _SCRIPTS else text
    rest = _LITERAL_CALL.sub(" ", _without_collections(text))
    if name in _SCRIPTS:
        rest = _DECODED.sub(" ", rest if "child_process" in rest else _MATCHED.sub(".match(", rest))
    for whole in (_LITERAL_RUN, _BACKTICKS) if "`" in one.extra else (_LITERAL_RUN,):
        for run_too in whole.finditer(rest):
            if run_too["text"]:
                shell.nested(Arg(run_too["text"]), env, f"a command in code given to {name}")
        rest = whole.sub(" ", rest)
    for call in _LITERAL_CALL.finditer(text):
        deletes = re.search(patterns.delete, call[0]) is not None
        kind = EffectKind.DELETE if deletes else EffectKind.WRITE
        act = Act(kind, "", env.cwd, "code.deletes" if deletes else "code.writes", f"Code given to {name}", follow=not deletes)
        shell.touch(act, Arg(call["path"]))
    for kind, verb, pattern in ((EffectKind.DELETE, "deletes", patterns.delete), (EffectKind.WRITE, "writes", patterns.write)):
        if re.search(pattern, rest):
            shell.ledger.effect(kind)
            shell.ledger.reason(
                Tier.T3,
                f"code.{verb}",
                f"The code given to {name} {verb} files that it does not name.",
                "Use rm, mv or the editing tool, which can be judged exactly.",
            )
            break
    if re.search(patterns.exec, rest) or (one.extra and re.search(one.extra, rest)):
        shell.ledger.reason(Tier.T3, "code.runs", f"The code given to {name} runs other programs or decoded code.")
    if re.search(patterns.send, rest):
        shell.ledger.effect(EffectKind.NET)
        shell.ledger.reason(Tier.T3, "code.sends", f"The code given to {name} sends or changes something over the network.")
    for literal in _LITERAL.finditer(text):
        if "/" in literal[2]:
            path = env.home + literal[2][1:] if literal[2].startswith("~/") else literal[2]
            shell.touch(Act(EffectKind.READ, "", env.cwd, "code.reads", name), Arg(path))


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
    name, is_sed = one.names[0], one.names[0] == "sed"
    in_place = is_sed and any(option in ("-i", "--in-place") or option.startswith("-i") for option in options)
    in_place = in_place or any(v is not None and v.text == "inplace" for v in options.get("-i", ()))
    if in_place and codes and codes[0].text == "" and operands:  # BSD: `sed -i '' script files`
        codes, operands = [operands[0]], operands[1:]
    empties = False
    for code in codes:
        empties |= _script(shell, name, code, env, is_sed=is_sed)
    for script in scripts:
        shell.script(script, env, name, shell=False)
    kind = EffectKind.WRITE if in_place else EffectKind.READ
    for operand in operands:
        if "=" not in operand.text or in_place:
            shell.touch(
                Act(kind, "", env.cwd, "edit.in-place", "Edits in place", append=in_place and is_sed and not empties), operand
            )


def _script(shell: "Shell", name: str, code: Arg, env: Env, *, is_sed: bool) -> bool:
    """Judge a program for sed or awk; True when it deletes every line."""
    if not code.certain and code.text[:1] in ("$", "`"):
        shell.hidden(f"the code given to {name}")
        return False
    script = sed.read(code.text) if is_sed else awk.read(code.text)
    for path in script.writes:
        if path is None:
            shell.ledger.reason(Tier.T3, "code.writes", f"The code given to {name} writes files that it does not name.")
        elif path not in ("/dev/stdout", "/dev/stderr"):
            shell.touch(Act(EffectKind.WRITE, "", env.cwd, "code.writes", f"Code given to {name}"), Arg(path))
    for text in script.runs:
        shell.ledger.reason(Tier.T1, "code.runs", f"The code given to {name} runs programs.")
        shell.nested(None if text is None else Arg(text), env, f"what {name} runs")
    if isinstance(script, sed.Script) and script.odd:
        shell.ledger.reason(Tier.T1, "code.unread", "The sed script could not be read to its end.")
    return isinstance(script, sed.Script) and script.empties
