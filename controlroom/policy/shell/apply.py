"""What a rule that fits makes of a command: file targets judged one by one, other targets named."""

import posixpath
from typing import TYPE_CHECKING

from controlroom.model.effect import EffectKind, Loses, Target
from controlroom.model.tier import Tier
from controlroom.policy.catalogue import Fit, Rule
from controlroom.policy.files import Act
from controlroom.policy.ledger import Ledger
from controlroom.policy.paths import absolute
from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.merging import merged, name_of
from controlroom.policy.shell.options import Parsed

if TYPE_CHECKING:
    from controlroom.policy.shell.command import Shell

_FILE_EFFECTS = {EffectKind.READ, EffectKind.CREATE, EffectKind.WRITE, EffectKind.DELETE, EffectKind.META, EffectKind.SECRETS}


def rule(shell: "Shell", fit: Fit, args: tuple[Arg, ...], env: Env) -> None:
    """Apply one rule to one command."""
    found = fit.rule
    moved = found.moved and not _leaves(shell, fit, env)
    if found.tier is not None:
        text = found.reason + (" (An argument that is not known could make it so.)" if fit.could else "")
        if found.tier is Tier.T1 and found.effect is EffectKind.EXEC:
            shell.uninspected(text, found.id)
        else:
            shell.ledger.reason(found.tier, found.id, text, found.safer)
    _repository(shell, found, fit.parsed, env)
    for item in found.content:
        _content(shell, item, fit.parsed, env)
    if found.targets and found.effect in _FILE_EFFECTS:
        for arg in _select(shell, found, fit.parsed, env):
            act = Act(
                found.effect,
                "",
                env.cwd,
                found.id,
                found.reason.rstrip("."),
                found.safer,
                follow=found.follow,
                append=found.append,
                moved=moved,
                deep=found.deep,
                only=found.only,
            )
            shell.touch(act, arg)
        return
    operands = fit.parsed.operands[len(found.sub) :]
    names = [f"{found.name or found.program[0]}/{arg.text}" for arg in operands] or [found.name or found.program[0]]
    shell.ledger.effect(found.effect)
    if found.effect is not EffectKind.READ:
        for name in names[:64]:
            shell.ledger.effect(found.effect, Target(name[:400]))


def _leaves(shell: "Shell", fit: Fit, env: Env) -> bool:
    """Whether a move takes things out of the workspace; inside it a move loses nothing."""
    if shell.remote:
        return True
    for goal in _into(shell, list(fit.parsed.operands), fit.parsed, env):
        real, _ = shell.files.place(goal.text if goal.certain else goal.stem, env.cwd)
        if not real or not shell.files.is_inside(real):
            return True
    return False


_LOSES = {"git:worktree": Loses.WORKTREE, "git:submodule": Loses.WORKTREE, "git:history": Loses.HISTORY}
_MOVES = {"rebase", "reset", "checkout", "switch", "merge", "pull", "stash", "cherry-pick", "revert", "am"}


def _repository(shell: "Shell", found: Rule, parsed: Parsed, env: Env) -> None:
    """Note where git can lose something, for the snapshot; nothing where the folder cannot be told."""
    moves = found.id == "git.work" and bool(parsed.operands) and parsed.operands[0].text in _MOVES
    if (
        shell.remote
        or not (moves or (found.name or "").startswith("git:"))
        or {"--git-dir", "--work-tree"} & set(parsed.options)
    ):
        return
    folder = env.cwd
    for value in parsed.options.get("-C", ()):
        folder = absolute(value.text, folder) if value is not None and value.certain and folder is not None else None
    if folder is not None:
        shell.ledger.repository(folder, Loses.WORKTREE if moves else _LOSES.get(found.name or "", Loses.REFS))


def _select(shell: "Shell", found: Rule, parsed: Parsed, env: Env) -> list[Arg]:
    """The arguments that are the rule's file targets."""
    operands = list(parsed.operands[len(found.sub) :])
    spec = found.targets
    if spec == "operands" and found.effect is EffectKind.READ:
        operands += [value for values in parsed.options.values() for value in values if value is not None]
    if spec.endswith("="):
        return [Arg(a.text[len(spec) :], a.certain, a.stem[len(spec) :]) for a in operands if a.text.startswith(spec)]
    if spec.startswith("-"):
        return [value for name in spec.split("|") for value in parsed.options.get(name, ()) if value is not None]
    if spec == "cwd":
        return [Arg(".")]
    if spec == "into":
        return _into(shell, operands, parsed, env)
    if spec == "merged":
        return merged(shell, operands, parsed, env, slash="rsync" in found.program)
    given = parsed.options.get("-t") or parsed.options.get("--target-directory")
    chosen = {
        "operands": operands,
        "operands-or-cwd": operands or [Arg(".")],
        "first": operands[:1],
        "last": operands[-1:] if not given else [],
        "rest": operands[1:],
        "sources": operands if given else operands[:-1],
    }
    return chosen[spec]


def _into(shell: "Shell", operands: list[Arg], parsed: Parsed, env: Env) -> list[Arg]:
    """Where mv, cp, ln and install write: the last operand, or names inside it when it is a folder."""
    given = next((v for name in ("-t", "--target-directory") for v in parsed.options.get(name, ()) if v), None)
    sources = operands if given else operands[:-1]
    if given is None and not sources:
        return []
    goal = given or operands[-1]
    if shell.remote or not goal.certain:
        return [goal]
    plain = "-T" in parsed.options or "--no-target-directory" in parsed.options
    real, stat = shell.files.place(goal.text, env.cwd)
    folder = (stat is not None and stat.kind == "dir") or goal.text.endswith("/") or given is not None or len(sources) > 1
    if plain or not folder or (not real and env.cwd is None):
        return [goal]
    inside: list[Arg] = []
    for source in sources:
        if source.certain:
            inside.append(Arg(posixpath.join(goal.text, name_of(source.text))))
        else:
            inside.append(Arg(source.text, certain=False, stem=goal.text, bounded=True))
    return inside


def _content(shell: "Shell", item: str, parsed: Parsed, env: Env) -> None:
    if item.startswith("-"):
        names = [v.text for v in parsed.options.get(item, ()) if v is not None and v.certain and v.text != "-"]
    elif item == "operands":
        names = [arg.text for arg in parsed.operands if arg.certain]
    else:
        names = [item]
    for name in names:
        if "://" in name:
            continue
        real, stat = shell.files.place(name, env.cwd)
        if stat is None:
            continue
        shell.ledger.operand(real)
        if (real in shell.ledger.made or real in shell.written) and real not in shell.seen:
            shell.ledger.reason(Tier.T3, "shell.written", f"Runs what is in {real}, which the agent itself wrote.")


def mention(shell: "Shell", name: str, arg: Arg, env: Env) -> None:
    """A program that no rule knows and that is given a secret: asked."""
    if not arg.certain or shell.remote or arg.text.startswith("-") or not ("/" in arg.text or arg.text.startswith("id_")):
        return
    before = shell.ledger.tier
    shell.touch(Act(EffectKind.READ, "", env.cwd, "program.mention", name), arg)
    if shell.ledger.tier > before:
        shell.ledger.reason(
            Tier.T3, "program.mention", f"{name} is given a protected file, and no rule knows what it does with it."
        )


def remote(ledger: Ledger, where: str, act: Act, arg: Arg) -> None:
    """An act on a file of another machine or container: nothing there can be looked at or brought back."""
    target = Target(f"{where}:{arg.text}"[:400], certain=arg.certain)
    ledger.effect(act.kind, target)
    if act.kind in (EffectKind.READ, EffectKind.CREATE):
        return
    ledger.reason(
        Tier.T3,
        act.rule,
        f"{act.why or 'This'}, somewhere else ({where}), where nothing can be looked at or undone.",
        act.safer,
    )
