"""The two lists on resolved paths: what may never be touched, and what is guarded (product.md, rows N01 to N15)."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import resources

import msgspec
from pathspec import GitIgnoreSpec

from controlroom.policy.context import Context
from controlroom.policy.limits import MAX_DIFF, MEMBER_ENTRIES
from controlroom.policy.manifest import Manifest
from controlroom.policy.paths import folded, is_below
from controlroom.policy.tree import Scan, Stat, Tree


class Protected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The built-in lists, as data/protected.toml has them."""

    secret: tuple[str, ...]
    store: tuple[str, ...]
    guarded: tuple[str, ...]
    living: tuple[str, ...] = ()


class Hit(msgspec.Struct, frozen=True):
    """A protected thing that a path means or holds: which list (`never`, `secret`, `unread`, `guarded`) and which path."""

    kind: str
    path: str


_DENIED = ("never", "unread")


def worst(hits: Iterable[Hit | None]) -> Hit | None:
    """The first hit that is denied, else the first."""
    found: Hit | None = None
    for hit in hits:
        if hit is not None and hit.kind in _DENIED:
            return hit
        found = found or hit
    return found


@lru_cache(maxsize=1)
def builtin() -> Protected:
    """The built-in lists. Raises msgspec.ValidationError naming the key of a broken file."""
    text = resources.files("controlroom.policy").joinpath("data/protected.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), Protected)


_ANYWHERE = "^(?:.+/)?"  # how pathspec begins a pattern that may match in any folder


def _either(sources: list[str]) -> str:
    return "|".join(sources) or r"(?!)"


class _Patterns:
    """One compiled list: a combined expression refuses most paths in one step, gitignore's own rules decide the rest."""

    def __init__(self, patterns: tuple[str, ...], base: str) -> None:
        self._base = folded(base).rstrip("/") + "/"
        self.spec = GitIgnoreSpec.from_lines(patterns)
        self.fixed = tuple({prefix for pattern in patterns if (prefix := _fixed_part(pattern, base))})
        sources = [p.regex.pattern.replace("?P<ps_d>", "?:") for p in self.spec.patterns if p.include and p.regex]
        anywhere = [source.removeprefix(_ANYWHERE) for source in sources if source.startswith(_ANYWHERE)]
        placed = [source.removeprefix("^") for source in sources if not source.startswith(_ANYWHERE)]
        self.quick = re.compile(f"^(?:{_either(placed)})|(?:^|/)(?:{_either(anywhere)})")

    def match(self, path: str) -> bool:
        """Whether an absolute, resolved path is on the list."""
        name = folded(path)
        if not name.startswith(self._base):
            return False
        relative = name[len(self._base) :].replace("\n", "\r")  # gitignore's expressions end at a line's end
        if not self.quick.search(relative + "/"):
            return False
        return self.spec.match_file(relative) or self.spec.match_file(relative + "/")


def _fixed_part(pattern: str, base: str) -> str:
    """The directory or file that every match of an anchored pattern is below, "" for one that matches anywhere."""
    if pattern.startswith(("!", "**/")) or "/" not in pattern.rstrip("/"):
        return ""
    parts: list[str] = []
    for part in pattern.strip("/").split("/"):
        if any(char in part for char in "*?[\\"):
            break
        parts.append(part)
    return base.rstrip("/") + "/" + "/".join(parts)


def _placed(patterns: tuple[str, ...], homes: tuple[str, ...]) -> tuple[str, ...]:
    """Patterns with `~/` replaced by every name of the home folder, and those with inner slashes matching anywhere."""
    found: list[str] = []
    for pattern in patterns:
        sign, rest = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        if rest.startswith("~/"):
            found += [sign + home.rstrip("/") + rest[1:] for home in homes]
        elif rest.startswith(("/", "**/")) or "/" not in rest.rstrip("/"):
            found.append(sign + rest)
        else:
            found.append(f"{sign}**/{rest}")
    return tuple(found)


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...], base: str, homes: tuple[str, ...], *, anywhere: bool = True) -> _Patterns:
    placed = _placed(patterns, homes) if anywhere else patterns
    return _Patterns(tuple(pattern.casefold() for pattern in placed), base)


def living(path: str, home: str) -> bool:
    """Whether a never-touch path is one that its own program writes in normal work: logs and memories of agents too."""
    lists = builtin()
    still = tuple(f"!{pattern}" for pattern in lists.store if pattern.startswith("~/.ssh/"))
    return _compiled((*lists.living, *lists.store, *still), "/", (home,)).match(path)


def matched(pattern: str, home: str, tree: Tree, base: str = "/") -> int | None:
    """How many files and folders a line of a manifest means now, about MEMBER_ENTRIES at most (N13).

    None = anywhere, or none in the part that could be looked at.
    """
    homes = (tree.realpath(home) or home,)  # by one name: what is there is counted once
    patterns = _compiled((pattern.removeprefix("read:").lstrip(),), base, homes)
    if pattern.startswith("!") or not patterns.fixed:
        return None
    found, whole = 0, True
    for place in patterns.fixed:
        if tree.lstat(place) is not None:
            scan = tree.scan(place, MEMBER_ENTRIES)
            whole = whole and not scan.partial
            found += sum(1 for name in (place, *scan.paths) if patterns.match(name))
    return found if found or whole else None


class Guard:
    """The lists as they are for one action: built-in, the user's manifest, the workspace's `.never-touch`."""

    def __init__(self, context: Context, tree: Tree) -> None:
        self._tree = tree
        homes = tuple(dict.fromkeys((context.home, tree.realpath(context.home) or context.home)))
        self._own = tuple({name for own in context.own for name in (own, tree.realpath(own) or own)})
        self._workspace = tree.realpath(context.workspace) or context.workspace
        lists = builtin()
        user = context.manifest
        self._secret = _compiled(lists.secret, "/", homes)
        self._guarded = _compiled(lists.guarded, "/", homes)
        self._never = [self._secret, _compiled(lists.store, "/", homes)]
        self._unread: list[_Patterns] = []
        self._take(user, homes, anywhere=user.base == "/")
        self.broken = user.broken or self._from_workspace(homes)
        self._members: frozenset[tuple[int, int]] | None = None

    def _take(self, manifest: Manifest, homes: tuple[str, ...], *, anywhere: bool) -> None:
        if manifest.write or manifest.read:
            patterns = _compiled(manifest.write + manifest.read, manifest.base, homes, anywhere=anywhere)
            self._never.append(patterns)
        if manifest.read:
            self._unread.append(_compiled(manifest.read, manifest.base, homes, anywhere=anywhere))

    def _from_workspace(self, homes: tuple[str, ...]) -> str:
        path = self._workspace.rstrip("/") + "/.never-touch"
        if self._tree.lstat(path) is None:
            return ""
        raw = self._tree.read(path, MAX_DIFF)
        try:
            text = (raw or b"").decode()
            if raw is None or len(raw) == MAX_DIFF:
                return f"{path} cannot be read whole"
            self._take(Manifest.parse(text, path, self._workspace, strengthen_only=True), homes, anywhere=False)
        except ValueError as error:
            return f"{path} cannot be used: {error}"
        return ""

    def hit(self, path: str, stat: Stat | None) -> Hit | None:
        """What a resolved path itself is, under each of its names and by inode, never-touch before guarded (N01, N02, N06)."""
        return worst(self._hit(name, stat) for name in (path, *self._tree.elsewhere(path)))

    def _hit(self, path: str, stat: Stat | None) -> Hit | None:
        if any(is_below(path, own) for own in self._own):
            return Hit("never", path)
        if any(patterns.match(path) for patterns in self._never):
            return Hit("never", path)
        if stat is not None and stat.kind == "file" and stat.nlink > 1 and (stat.dev, stat.ino) in self._inodes():
            return Hit("never", path)
        return Hit("guarded", path) if self._guarded.match(path) else None

    def asked(self, path: str) -> bool:
        """Whether a line of the user's or of the workspace's means a resolved path, and not the built-in lists alone."""
        return any(patterns.match(path) for patterns in self._never[2:])

    def reading(self, path: str, stat: Stat | None) -> Hit | None:
        """What reading a resolved path means: `unread` (forbidden), `secret` (asks), or nothing."""
        return worst(self._reading(name, stat) for name in (path, *self._tree.elsewhere(path)))

    def _reading(self, path: str, stat: Stat | None) -> Hit | None:
        if any(patterns.match(path) for patterns in self._unread):
            return Hit("unread", path)
        linked = stat is not None and stat.kind == "file" and stat.nlink > 1
        if self._secret.match(path) or (linked and stat and (stat.dev, stat.ino) in self._inodes()):
            return Hit("secret", path)
        return None

    def secret_below(self, path: str) -> Hit | None:
        """The secret with a fixed place that a folder holds, when it is read as a whole."""
        return next((Hit("secret", place) for place in self._places(self._secret, path)), None)

    def holds(self, path: str, only: str = "") -> Hit | None:
        """What a directory is known to hold by fixed places alone (N08). `only`: an expression that finds the paths meant."""
        return worst(
            hit
            for place, name in self._names(path)
            for hit in (self.hit(name, None) if name != place else None, self._fixed_below(name, only))
        )

    def members_in(self, path: str, only: str = "") -> Hit | None:
        """What lies in the fixed places that a directory holds: each of them is looked through, as far as the tree goes."""
        return worst(self._member_below(name, only) for _, name in self._names(path))

    def seen_in(self, path: str, scan: Scan, only: str = "") -> Hit | None:
        """Which of the paths that a scan of a directory saw are members, by name, by inode, and by their other names."""
        members = self._inodes() if scan.linked else frozenset()
        if other := next((p for dev, ino, p in scan.linked if (dev, ino) in members and re.search(only, p)), ""):
            return Hit("never", other)
        return worst(self._seen(place, name, scan, only) for place, name in self._names(path))

    def _names(self, path: str) -> Iterator[tuple[str, str]]:
        """A directory and every mount point in it, with each of the other names they have; first itself by its own."""
        yield path, path
        for place in (path, *self._tree.mounts(path)):
            for name in self._tree.elsewhere(place):
                yield place, name

    def _lists(self) -> Iterator[tuple[str, _Patterns]]:
        yield from (("never", never) for never in self._never)
        yield "guarded", self._guarded

    def _fixed_below(self, path: str, only: str) -> Hit | None:
        if any(is_below(own, path) for own in self._own):
            return Hit("never", path)
        return worst(
            Hit(kind, place)
            for kind, patterns in self._lists()
            for place in self._places(patterns, path)
            if patterns.match(place) and re.search(only, place)
        )

    def _member_below(self, path: str, only: str) -> Hit | None:
        return worst(
            Hit(kind, name)
            for kind, patterns in self._lists()
            for place in self._places(patterns, path)
            for name in self._tree.scan(place, MEMBER_ENTRIES).paths
            if patterns.match(name) and re.search(only, name)
        )

    def _seen(self, place: str, name: str, scan: Scan, only: str) -> Hit | None:
        names = [name + path[len(place) :] for path in scan.paths if is_below(path, place)]
        return worst(
            Hit(kind, path)
            for kind, patterns in self._lists()
            for path in names
            if patterns.match(path) and re.search(only, path)
        )

    def _places(self, patterns: _Patterns, path: str) -> Iterator[str]:
        """The fixed places of a list that are there, spelled from `path` down (patterns are case folded)."""
        base = folded(path)
        for fixed in patterns.fixed:
            if is_below(fixed, base):
                place = path.rstrip("/") + fixed[len(base.rstrip("/")) :]
                if self._tree.lstat(place) is not None:
                    yield place

    def _inodes(self) -> frozenset[tuple[int, int]]:
        """(dev, ino) of the members that can be found in bounded time: below fixed places, own folders, the workspace."""
        if self._members is None:
            places = {place for patterns in self._never for place in patterns.fixed} | set(self._own) | {self._workspace}
            found: set[tuple[int, int]] = set()
            for place in sorted(places):
                for name in (place, *self._tree.scan(place, MEMBER_ENTRIES).paths):
                    member = any(is_below(name, own) for own in self._own) or any(p.match(name) for p in self._never)
                    stat = self._tree.lstat(name) if member else None
                    if stat is not None and stat.kind == "file":
                        found.add((stat.dev, stat.ino))
            self._members = frozenset(found)
        return self._members
