"""Which files and folders on this machine the two lists mean, for the walls of an ENFORCED session. Blocking.

A pattern with a place of its own (`~/.ssh/*`) is found there. One that matches anywhere (`id_rsa`) is looked for in the whole
workspace and four folders deep in the home.
"""

import glob
import os
from collections.abc import Iterator

import msgspec

from controlroom.agents import layers
from controlroom.model.wire import legible
from controlroom.policy.context import Context
from controlroom.policy.paths import is_below
from controlroom.policy.protect import Guard, builtin
from controlroom.sensing.tree import RealTree

HOME_DEPTH = 4  # folders below the home that are looked into for patterns without a place
MOST = 500_000  # entries looked at
MOST_MEMBERS = 2000  # walls: each is a mount
# What a program writes in normal work is not an act on it (product.md); behind walls it would otherwise stand still.
GIT = (".git/config", ".git/config.worktree", ".git/info/attributes", ".gitmodules")
OWN = {
    "claude-code": (
        "~/.claude/projects",
        "~/.claude/history.jsonl",
        "~/.claude/sessions",
        "~/.claude/file-history",
        "~/.claude/agent-memory",
        "~/.claude/.credentials.json",
        "~/.claude.json",
    ),
    "opencode": ("~/.local/share/opencode", "~/.local/share/opencode/auth.json", "~/.local/state/opencode"),
    "openclaw": (
        "~/.openclaw/state",
        "~/.openclaw/agents",
        "~/.openclaw/memory",
        "~/.openclaw/credentials",
        "~/.openclaw/workspace/MEMORY.md",
        "~/.openclaw/workspace/memory",
    ),
}


class NotWalled(ValueError):
    """There is something to protect that cannot be walled off, or too much of it; the text says what to do."""


class Members(msgspec.Struct, frozen=True):
    """`readonly`: what may not be changed, resolved; `unread`: what may not be read; `notes`: what this does not cover."""

    readonly: tuple[str, ...]
    unread: tuple[str, ...]
    notes: tuple[str, ...] = ()


def find(context: Context, kind: str) -> Members:
    """Everything that exists now and is on a list, but for what an agent of this kind writes itself. Raises NotWalled.

    Where the agent's own folder is on a list as a whole (`~/.codex/`), that is its settings in it (`layers.held`): its login,
    logs and databases lie there too. What the user or the workspace lists is held whoever writes it.
    """
    guard, tree = Guard(context, RealTree()), RealTree()
    free = {os.path.realpath(_at(path, context)) for path in OWN.get(kind, ())}
    settings = [os.path.realpath(path) for path in layers.held(kind, context.home, {})]
    own = os.path.realpath(layers.folder(kind, context.home, {})) if kind in layers.table() else ""
    opened = own if own and guard.hit(own, None) is not None else ""
    readonly: dict[str, None] = {}
    unread: dict[str, None] = {}
    notes: list[str] = [guard.broken] if guard.broken else []
    seen = 0
    for path in (*settings, *_candidates(context, guard)):
        seen += 1
        if seen > MOST:
            notes.append(f"only the first {MOST} files were looked at for patterns that match anywhere")
            break
        hit = guard.hit(path, None)
        real = os.path.realpath(path)
        its_own = path in free or (opened and real not in settings and is_below(real, opened))
        if hit is None or (its_own and not guard.asked(path)) or any(path.endswith(f"/{name}") for name in GIT):
            continue
        if (told := legible(real)) != real:
            raise NotWalled(f"{told} is protected, and its name is not UTF-8: rename it")
        readonly[real] = None
        read = guard.reading(path, None)
        if read is not None and read.kind == "unread":
            unread[real] = None
        notes += _doubts(path, real, tree)
    if len(readonly) > MOST_MEMBERS:
        raise NotWalled(f"{len(readonly)} files are protected one by one; protect the folders that they are in")
    home = os.path.realpath(context.home)
    for top in (home, os.path.realpath(context.workspace)):
        if top in readonly:
            notes.append(f"{top} is protected as a whole: nothing can be written in it")
    return Members(tuple(readonly), tuple(unread), tuple(dict.fromkeys(notes)))


def _at(path: str, context: Context) -> str:
    return (
        path.replace("~/", f"{context.home}/", 1) if path.startswith("~/") else path.replace("./", f"{context.workspace}/", 1)
    )


def _doubts(path: str, real: str, tree: RealTree) -> list[str]:
    stat = tree.lstat(path)
    if stat is not None and stat.kind == "link":
        return [f"{path} is a link: where it leads is protected, the link itself is not"]
    if stat is not None and stat.kind == "file" and stat.nlink > 1:
        return [f"{real} has {stat.nlink - 1} other names (hard links): through those it can be changed"]
    return []


def _candidates(context: Context, guard: Guard) -> Iterator[str]:
    """Paths that may be members: those with a place of their own first, then what a walk finds."""
    lists, manifest = builtin(), context.manifest
    own = {os.path.realpath(path) for path in context.own}
    for pattern in (*lists.secret, *lists.store, *lists.guarded, *manifest.write, *manifest.read):
        if pattern.startswith(("~/", "/")) and "**" not in pattern:
            yield from _placed(_at(pattern, context).rstrip("/"))
    workspace = os.path.realpath(context.workspace)
    yield from _walk(workspace, guard, own, depth=-1)
    yield from _walk(os.path.realpath(context.home), guard, {*own, workspace}, depth=HOME_DEPTH)


def _placed(pattern: str) -> Iterator[str]:
    if any(char in pattern for char in "*?["):
        yield from glob.iglob(pattern, include_hidden=True)
    elif os.path.lexists(pattern):
        yield pattern


def _walk(top: str, guard: Guard, leave: set[str], depth: int) -> Iterator[str]:
    """Everything below, not into members, links, other devices, what is in `leave`, and what git keeps for itself."""
    try:
        device = os.stat(top).st_dev
        entries = sorted(os.scandir(top), key=lambda entry: entry.name)
    except OSError:
        return  # what cannot be looked into cannot be changed by the same user either
    for entry in entries:
        yield entry.path
        if depth == 0 or not entry.is_dir(follow_symlinks=False) or entry.path in leave:
            continue
        if os.path.basename(top) == ".git" or guard.hit(entry.path, None) is not None:
            continue
        if entry.stat(follow_symlinks=False).st_dev == device:
            yield from _walk(entry.path, guard, leave, depth - 1)
