"""Declared and used: what an assessment uses of the one vocabulary, and whether a profile expects it. Pure.

A declaration permits nothing by itself. Use that it does not name asks under a profile, and is shown in any case.
"""

import re
from collections.abc import Iterator, Mapping

import msgspec

from controlroom.model.effect import Assessment, EffectKind, Reason
from controlroom.model.settings import Capabilities, Profile
from controlroom.model.tier import Tier
from controlroom.model.use import Capability, Use
from controlroom.policy.scopes import holds_host, holds_path, holds_word, place

_KINDS = {
    EffectKind.READ: Capability.FS_READ,
    EffectKind.CREATE: Capability.FS_WRITE,
    EffectKind.WRITE: Capability.FS_WRITE,
    EffectKind.DELETE: Capability.FS_WRITE,
    EffectKind.META: Capability.FS_WRITE,
    EffectKind.NET: Capability.NET,
    EffectKind.REMOTE: Capability.NET,
    EffectKind.CONFIG: Capability.CONFIG,
    EffectKind.PUBLISH: Capability.PUBLISH,
    EffectKind.RESTART: Capability.RESTART,
    EffectKind.SIGNAL: Capability.RESTART,
    EffectKind.SECRETS: Capability.SECRETS,
}
_PATHS = (Capability.FS_READ, Capability.FS_WRITE, Capability.CONFIG, Capability.SECRETS)
_HOST = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)?([A-Za-z0-9._-]+(?::[0-9]{1,5})?)", re.IGNORECASE)
MOST_NAMED = 5  # scopes in one reason


def uses(assessment: Assessment) -> tuple[Use, ...]:
    """What an action uses, without repetition, in the order it was found."""
    found = dict.fromkeys(Use(Capability.EXEC, words[0]) for words in assessment.argv if words)
    for effect in assessment.effects:
        kind = _KINDS.get(effect.kind)
        if kind is None:
            continue
        scopes = [scope for target in effect.targets if (scope := _scope(kind, target.path)) is not None]
        if kind is Capability.NET and not scopes:
            scopes = [""]
        if kind in (Capability.PUBLISH, Capability.RESTART):
            scopes = scopes[-1:] or [""]
        found.update(dict.fromkeys(Use(kind, scope) for scope in scopes))
    return tuple(found)


def _scope(kind: Capability, target: str) -> str | None:
    """The scope that a target means to a kind; None where it is none of that kind (a branch that is deleted is no file)."""
    if kind in _PATHS:
        return target if target.startswith("/") else None
    if kind is Capability.NET:
        host = _HOST.search(target)
        return host[1].lower() if host else None
    return re.split(r"[/:]", target, maxsplit=1)[-1]


def scopes(declared: Capabilities) -> Mapping[Capability, tuple[str, ...]]:
    """Each kind with its declared scopes."""
    return {
        Capability.FS_READ: declared.fs.read,
        Capability.FS_WRITE: declared.fs.write,
        Capability.EXEC: declared.exec,
        Capability.NET: declared.net,
        Capability.CONFIG: declared.config,
        Capability.PUBLISH: declared.publish,
        Capability.RESTART: declared.restart,
        Capability.SECRETS: declared.secrets,
    }


def declares(declared: Capabilities, use: Use, workspace: str, home: str) -> bool:
    """Whether a use is among what is declared. One whose scope cannot be told is only held by `*`."""
    for scope in scopes(declared)[use.kind]:
        if scope == "*":
            return True
        if use.kind in _PATHS:
            held = bool(use.scope) and holds_path(place(scope, workspace, home), use.scope)
        elif use.kind is Capability.NET:
            held = bool(use.scope) and holds_host(scope, use.scope)
        else:
            held = bool(use.scope) and holds_word(scope, use.scope)
        if held:
            return True
    return False


def weigh(assessment: Assessment, profile: Profile, workspace: str, home: str) -> Assessment:
    """The assessment under a profile: use that it does not declare asks (T2) where the profile asks. Never lowers a tier."""
    if not profile.asks:
        return assessment
    beyond = [u for u in uses(assessment) if not declares(profile.rules.capabilities, u, workspace, home)]
    if not beyond:
        return assessment
    text = f"The profile {profile.name} does not declare {'; '.join(_named(beyond))}."
    reason = Reason("profile.undeclared", Tier.T2, text, "Add it to the profile if this agent is meant to do it.")
    reasons = sorted((*assessment.reasons, reason), key=lambda r: r.tier, reverse=True)
    return msgspec.structs.replace(assessment, tier=max(assessment.tier, Tier.T2), reasons=tuple(reasons))


def _named(beyond: list[Use]) -> Iterator[str]:
    for use in beyond[:MOST_NAMED]:
        yield f"{use.kind} {use.scope}".rstrip()
    if len(beyond) > MOST_NAMED:
        yield f"{len(beyond) - MOST_NAMED} more"
