"""What a snapshot of an act has to hold: its file targets, and for git what git itself could lose."""

import os
from collections.abc import Iterator

import msgspec

from controlroom.model.effect import Assessment, EffectKind, Target
from controlroom.storage.snapshots.manifest import Root
from controlroom.storage.snapshots.repository import pushed, repository

MOST_TARGETS = 256  # policy lists no more of each sort: there may be others then
_CHANGING = (EffectKind.CREATE, EffectKind.WRITE, EffectKind.DELETE, EffectKind.META)
_BEYOND = {
    EffectKind.PUBLISH: "what has left this machine cannot be taken back",
    EffectKind.REMOTE: "what is on another machine or in a service is not saved",
    EffectKind.RESTART: "a restart cannot be taken back",
    EffectKind.SIGNAL: "a process that was ended does not come back",
    EffectKind.UNKNOWN: "what it does is not known",
}


class Cover(msgspec.Struct, frozen=True):
    """`roots`: what a snapshot saves. `why`: why there can be none ("" = there can). `beyond`: what no undo brings back."""

    roots: tuple[Root, ...] = ()
    why: str = ""
    beyond: tuple[str, ...] = ()


def cover(assessment: Assessment) -> Cover:
    """What has to be saved before this act. Looks for folders and repositories, at nothing else."""
    roots: dict[Root, None] = {}
    beyond: dict[str, None] = {}
    for effect in assessment.effects:
        if effect.kind in _BEYOND:
            beyond[_BEYOND[effect.kind]] = None
        if effect.kind not in _CHANGING:
            continue
        if len(effect.targets) >= MOST_TARGETS:
            return Cover(why=f"it has {MOST_TARGETS} targets or more")
        for target in effect.targets:
            if target.path.startswith("/"):
                if not target.certain and target.inside is None:
                    return Cover(why=f"which files it falls on cannot be told beforehand (something below {target.path})")
                roots[_root(effect.kind, target)] = None
            elif not target.path.startswith("git:"):
                beyond[f"what is in a database or service is not saved ({target.path[:60]})"] = None
    named = any(t.path.startswith("git:") for e in assessment.effects if e.kind in _CHANGING for t in e.targets)
    found = [repository(where.path, where.loses) for where in assessment.repositories]
    if (named and not found) or not all(found):
        return Cover(why="which git repository it falls on cannot be told", beyond=tuple(beyond))
    for repo in found:
        roots |= dict.fromkeys(repo)
    if {EffectKind.PUBLISH, EffectKind.REMOTE} & {effect.kind for effect in assessment.effects}:
        for where in assessment.repositories:
            beyond |= dict.fromkeys(pushed(where.path, assessment.argv))
    return Cover(tuple(_outer(roots)), "", tuple(beyond))


def _root(kind: EffectKind, target: Target) -> Root:
    path = os.fsencode(target.path)
    shallow = kind is EffectKind.META and target.certain and target.files is None
    return Root(_first_missing(path), not shallow)


def _first_missing(path: bytes) -> bytes:
    """The outermost part of a path that is not there: making `a/b/c` may make `a` too. The path itself where it is there."""
    while not os.path.lexists(path):
        parent = os.path.dirname(path)
        if os.path.lexists(parent) or parent == path:
            break
        path = parent
    return path


def _outer(roots: dict[Root, None]) -> Iterator[Root]:
    """Without those that lie in another one."""
    for root in sorted(roots, key=lambda r: (r.path, not r.deep)):
        others = (o for o in roots if o is not root and o.deep)
        if not any(_holds(o, root) for o in others):
            yield root


def _holds(outer: Root, inner: Root) -> bool:
    if outer.path == inner.path:
        return not inner.deep or len(outer.skip) < len(inner.skip)
    below = inner.path.startswith(outer.path.rstrip(b"/") + b"/")
    return below and not any(inner.path == s or inner.path.startswith(s + b"/") for s in outer.skip)
