"""Looks at the never-touch members again and again, and tells which of them changed (N14). Blocking; one thread at a time.

A member changed when it is gone, new, of another kind, mode or owner, or when its content has another sum; inode, size and
times only say where to read. It cannot prevent, and does not know who: walls and gate do that. It does not look at what
programs write in normal work (`living` in data/protected.toml, logs and memories of agents), nor at our own folders: the
manifest's pin and the journal's chain watch over those.
"""

import glob
import hashlib
import os
import re
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

import msgspec

from controlroom.model.touched import Did
from controlroom.policy.context import Context
from controlroom.policy.paths import is_below
from controlroom.policy.protect import Guard, builtin, living
from controlroom.sensing.changes import Change
from controlroom.sensing.tree import RealTree

MOST = 5_000  # files and folders that are looked at each time
MOST_WALKED = 20_000  # entries of a workspace that are held against patterns without a place, once
HOME_DEPTH = 2  # folders below the home, for the same
MOST_HASHED = 1 << 20  # bytes of a file whose content is compared; a larger one is known by its facts alone
MOST_KEPT = 64 * 1024  # bytes of a file that is kept so that it can be put back
MOST_KEPT_ALL = 8 << 20
BREATH_ENTRIES, BREATH_SECONDS = 200, 0.001


class Violation(msgspec.Struct, frozen=True):
    """A member that is not what it was. `kept`: what it was can be put back."""

    path: str
    did: Did
    kept: bool


class NotKept(Exception):
    """What a member was is not known any more; the text says why."""


class _Fact(NamedTuple):
    """What a member is known by without reading it."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    owner: tuple[int, int]


class _Known(NamedTuple):
    fact: _Fact
    sum: str  # of a file's content, or where a link leads; "" = not read


class Sentry:
    """`begin` says what there is to protect, `look` what became of it. What was told once is then the new state."""

    def __init__(self) -> None:
        self.left_out = 0  # members over MOST, which nobody looks at
        self._contexts: tuple[Context, ...] = ()
        self._guards: list[Guard] = []
        self._places: list[str] = []
        self._loose: dict[str, None] = {}  # members without a place of their own, as a walk found them
        self._known: dict[str, _Known] = {}
        self._kept: dict[str, tuple[bytes, int]] = {}  # content and mode
        self._is: dict[str, bool] = {}  # paths that were held against the lists already

    def begin(self, contexts: Collection[Context]) -> None:
        """Protect what these contexts mean. What is known already stays known, so that no change between two looks is lost."""
        self._contexts = tuple(contexts)
        self._is.clear()
        self._guards = [Guard(context, RealTree()) for context in self._contexts]
        self._places = list(dict.fromkeys(place for context in self._contexts for place in _placed(context)))
        for context in self._contexts:
            for path in _walk(os.path.realpath(context.workspace), -1):
                self._note_loose(path)
            for path in _walk(os.path.realpath(context.home), HOME_DEPTH):
                self._note_loose(path)
        for path, found in self._members().items():
            if path not in self._known:
                self._learn(path, found)

    def look(self, hints: Iterable[Change] = ()) -> list[Violation]:
        """What changed since the last look, or since the beginning. `hints`: what watches told since; members among them that
        nobody knew of are told by their word alone, and looked at from now on.
        """
        hinted = {change.path: change.what for change in hints if self._member(change.path)}
        told = [
            Violation(path, "deleted", False) for path, did in hinted.items() if did == "deleted" and path not in self._known
        ]
        for path in hinted:
            self._note_loose(path)
        now = self._members()
        told += [found for path, stat_ in now.items() if (found := self._compare(path, stat_, hinted.get(path, "created")))]
        gone = [path for path in self._known if path not in now]
        return [*told, *(found for path in gone if (found := self._lost(path)))]

    def put_back(self, path: str) -> None:
        """Make a file what it was when it was last as it should be; what is there now is kept in its place.

        Raises NotKept, OSError.
        """
        kept = self._kept.get(path)
        if kept is None:
            raise NotKept(f"what {path} was is not kept: only files up to {MOST_KEPT // 1024} KiB are, while the daemon runs")
        content, mode = kept
        now = _content(path, MOST_KEPT)
        if now is None and os.path.lexists(path):
            raise NotKept(f"what is at {path} now is no file of at most {MOST_KEPT // 1024} KiB: move it away, then ask again")
        temporary = f"{path}.controlroom-{os.getpid()}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), stat.S_IMODE(mode))
                os.fsync(file.fileno())
            os.rename(temporary, path)
        except OSError:
            os.unlink(temporary)
            raise
        self._learn(path, os.lstat(path))
        if now is not None:
            self._kept[path] = (now, mode)

    # Inside

    def _members(self) -> dict[str, os.stat_result]:
        found: dict[str, os.stat_result] = {}
        self.left_out = 0
        for path, now in self._candidates():
            if path in found or not self._member(path):
                continue
            if len(found) >= MOST:
                self.left_out += 1
            else:
                found[path] = now
        return found

    def _candidates(self) -> Iterator[tuple[str, os.stat_result]]:
        for place in self._places:
            for path in glob.iglob(place, include_hidden=True) if any(c in place for c in "*?[") else (place,):
                yield from _below(path, MOST)
        for path in self._loose:
            yield from _below(path, 0)

    def _member(self, path: str) -> bool:
        if path not in self._is:
            if len(self._is) > 4 * MOST_WALKED:
                self._is.clear()
            self._is[path] = any(
                _protects(guard, path, context) for guard, context in zip(self._guards, self._contexts, strict=True)
            )
        return self._is[path]

    def _note_loose(self, path: str) -> None:
        if self._member(path) and len(self._loose) < MOST:
            self._loose[path] = None

    def _compare(self, path: str, found: os.stat_result, unknown: Did) -> Violation | None:
        """`unknown`: what happened to one that was not known before."""
        known, fact = self._known.get(path), _fact(found)
        if known is None:
            self._learn(path, found)
            return Violation(path, unknown, False)
        if known.fact == fact:
            return None
        if stat.S_ISDIR(found.st_mode) and _steady(known.fact) == _steady(fact):
            self._known[path] = _Known(fact, "")  # what is in it is told by its own members
            return None
        content = _content(path, MOST_HASHED)
        same = content is not None and _sum(content) == known.sum and _steady(known.fact) == _steady(fact)
        kept = path in self._kept
        self._known[path] = _Known(fact, _sum(content) if content is not None else "")
        return None if same else Violation(path, "written", kept)

    def _lost(self, path: str) -> Violation | None:
        """A path that was not looked at this time: gone, or one too many now."""
        del self._known[path]
        return None if os.path.lexists(path) else Violation(path, "deleted", path in self._kept)

    def _learn(self, path: str, found: os.stat_result) -> None:
        """Take what is there now as what it should be."""
        content = _content(path, MOST_HASHED)
        self._known[path] = _Known(_fact(found), _sum(content) if content is not None else "")
        room = MOST_KEPT_ALL - sum(len(kept) for kept, _ in self._kept.values())
        if content is not None and len(content) <= min(MOST_KEPT, room) and stat.S_ISREG(found.st_mode):
            self._kept[path] = (content, found.st_mode)


def _protects(guard: Guard, path: str, context: Context) -> bool:
    """Whether the guard says never-touch, and no program writes it in normal work."""
    if any(is_below(path, os.path.realpath(own)) or is_below(path, own) for own in context.own):
        return False
    hit = guard.hit(path, None)
    return hit is not None and hit.kind == "never" and not living(path, context.home)


def _placed(context: Context) -> Iterator[str]:
    """Where members with a place of their own are, as paths or glob patterns."""
    lists, manifest = builtin(), context.manifest
    ssh = [pattern for pattern in lists.store if pattern.startswith("~/.ssh/")]  # no program writes these by itself
    for pattern in (*lists.secret, *ssh, *manifest.write, *manifest.read):
        if not pattern.startswith(("~/", "/")) or pattern.strip("/") in ("", "~"):
            continue
        place = f"{os.path.realpath(context.home)}/{pattern[2:]}" if pattern.startswith("~/") else pattern
        if "\\" in place:  # gitignore's escapes: the names of one file
            place = glob.escape(re.sub(r"\\(.)", r"\1", place))
        yield place.partition("/**")[0].rstrip("/")


def _below(path: str, most: int) -> Iterator[tuple[str, os.stat_result]]:
    """A path and what is below it, on its own file system, links seen and not followed; `most` entries of a folder's whole."""
    try:
        found = os.lstat(path)
    except (OSError, ValueError):
        return
    if not _holds(found.st_mode):
        return
    yield path, found
    if most and stat.S_ISDIR(found.st_mode):
        for entry in _walk(path, -1, most):
            try:
                inner = os.lstat(entry)
            except OSError:
                continue
            if _holds(inner.st_mode):
                yield entry, inner


def _walk(top: str, depth: int, most: int = MOST_WALKED) -> Iterator[str]:
    """Everything below, breadth first, into no link and no other file system."""
    try:
        device = os.stat(top).st_dev
    except OSError:
        return
    queue, seen = [(top, 0)], 0
    for folder, deep in queue:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > most:
                return
            if seen % BREATH_ENTRIES == 0:
                time.sleep(BREATH_SECONDS)
            yield entry.path
            try:
                inner = entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_dev == device
            except OSError:
                continue
            if inner and (depth < 0 or deep < depth):
                queue.append((entry.path, deep + 1))


def _holds(mode: int) -> bool:
    """Files, folders and links; a socket, pipe or device holds nothing that could be lost."""
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _fact(found: os.stat_result) -> _Fact:
    owner = (found.st_uid, found.st_gid)
    return _Fact(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_mode, owner)


def _steady(fact: _Fact) -> tuple[int, tuple[int, int]]:
    """What must not change even where the content is the same: kind, mode, owner."""
    return fact.mode, fact.owner


def _content(path: str, most: int) -> bytes | None:
    """A file's bytes or a link's target; None where it is larger, no file, or may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError):
        return _target(path)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None
        content = b""
        while len(content) <= most and (part := os.read(descriptor, most + 1 - len(content))):
            content += part
        return content if len(content) <= most else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _target(path: str) -> bytes | None:
    try:
        return b"-> " + os.fsencode(os.readlink(path))
    except (OSError, ValueError):
        return None


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
