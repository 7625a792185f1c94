"""Where git keeps what an act could lose: the folders of a repository, and where a push would overwrite a remote branch."""

import itertools
import os
import re
import stat
from collections.abc import Iterable
from shlex import quote

from controlroom.model.effect import Loses
from controlroom.storage.snapshots.manifest import Root

MOST_NOTED = 3  # remote branches of one push
MOST_SEEN = 2_000  # files of remote branches that are looked at
_ID = re.compile(r"[0-9a-f]{40,64}")
_VALUES = frozenset({"-o", "--push-option", "--receive-pack", "--exec", "--repo"})  # options of push with a value of their own
_ALL = frozenset({"--all", "--mirror", "--prune", "--branches"})


def repository(folder: str, loses: Loses) -> tuple[Root, ...]:
    """The parts of the git repository around `folder` that an act can lose; () where there is none.

    Where the act is about its objects all of them are saved, else (`Root.git`) what its names hold on to.
    """
    at = _top(folder)
    if at is None:
        return ()
    own, common = _git_folders(at)
    if not os.path.isdir(own):
        return ()
    skip = () if loses is Loses.HISTORY else tuple(sorted({own + b"/objects", common + b"/objects"}))
    folders = [own, *([common] if common != own else []), *([at] if loses is Loses.WORKTREE else [])]
    return tuple(Root(path, True, skip, common if skip else b"") for path in folders)


def _top(folder: str) -> bytes | None:
    at = os.fsencode(folder)
    while not os.path.lexists(at + b"/.git"):
        parent = os.path.dirname(at)
        if parent == at:
            return None
        at = parent
    return at


def _git_folders(top: bytes) -> tuple[bytes, bytes]:
    """The repository's own folder, and the one that its work trees share."""
    own = top + b"/.git"
    if os.path.isfile(own):
        text = _small(own)
        own = os.path.realpath(os.path.join(top, text.removeprefix(b"gitdir:").strip()))
    common = _small(own + b"/commondir").strip()
    return own, os.path.realpath(os.path.join(own, common)) if common else own


def _small(path: bytes, limit: int = 4096) -> bytes:
    """The beginning of a regular file, b"" where there is none: what an agent put there must not hold us up."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return b""
    with open(fd, "rb") as file:
        return file.read(limit) if stat.S_ISREG(os.fstat(fd).st_mode) else b""


def pushed(folder: str, argv: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Of each remote branch that a `git push` in `folder` names: where it was seen last, and the command that puts it back."""
    top = _top(folder)
    if top is None:
        return ()
    _, common = _git_folders(top)
    notes: dict[str, None] = {}
    for words in argv:
        if "push" in words and os.path.basename(words[0]) == "git":
            notes |= dict.fromkeys(_notes(common, *_named(top, words[words.index("push") + 1 :])))
    return tuple(notes)


def _named(top: bytes, words: tuple[str, ...]) -> tuple[str, list[str]]:
    """The remote of a push and its branches there; no branches = all."""
    operands = [word for before, word in zip(("", *words), words, strict=False) if word[:1] != "-" and before not in _VALUES]
    remote = operands[0] if operands else "origin"
    goals = [spec.removeprefix("+").rpartition(":")[2].removeprefix("refs/heads/") for spec in operands[1:]]
    if not goals and not _ALL & set(words):
        goals = ["HEAD"]
    head = _small(_git_folders(top)[0] + b"/HEAD").strip().removeprefix(b"ref: refs/heads/")
    return remote, [os.fsdecode(head) if goal == "HEAD" else goal for goal in goals]


def _notes(common: bytes, remote: str, branches: list[str]) -> list[str]:
    seen = _remote_branches(common, remote)
    found = [(name, seen[name]) for name in branches or sorted(seen) if name in seen]
    lines = [
        f"the remote branch {remote}/{name} was last seen at {old}; to put it back: "
        f"git push --force-with-lease {quote(remote)} {quote(f'{old}:refs/heads/{name}')}"
        for name, old in found[:MOST_NOTED]
    ]
    more = len(found) - MOST_NOTED
    return [*lines, f"and {more} more remote branches (git for-each-ref refs/remotes/{remote})"] if more > 0 else lines


def _remote_branches(common: bytes, remote: str) -> dict[str, str]:
    """What the repository knows of a remote: branch and id. A branch's own file goes before the packed list."""
    if ".." in remote.split("/") or remote.startswith("/"):  # no name of a remote
        return {}
    prefix = f"refs/remotes/{remote}/"
    found = {}
    for line in os.fsdecode(_small(common + b"/packed-refs", 1 << 20)).splitlines():
        old, _, name = line.partition(" ")
        if name.startswith(prefix) and _ID.fullmatch(old):
            found[name.removeprefix(prefix)] = old
    top = common + b"/" + os.fsencode(prefix)
    paths = (os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names)
    for path in itertools.islice(paths, MOST_SEEN):
        old = os.fsdecode(_small(path).strip())
        if _ID.fullmatch(old):
            found[os.fsdecode(path[len(top) :])] = old
    return found
