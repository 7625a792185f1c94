"""What a snapshot of an act has to hold: its file targets, and for git what git itself could lose."""

import os
from collections.abc import Iterator

import msgspec

from controlroom.model.effect import Assessment, EffectKind, Loses, Target
from controlroom.storage.snapshots.manifest import Root

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


def repository(folder: str, loses: Loses) -> tuple[Root, ...]:
    """The parts of the git repository around `folder` that an act can lose; () where there is none.

    git keeps the objects of what is lost for weeks (its reflogs and its own grace time), so they are saved only where the act
    is about them.
    """
    at = os.fsencode(folder)
    while not os.path.lexists(at + b"/.git"):
        parent = os.path.dirname(at)
        if parent == at:
            return ()
        at = parent
    own, common = _git_folders(at)
    if not os.path.isdir(own):
        return ()
    skip = () if loses is Loses.HISTORY else tuple(sorted({own + b"/objects", common + b"/objects"}))
    roots = [Root(own, True, skip), *([Root(common, True, skip)] if common != own else [])]
    if loses is Loses.WORKTREE:
        roots.append(Root(at, True, skip))
    return tuple(roots)


def _git_folders(top: bytes) -> tuple[bytes, bytes]:
    """The repository's own folder, and the one that its work trees share."""
    own = top + b"/.git"
    if os.path.isfile(own):
        text = _small(own)
        own = os.path.realpath(os.path.join(top, text.removeprefix(b"gitdir:").strip()))
    common = _small(own + b"/commondir").strip()
    return own, os.path.realpath(os.path.join(own, common)) if common else own


def _small(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(4096)
    except OSError:
        return b""
