"""Programs whose command line is a little language of its own: git -c, make, npm, crontab's and at's input."""

import posixpath
from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy.files import Act
from controlroom.policy.paths import MINTED, absolute
from controlroom.policy.shell import builtins, finding, scripts
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.options import parse
from controlroom.policy.shell.prints import Stdin
from controlroom.policy.shell.words import quoted

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

Args = tuple[Arg, ...]
_HARMLESS = (
    "alias.",
    "core.quotepath",
    "color.",
    "user.",
    "advice.",
    "commit.gpgsign",
    "init.",
    "safe.",
    "diff.",
    "log.",
    "gc.auto",
)


def knows(name: str) -> bool:
    """Whether `name` is handled here."""
    return name in _PROGRAMS


def run(shell: "Shell", name: str, args: Args, env: Env, stdin: Stdin) -> bool:
    """Judge a program with a language of its own; True when nothing more need be said about it."""
    handler = _PROGRAMS.get(name)
    return handler(shell, args, env, stdin) if handler else False


def _git(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    at = 0
    aliases: dict[str, str] = {}
    while at < len(args) and args[at].text.startswith("-"):
        text = args[at].text
        follows = text in ("-c", "-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env")
        if text in ("-c", "--config-env") and at + 1 < len(args):
            _setting(shell, args[at + 1], aliases, env)
        elif text.startswith("-c") and not text.startswith("--"):
            _setting(shell, Arg(text[2:], args[at].certain), aliases, env)
        elif text.startswith(("--exec-path=", "--config-env=")):
            shell.ledger.reason(Tier.T3, "git.runs", "Makes git run programs from another place.")
        at += 2 if follows else 1
    words = [arg.text for arg in args[at:] if arg.certain and not arg.text.startswith("-")]
    if words[:1] == ["mv"]:
        shell.ledger.mixed = True
    if words[:1] == ["clone"] and len(words) == 3 and env.cwd:
        shell.touch(Act(EffectKind.CREATE, "", env.cwd, "git.clone-into", "git clone", append=True), Arg(words[2]))
    if at < len(args) and args[at].text in aliases:
        value = aliases[args[at].text]
        rest = " ".join(quoted(arg) for arg in args[at + 1 :])
        shell.nested(Arg(f"{value[1:] if value.startswith('!') else 'git ' + value} {rest}"), env, "a git alias")
    return False


def _setting(shell: "Shell", arg: Arg, aliases: dict[str, str], env: Env) -> None:
    key, _, value = arg.text.partition("=")
    lower = key.lower()
    if not arg.certain:
        shell.hidden("a setting of git that is computed while it runs")
    elif lower.startswith("alias."):
        aliases[key.split(".", 1)[1]] = value
        if value.startswith("!"):
            shell.nested(Arg(value[1:]), env, "a git alias")
    elif any(
        part in lower
        for part in (
            "command",
            "pager",
            "editor",
            "hookspath",
            "fsmonitor",
            "textconv",
            "helper",
            "askpass",
            "external",
            "program",
            "clean",
            "smudge",
            "proxy",
        )
    ) and value not in ("", "cat", "true", "false"):
        shell.ledger.reason(Tier.T3, "git.runs", f"Makes git run the program in {key}.")
        shell.nested(Arg(value.removeprefix("!")), env, f"git's {key}")


def _stdin_text(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """at and batch run their input later, outside of what is held here."""
    shell.ledger.reason(Tier.T3, "schedule.later", "Puts commands on a schedule, outside of what is held here.")
    if stdin.text is not None:
        shell.nested(Arg(stdin.text), env, "what is scheduled")
    return True


def _mktemp(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """What it makes is new, wherever it is."""
    if not any("u" in arg.text for arg in args if arg.text.startswith("-") and not arg.text.startswith("--")):
        shell.ledger.made.add(MINTED)
        shell.ledger.fresh.add(MINTED)
    return False


def _ln(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """A link that the action makes leads elsewhere from then on."""
    shell.ledger.mixed = True
    operands = [arg.text for arg in args if not arg.text.startswith("-") and arg.certain]
    if 1 <= len(operands) <= 2 and env.cwd and any(a.text.startswith("-") and "s" in a.text for a in args):
        to = operands[0]
        place = absolute(operands[-1] if len(operands) == 2 else posixpath.basename(to), env.cwd)
        _, stat = shell.files.place(place, "/")
        place = f"{place}/{posixpath.basename(to)}" if stat is not None and stat.kind == "dir" else place
        shell.ledger.links[place] = to
    return False


def _curl(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """`curl -O` saves under the address's last name, over what is there."""
    saved = ("--remote-name", "--remote-name-all", "--remote-header-name")
    if any(arg.text in saved or (arg.text[:1] == "-" and arg.text[1:2] != "-" and "O" in arg.text) for arg in args):
        for arg in args:
            if arg.certain and "://" in arg.text:
                shell.touch(Act(EffectKind.WRITE, "", env.cwd, "net.save", "Saves what it reads"), Arg(_last(arg)))
    return False


def _last(address: Arg) -> str:
    return posixpath.basename(address.text.split("?", 1)[0].rstrip("/"))


def _wget(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """wget takes another name where there is one already: what it makes is new."""
    elsewhere = ("-O", "-qO", "--output-document", "-P", "--directory-prefix")
    if env.cwd and not any(arg.text.startswith(elsewhere) for arg in args):
        for arg in args:
            place = absolute(_last(arg), env.cwd)
            if arg.certain and "://" in arg.text and not shell.remote:
                _, stat = shell.files.place(place, "/")
                shell.ledger.made.add(place)
                shell.ledger.fresh |= {place} if stat is None else set()
    return False


def _make(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """What a makefile's targets run: what reaches out of the workspace is said; the rest is the project's own work."""
    parsed = parse(args, ("-f", "--file", "--makefile", "-C", "--directory", "-j", "-o", "-W", "-l", "-I"))
    given = {name: value for arg in parsed.operands if arg.certain for name, eq, value in [arg.text.partition("=")] if eq}
    targets = [arg.text for arg in parsed.operands if "=" not in arg.text]
    for name, value in given.items():
        if name == "SHELL":
            shell.nested(Arg(value), env, "make's shell")
    folder = next((v for n in ("-C", "--directory") for v in parsed.options.get(n, ()) if v), None)
    within = env.fork()
    if folder is not None:
        builtins.change(shell, folder, within)
    named = [v for n in ("-f", "--file", "--makefile") for v in parsed.options.get(n, ()) if v]
    if named and named[0].text in ("-", "/dev/stdin"):
        if stdin.text is None:
            shell.hidden("the makefile that is piped into make")
        _project(shell, scripts.make(stdin.text or "", targets, given), within, own=True)
        return False
    names = [arg.text for arg in named] or ["GNUmakefile", "makefile", "Makefile"]
    if not shell.remote and not any(arg.text.startswith("-") and "n" in arg.text.lstrip("-")[:1] for arg in args):
        text, own = shell.own_text(names, within)
        _project(shell, scripts.make(text, targets, given) if text is not None else None, within, own=own)
    return False


def _npm(shell: "Shell", args: Args, env: Env, stdin: Stdin) -> bool:
    """The same for the scripts of package.json."""
    words = [arg.text for arg in args if arg.certain and not arg.text.startswith("-")]
    if words[:1] == ["pkg"] and words[1:2] in (["set"], ["delete"], ["fix"]):
        shell.touch(Act(EffectKind.WRITE, "", env.cwd, "npm.pkg", "npm pkg", append=True), Arg("package.json"))
        shell.seen.add(shell.files.place("package.json", env.cwd)[0])  # it is changed here, not run
        return False
    name = words[1] if words[:1] in (["run"], ["run-script"]) and len(words) > 1 else words[0] if words else ""
    if name and name not in ("install", "i", "ci", "publish") and not shell.remote and len(args) == len(words):
        text, own = shell.own_text(["package.json"], env)
        if own and text is None:
            shell.hidden("a script of package.json, which the same command changed")
        found = scripts.npm(text.encode("utf-8", "surrogateescape"), name) if text is not None else None
        _project(shell, found, env, own=own)
    return False


def _project(shell: "Shell", lines: list[str] | None, env: Env, *, own: bool) -> None:
    """Judge lines of the project's own scripts. `own`: the agent wrote them itself, so all of it counts (A22)."""
    if not lines:
        return
    mark = shell.ledger.mark()
    shell.nested(Arg("\n".join(f"({line}\n)" for line in lines)), env, "the project's script")
    if not own:
        shell.ledger.keep_outside(mark)


_PROGRAMS: dict[str, Callable[["Shell", Args, Env, Stdin], bool]] = {
    **dict.fromkeys(("find", "gfind"), finding.find),
    **dict.fromkeys(("fd", "fdfind"), finding.fd),
    **dict.fromkeys(("grep", "egrep", "fgrep", "ggrep"), finding.grep),
    **dict.fromkeys(("rg", "ag", "ack"), finding.rg),
    "git": _git,
    "mktemp": _mktemp,
    "ln": _ln,
    "gln": _ln,
    "wget": _wget,
    "curl": _curl,
    "make": _make,
    "gmake": _make,
    **dict.fromkeys(("npm", "pnpm", "yarn", "bun"), _npm),
    "at": _stdin_text,
    "batch": _stdin_text,
}
