"""An assessment in plain text: what `controlroom policy check` prints."""

import json

from controlroom.model.effect import Assessment, Target
from controlroom.model.tier import Ruling, ruling_of

_RULING = {Ruling.ALLOW: "allowed and recorded", Ruling.ASK: "asks a person", Ruling.DENY: "denied, nobody can approve it"}


def explain(assessment: Assessment) -> str:
    """Lines for people: the verdict, why, what would lower it, commands, effects, targets. Tokens are quoted as JSON."""
    lines = [f"{assessment.tier.value}: {_RULING[ruling_of(assessment.tier)]}"]
    for reason in assessment.reasons:
        lines.append(f"  {reason.tier.value} {reason.rule}: {reason.text}")
        if reason.safer:
            lines.append(f"     safer: {reason.safer}")
    if assessment.argv:
        lines.append("commands:")
        lines += ["  " + " ".join(json.dumps(word) for word in words) for words in assessment.argv]
    if assessment.effects:
        lines.append("effects:")
        lines += [
            f"  {effect.kind.value}" + "".join(f"\n    {_target(t)}" for t in effect.targets) for effect in assessment.effects
        ]
    if assessment.operands:
        lines.append("runs the content of:")
        lines += [f"  {json.dumps(path)}" for path in assessment.operands]
    if assessment.invalid:
        lines.append(f"does not parse: {assessment.invalid}")
    if assessment.undo_why:
        lines.append(f"no undo: {assessment.undo_why}")
    return "\n".join(lines)


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
    return json.dumps(target.path) + (f" ({', '.join(notes)})" if notes else "")
