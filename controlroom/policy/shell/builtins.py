"""Builtins that change what the shell knows or that run text: cd, eval, source, trap, alias, set, read, exit ..."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.files import Act
from controlroom.policy.paths import absolute
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.walk import set_positional

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

Args = tuple[Arg, ...]


def run(shell: "Shell", word: str, args: Args, env: Env) -> bool:
    """Judge a builtin; False where `word` is none that matters here."""
    handler = _BUILTINS.get(word)
    if handler is None:
        return False
    handler(shell, args, env)
    return True


def change(shell: "Shell", to: Arg, env: Env) -> None:
    """Follow a change of folder; one that cannot be told, or that is not there, leaves the folder unknown."""
    previous = env.cwd
    if not to.certain or (env.cwd is None and not to.text.startswith("/")):
        env.cwd = None
    elif to.text == "-":
        env.cwd, previous = env.previous, env.cwd
    elif shell.remote:
        env.cwd = None
    else:
        path = absolute(to.text, env.cwd or "/")
        real, stat = shell.files.place(path, "/")
        ok = (stat is not None and stat.kind == "dir") or real in shell.ledger.made
        env.cwd = real if ok else None
    env.previous = previous
    env.vars.pop("PWD", None)


def _cd(shell: "Shell", args: Args, env: Env) -> None:
    names = [arg for arg in args if arg.text in ("-",) or not arg.text.startswith(("-", "+"))]
    if any(not arg.certain for arg in args) or "CDPATH" in env.vars:
        env.cwd = None
        return
    change(shell, names[0] if names else Arg(env.home, certain="\0" not in env.home), env)


def _popd(shell: "Shell", args: Args, env: Env) -> None:
    env.cwd = env.previous


def _eval(shell: "Shell", args: Args, env: Env) -> None:
    if not args:
        return
    joined = " ".join(arg.text for arg in args)
    if not all(arg.certain for arg in args):
        shell.hidden("eval of a text that is computed while it runs")
        shell.nested(Arg(joined) if not joined.lstrip().startswith(("$", "`", '"')) else None, env, "eval")
        return
    shell.text(joined, env)


def _source(shell: "Shell", args: Args, env: Env) -> None:
    if args:
        shell.script(args[0], env, "source", shell=True)
    env.vars = dict.fromkeys(env.vars)
    env.put("HOME", (shell.home,))


def _trap(shell: "Shell", args: Args, env: Env) -> None:
    rest = [arg for arg in args if arg.text not in ("--", "-p", "-l")]
    if len(rest) > 1 and rest[0].text not in ("-", ""):
        shell.nested(rest[0], env, "trap")


def _alias(shell: "Shell", args: Args, env: Env) -> None:
    for arg in args:
        text = arg.text if arg.certain else arg.stem
        name, equals, value = text.partition("=")
        if equals:
            env.aliases[name] = value if arg.certain else None


def _set(shell: "Shell", args: Args, env: Env) -> None:
    rest = [index for index, arg in enumerate(args) if arg.text == "--"]
    operands = args[rest[0] + 1 :] if rest else tuple(a for a in args if not a.text.startswith(("-", "+")))
    if rest or (operands and not any(a.text.startswith(("-", "+")) for a in args)):
        set_positional(env, tuple(a.text for a in operands) if all(a.certain for a in operands) else None)


def _shift(shell: "Shell", args: Args, env: Env) -> None:
    set_positional(env, None)


def _read(shell: "Shell", args: Args, env: Env) -> None:
    for arg in args:
        if arg.certain and arg.text.isidentifier():
            env.put(arg.text, None)
    env.put("REPLY", None)


def _printf(shell: "Shell", args: Args, env: Env) -> None:
    if len(args) > 1 and args[0].text == "-v":
        env.put(args[1].text, None)


def _exit(shell: "Shell", args: Args, env: Env) -> None:
    env.left = True


def _hash(shell: "Shell", args: Args, env: Env) -> None:
    if any(arg.text == "-p" for arg in args):
        shell.ledger.reason(Tier.T3, "shell.injected", "Makes a command's name mean another program.")


def _later(shell: "Shell", args: Args, env: Env) -> None:
    for option, arg in pairwise(args):
        if option.text in ("-x", "-C"):
            shell.nested(
                Arg(arg.text.split(":", 1)[-1] if option.text == "-x" else arg.text, arg.certain),
                env,
                "what the shell runs later",
            )


def _enable(shell: "Shell", args: Args, env: Env) -> None:
    if any(arg.text.startswith("-") and "f" in arg.text for arg in args):
        shell.ledger.reason(Tier.T3, "shell.injected", "Loads a library into the shell.")


def _history(shell: "Shell", args: Args, env: Env) -> None:
    """`-w` writes the history file anew, `-a` adds to it; without a name that of the user."""
    words = [arg.text for arg in args]
    if "-w" in words or "-a" in words:
        named = [arg for arg in args if not arg.text.startswith("-")] or [Arg(shell.home + "/.bash_history")]
        act = Act(EffectKind.WRITE, "", env.cwd, "shell.history", "history", append="-w" not in words)
        shell.touch(act, named[0])


def _nothing(shell: "Shell", args: Args, env: Env) -> None:
    return


_BUILTINS: dict[str, Callable[["Shell", Args, Env], None]] = {
    "cd": _cd,
    "chdir": _cd,
    "pushd": _cd,
    "popd": _popd,
    "eval": _eval,
    "source": _source,
    ".": _source,
    "trap": _trap,
    "alias": _alias,
    "set": _set,
    "shift": _shift,
    "read": _read,
    "mapfile": _read,
    "readarray": _read,
    "getopts": _read,
    "let": _read,
    "printf": _printf,
    "exit": _exit,
    "return": _exit,
    "enable": _enable,
    "hash": _hash,
    **dict.fromkeys(("bind", "complete"), _later),
    **dict.fromkeys(("export", "declare", "typeset", "local", "readonly", "unset", "shopt", "unalias"), _nothing),
    **dict.fromkeys(
        (":", "true", "false", "echo", "pwd", "test", "[", "wait", "jobs", "fg", "bg", "break", "continue"), _nothing
    ),
    "history": _history,
    **dict.fromkeys(("type", "ulimit", "umask", "dirs", "caller", "times", "disown"), _nothing),
}
