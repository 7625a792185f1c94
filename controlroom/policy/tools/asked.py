"""`controlroom.ask`: a script says what it will do; the operation gives the effects, the command is judged as well."""

from collections.abc import Mapping

from controlroom.model.effect import EffectKind, Target
from controlroom.model.tier import Tier
from controlroom.policy.files import Act, Files
from controlroom.policy.ledger import Ledger
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.command import Shell
from controlroom.policy.shell.env import Env
from controlroom.policy.tools.change import show
from controlroom.policy.tree import Tree

_FILES = {
    "delete": EffectKind.DELETE,
    "remove": EffectKind.DELETE,
    "write": EffectKind.WRITE,
    "overwrite": EffectKind.WRITE,
    "edit": EffectKind.WRITE,
    "config": EffectKind.WRITE,
    "move": EffectKind.DELETE,
    "chmod": EffectKind.META,
    "meta": EffectKind.META,
    "create": EffectKind.CREATE,
    "read": EffectKind.READ,
}
_OTHER = {
    "publish": (EffectKind.PUBLISH, Tier.T3),
    "restart": (EffectKind.RESTART, Tier.T3),
    "signal": (EffectKind.SIGNAL, Tier.T3),
    "secrets": (EffectKind.SECRETS, Tier.T3),
    "remote": (EffectKind.REMOTE, Tier.T3),
    "deploy": (EffectKind.REMOTE, Tier.T3),
    "net": (EffectKind.NET, Tier.T1),
    "exec": (EffectKind.EXEC, Tier.T1),
}


def judge(ledger: Ledger, files: Files, shell: Shell, tree: Tree, given: Mapping[str, object], cwd: str, home: str) -> None:
    """Judge an ask. An operation that is not known asks (T3)."""
    op = str(given.get("op", ""))
    paths = _strings(given.get("paths"))
    if op in _FILES:
        kind = _FILES[op]
        for path in paths:
            files.touch(
                Act(
                    kind,
                    path,
                    cwd,
                    f"ask.{op}",
                    "The script",
                    follow=kind is not EffectKind.DELETE,
                    deep=kind is EffectKind.META,
                )
            )
        if not paths and kind is not EffectKind.READ:
            ledger.reason(Tier.T3, f"ask.{op}", "The script does not say what it acts on.")
    elif op in _OTHER:
        kind, tier = _OTHER[op]
        ledger.effect(kind)
        for path in paths:
            ledger.effect(kind, Target(path[:400]))
        ledger.reason(tier, f"ask.{op}", f"The script says that it will {op}.")
    else:
        ledger.effect(EffectKind.UNKNOWN)
        ledger.reason(
            Tier.T3, "ask.unknown", f"The script asks for {op[:80] or 'nothing'}, which is no operation that is known here."
        )
    if op == "config":
        ledger.effect(EffectKind.CONFIG)
        ledger.reason(Tier.T3, "ask.config", "Changes a configuration: always a person's decision.")
    argv = [Arg(word) for word in _strings(given.get("argv"))]
    if argv:
        shell.run(tuple(argv), Env(home, cwd))
    new = given.get("new")
    if isinstance(new, str) and paths:
        real, _ = files.place(paths[0], cwd)
        if real:
            show(ledger, tree, real, new)


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
