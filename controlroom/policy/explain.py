"""An assessment in plain text, command by command: what `controlroom policy check` prints."""

import json

from controlroom.model.effect import Assessment, Effect, Reason, Target
from controlroom.model.tier import Ruling, Tier, ruling_of
from controlroom.policy.ledger import Found

_RULING = {
    Ruling.ALLOW: "It is allowed and recorded.",
    Ruling.ASK: "It asks a person.",
    Ruling.DENY: "It is denied; nobody can approve it.",
}
_LOWER = {
    "protect.never-touch": "Nothing lowers this: work on something else.",
    "protect.guarded": "Leave the file alone, or hand the change to a person: controlroom config propose FILE --from NEW.",
    "protect.secret": "Work without reading it; let a person hand over what is needed.",
    "target.could-match": "Name the files one by one.",
    "target.everything": "Name what may go; leave the rest.",
    "shell.unparsable": "Write it so that bash -n accepts it, in separate commands.",
    "shell.written": "Write the script with a here-document in the same command, so that it can be read.",
    "shell.foreign": "Use the POSIX command for it.",
    "shell.wrapper": "Run the command itself, without the program around it.",
    "tool.unknown": "Use a tool that is known: a shell command or a file tool.",
    "limit": "Split it into smaller actions.",
}


def explain(assessment: Assessment, found: tuple[Found, ...] = ()) -> list[str]:
    """Lines for people: the verdict, each command with its effects, targets and rules, and what would lower the tier.

    Words of commands are quoted as JSON. `found` is what `trace` gives; without it the whole is shown as one.
    """
    ruling = ruling_of(assessment.tier)
    lines = [f"{assessment.tier.value}: {ruling.value}", f"  {_RULING[ruling]}"]
    told: set[tuple[str, str]] = set()
    for one in found:
        indent = "  " * (one.depth + 1)
        lines.append(f"{indent}{one.tier.value}  {' '.join(json.dumps(word, ensure_ascii=False) for word in one.argv)}")
        lines += _details(one.effects, one.reasons, indent + "    ")
        told |= {(reason.rule, reason.text) for reason in one.reasons}
    rest = tuple(reason for reason in assessment.reasons if (reason.rule, reason.text) not in told)
    lines += _details(() if found else assessment.effects, rest, "  ")
    lines += [f"  runs the content of {json.dumps(path, ensure_ascii=False)}" for path in assessment.operands]
    if assessment.invalid:
        lines.append(f"  does not parse: {assessment.invalid}")
    return [*lines, *(f"  lower: {text}" for text in lower(assessment))]


def lower(assessment: Assessment) -> list[str]:
    """What would lower the tier, for each reason that holds it up; [] where it is not held at all."""
    if assessment.tier <= Tier.T1:
        return []
    found = [reason for reason in assessment.reasons if reason.tier is assessment.tier]
    texts = [reason.safer or _LOWER.get(reason.rule, "") or _by_tier(reason) for reason in found]
    return list(dict.fromkeys(texts))


def _by_tier(reason: Reason) -> str:
    if "outside the workspace" in reason.text:
        return "Act inside the workspace, or on what the same command made."
    if "computed while it runs" in reason.text or "cannot be told" in reason.text:
        return "Write the name out."
    return "Leave this part out." if reason.tier is not Tier.TX else "Nothing lowers this."


def _details(effects: tuple[Effect, ...], reasons: tuple[Reason, ...], indent: str) -> list[str]:
    lines = [f"{indent}{reason.tier.value} {reason.rule}: {reason.text}" for reason in reasons]
    for effect in effects:
        lines += [f"{indent}{effect.kind.value} {_target(target)}" for target in effect.targets]
    return lines


def _target(target: Target) -> str:
    notes: list[str] = []
    if target.exists is False:
        notes.append("is not there")
    if target.files is not None:
        notes.append(f"{'at least ' if target.partial else ''}{target.files} files, {target.size} bytes")
    if target.tracked is not None:
        notes.append("in git" if target.tracked else "not in git")
    if target.inside is not None:
        notes.append("inside the workspace" if target.inside else "outside the workspace")
    if not target.certain:
        notes.append("could match anything below")
    return json.dumps(target.path, ensure_ascii=False) + (f" ({', '.join(notes)})" if notes else "")
