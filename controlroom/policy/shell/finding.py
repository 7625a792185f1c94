"""find and fd: what they do to the files that they find."""

import fnmatch
import re
from typing import TYPE_CHECKING

from msgspec.structs import replace

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.files import Act
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.items import ITEM, itemised, runs_text
from controlroom.policy.shell.names import printed
from controlroom.policy.shell.options import parse
from controlroom.policy.shell.prints import Stdin

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

Args = tuple[Arg, ...]
_LIST = "List first: the same without -delete."
_GREP_VALUES = (
    "-e",
    "-f",
    "-m",
    "-A",
    "-B",
    "-C",
    "-g",
    "-t",
    "-T",
    "--include",
    "--exclude",
    "--exclude-dir",
    "--glob",
    "--type",
)
_FD_RUNS = ("-x", "-X", "--exec", "--exec-batch")
_FD_WIDER = ("-H", "-I", "-u", "--hidden", "--no-ignore", "--unrestricted")
_FD_ELSEWHERE = ("-L", "-C", "--follow", "--base-directory", "--search-path")
_FD_VALUES = (
    "-e",
    "-t",
    "-E",
    "-d",
    "-S",
    "-c",
    "-j",
    "-o",
    "--extension",
    "--type",
    "--exclude",
    "--max-depth",
    "--min-depth",
    "--size",
)
_FD_PLACE = {place: Arg("{}") for place in ("{/}", "{//}", "{.}", "{/.}")}


def find(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """find: what it deletes and writes, and the commands after -exec, on anything below its starts."""
    starts: list[Arg] = []
    for arg in args:
        if arg.text.startswith(("-", "(", ")", "!", ",")) and arg.text not in ("-H", "-L", "-P"):
            break
        if not arg.text.startswith("-"):
            starts.append(arg)
    starts = starts or [Arg(".")]
    only = _named_only(args)
    below = [Arg(s.text, certain=False, stem=s.text if s.certain else s.stem, bounded=s.certain, only=only) for s in starts]
    index = 0
    while index < len(args):
        text = args[index].text
        index += 1
        if text == "-delete":
            for start in below if only else starts:
                shell.touch(
                    Act(EffectKind.DELETE, "", env.cwd, "find.delete", "find -delete", _LIST, deep=True, only=only), start
                )
        elif text in ("-fprint", "-fprint0", "-fls", "-fprintf") and index < len(args):
            shell.touch(Act(EffectKind.WRITE, "", env.cwd, "find.write", "find writes a list"), args[index])
        elif text in ("-exec", "-execdir", "-ok", "-okdir"):
            index = _exec(shell, args, index, below, env)
        elif args[index - 1].split and index > 1 and not args[index - 2].text.startswith("-"):
            shell.hidden("an expression of find that is computed while it runs")
    return True


def _named_only(args: Args) -> str:
    """An expression for the paths that `-name GLOB` before the act leaves, "" where the line is more than that."""
    if any(arg.text in ("-o", "-or", "!", "-not", ",", "(") or not arg.certain for arg in args):
        return ""
    acts = next((index for index, arg in enumerate(args) if arg.text.startswith(("-delete", "-exec"))), 0)
    globs = [args[index + 1].text for index, arg in enumerate(args[:acts]) if arg.text == "-name"]
    return _named(globs[0]) if len(globs) == 1 else ""


def _named(glob: str) -> str:
    """An expression for paths that have a part by this pattern: what has the name, and what is below it."""
    return "/(?s:" + fnmatch.translate(glob).removeprefix("(?s:").removesuffix("\\Z") + "(?:/|\\Z)"


def _exec(shell: "Shell", args: Args, index: int, below: list[Arg], env: Env) -> int:
    """Judge the command after -exec with `{}` standing for anything below the starts; returns where it ends."""
    inner: list[Arg] = []
    while index < len(args) and args[index].text not in (";", "+"):
        inner.append(args[index])
        index += 1
    if inner:
        _run(shell, inner, below, env.fork())
    return index + 1


def _run(shell: "Shell", command: list[Arg], below: list[Arg], env: Env) -> None:
    """Judge a command that is run on every file found, in whose words `{}` stands for the file."""
    if runs_text(command):
        text = itemised(command[2], "{}")
        env.bounds[ITEM] = tuple(below)
        rest = [Arg("_") if arg.text == "{}" else arg for arg in command[3:]]
        shell.run((*command[:2], text, *rest), env)
        return
    inner: list[Arg] = []
    for arg in command:
        if arg.text == "{}":
            inner += below
        elif "{}" in arg.text:
            inner.append(Arg(arg.text, certain=False, stem=arg.text.split("{}")[0]))
        else:
            inner.append(arg)
    shell.run(tuple(inner), env)


def fd(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """fd: the commands after -x and -X, on files that it finds below this folder or somewhere else."""
    at = next((index for index, arg in enumerate(args) if arg.text in _FD_RUNS), len(args))
    if at == len(args):
        return False
    names = _found_by_fd(args[:at])
    if not names:
        shell.ledger.reason(Tier.T3, "find.elsewhere", "Runs a command on files in a folder that an option names.")
    while at < len(args):
        end = next((index for index in range(at, len(args)) if args[index].text == ";"), len(args))
        command = [_FD_PLACE.get(arg.text, arg) for arg in args[at + 1 : end]]
        command += [] if any("{}" in arg.text for arg in command) else [Arg("{}")]
        _run(shell, command, names or [Arg("{}", certain=False, split=True)], env.fork())
        at = end + 1
    return True


def grep(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """grep -r: any file below the folders may be shown."""
    return (
        _searched(shell, args, env)
        if any(re.fullmatch(r"-\w{0,9}[rR]\w{0,9}|--(deref\w{0,20}-)?recursive", a.text) for a in args)
        else False
    )


def rg(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """rg, ag and ack go into folders by themselves."""
    return _searched(shell, args, env)


def _searched(shell: "Shell", args: Args, env: Env) -> bool:
    near = env.cwd is not None and shell.files.is_inside(env.cwd) and not any(a.text.startswith(("/", "..")) for a in args)
    for arg in () if near else parse(args, _GREP_VALUES).operands[1:]:
        shell.touch(
            Act(EffectKind.READ, "", env.cwd, "plain.read", "Searches"),
            replace(arg, certain=False, stem=arg.text, bounded=arg.certain),
        )
    return False


def _found_by_fd(before: Args) -> list[Arg]:
    """What the files are like that fd finds with these arguments, [] where that is not known."""
    if any(not arg.certain or arg.text.startswith(_FD_ELSEWHERE) for arg in before):
        return []
    places = [arg for arg in parse(before, _FD_VALUES).operands[1:] if arg.text.strip("./")]
    if not places and not any(arg.text.startswith(_FD_WIDER) for arg in before):
        return list(printed((Arg("fd"), *before), ()))
    return [Arg("{}", certain=False, stem=place.text, bounded=True) for place in places or [Arg(".")]]
