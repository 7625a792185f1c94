"""What Python code does, judged: every act on its files, its commands as commands; what is not known asks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from controlroom.policy import files
from controlroom.policy.paths import MINTED
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.python import Act
from controlroom.policy.shell.pyvalues import Value

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

_SAFER = "Use rm, mv or the editing tool, which can be judged exactly."
_FILES: dict[str, tuple[EffectKind, str]] = {
    "delete": (EffectKind.DELETE, "deletes"),
    "move": (EffectKind.DELETE, "moves"),
    "write": (EffectKind.WRITE, "writes"),
    "append": (EffectKind.WRITE, "writes"),
    "create": (EffectKind.CREATE, "creates"),
    "link": (EffectKind.CREATE, "links"),
    "meta": (EffectKind.META, "changes"),
}


def judge(shell: "Shell", name: str, acts: list[Act], env: Env) -> None:
    """Judge the acts of a Python text that `name` runs."""
    within = env.fork()
    for act in acts:
        if act.kind == "chdir":
            text = act.on[0].text if act.on and len(act.on) == 1 and not act.on[0].bounded else ""
            within.cwd = text if text.startswith("/") else None
    if any(value.text.startswith(MINTED) for act in acts for value in act.on or ()):
        shell.ledger.made.add(MINTED)  # by tempfile: new, wherever it is
        shell.ledger.fresh.add(MINTED)
    for index, act in enumerate(acts):
        if act.kind in _FILES:
            leaves = act.kind == "move" and not _stays(shell, acts[index + 1], within)  # a move is told as two acts
            _file(shell, name, act, within, leaves=leaves)
        elif act.kind in _OTHER:
            _OTHER[act.kind](shell, name, act, within)


def _stays(shell: "Shell", goal: Act, env: Env) -> bool:
    """Whether a move ends inside the workspace, where it loses nothing."""
    places = [shell.files.place(value.text, env.cwd)[0] for value in goal.on or ()]
    return bool(places) and all(place and shell.files.is_inside(place) for place in places)


def _file(shell: "Shell", name: str, act: Act, env: Env, *, leaves: bool) -> None:
    kind, verb = _FILES[act.kind]
    if act.kind == "link":
        shell.ledger.mixed = True
    if act.on is None:
        shell.ledger.effect(kind)
        tier = Tier.T1 if kind is EffectKind.CREATE else Tier.T3
        shell.ledger.reason(tier, f"code.{verb}", f"The code given to {name} {verb} files that it does not name.", _SAFER)
        return
    for value in act.on:
        done = files.Act(
            kind,
            "",
            env.cwd,
            f"code.{verb}",
            f"Code given to {name}",
            _SAFER if kind is EffectKind.DELETE else "",
            follow=kind is not EffectKind.DELETE,
            append=act.kind in ("append", "create"),
            moved=act.kind == "move" and not leaves,
            only=value.only,
        )
        shell.touch(done, _arg(value))


def _arg(value: Value) -> Arg:
    if value.name:
        return Arg("*", certain=False, stem=".", bounded=True)
    return Arg(value.text, certain=not value.bounded, stem=value.text, bounded=value.bounded)


def _read(shell: "Shell", name: str, act: Act, env: Env) -> None:
    for value in act.on or ():
        text = env.home + value.text[1:] if value.text.startswith("~/") else value.text
        if "/" in text and "\0" not in text:
            shell.touch(files.Act(EffectKind.READ, "", env.cwd, "code.reads", name), Arg(text))


def _shell(shell: "Shell", name: str, act: Act, env: Env) -> None:
    shell.ledger.effect(EffectKind.EXEC)
    if act.on is None:
        shell.hidden(f"a command that the code given to {name} runs")
    for value in act.on or ():
        shell.nested(Arg(value.text), env, f"a command in code given to {name}")


def _argv(shell: "Shell", name: str, act: Act, env: Env) -> None:
    words = tuple(Arg(word) if word != "\0" else Arg("…", certain=False) for word in act.words)
    if words:
        shell.run(words, env.fork())


def _hidden(shell: "Shell", name: str, act: Act, env: Env) -> None:
    shell.hidden(f"the code given to {name} decodes or looks up what it runs")


def _kill(shell: "Shell", name: str, act: Act, env: Env) -> None:
    shell.ledger.effect(EffectKind.SIGNAL)
    shell.ledger.reason(Tier.T3, "code.kills", f"The code given to {name} sends signals to processes.")


def _send(shell: "Shell", name: str, act: Act, env: Env) -> None:
    shell.ledger.effect(EffectKind.NET)
    shell.ledger.reason(Tier.T3, "code.sends", f"The code given to {name} sends, deletes or changes something elsewhere.")


def _sql(shell: "Shell", name: str, act: Act, env: Env) -> None:
    shell.ledger.effect(EffectKind.DELETE if act.kind == "sql" else EffectKind.WRITE)
    tier = Tier.T3 if act.kind == "sql" else Tier.T2
    shell.ledger.reason(tier, "code.sql", f"The code given to {name} changes or deletes what is in a database.")


_OTHER: dict[str, Callable[["Shell", str, Act, Env], None]] = {
    "read": _read,
    "shell": _shell,
    "argv": _argv,
    "hidden": _hidden,
    "kill": _kill,
    "send": _send,
    "sql": _sql,
    "sql-change": _sql,
}
