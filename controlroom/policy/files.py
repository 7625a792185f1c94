"""What an act on a file amounts to: where the path really leads, how bad it is there, and what it would take with it."""

import posixpath
import re
from functools import cached_property
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from controlroom.model.effect import EffectKind, Target
from controlroom.model.tier import Tier
from controlroom.policy.context import Context
from controlroom.policy.ledger import Ledger, Step
from controlroom.policy.limits import MAX_PATH, SCAN_ENTRIES
from controlroom.policy.paths import MINTED, absolute, is_below
from controlroom.policy.protect import Guard, Hit, worst
from controlroom.policy.tree import Scan, Stat, Tree

_SINKS = {
    "/dev/null",
    "/dev/zero",
    "/dev/stdout",
    "/dev/stderr",
    "/dev/stdin",
    "/dev/tty",
    "/dev/fd/63",  # what `>(command)` is called; the command is judged apart
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
}
_MAGIC = re.compile(r"^/proc/(self|thread-self|\d+)/(?:task/\d+/)?(root|cwd|fd|exe|map_files)(?=/|$)|^/dev/fd(?=/|$)")
_WORD = {
    EffectKind.READ: "reads",
    EffectKind.CREATE: "creates",
    EffectKind.WRITE: "overwrites",
    EffectKind.DELETE: "deletes",
    EffectKind.META: "changes mode, owner or times of",
}
_BOUNDED = "The exact files cannot be told beforehand; anything below the folder could match."


_STORE = re.compile(r"/\.git/(?!.*\.lock$)")
TEMPORARY = ("/tmp", "/var/tmp")


class Act(msgspec.Struct, frozen=True):
    """One act on one path. `path` may be relative to `cwd`; `cwd` None = not known.

    `certain` False: `path` is the known start of a name; `bounded`: whatever it becomes, it stays below `path`.
    `follow` False: a symlink in the last place is itself the target (rm, mv). `append`: keeps what is there. `moved`: a
    rename, which loses nothing. `deep`: takes what is below along; `only`: of that, the paths that this expression finds.
    `here` False: perhaps in another root, where other files lie. `rule`, `why`, `safer` go into the reason.
    """

    kind: EffectKind
    path: str
    cwd: str | None
    rule: str
    why: str = ""
    safer: str = ""
    certain: bool = True
    bounded: bool = False
    follow: bool = True
    append: bool = False
    moved: bool = False
    deep: bool = False
    only: str = ""
    here: bool = False


class _Folder(NamedTuple):
    """An act that takes a folder along, or may: what was found about it without looking inside."""

    act: Act
    kind: EffectKind
    real: str
    target: Target
    stat: Stat
    step: Step | None


class Files:
    """Judges acts on files and writes them to the ledger: `touch` each act, then `look` into the folders, once."""

    def __init__(self, context: Context, tree: Tree, ledger: Ledger) -> None:
        self._tree = tree
        self._ledger = ledger
        self._context = context
        self._written = frozenset(context.written)
        self._gone: set[str] = set()  # what is taken away directly below the workspace
        self._folders: list[_Folder] = []
        root = tree.realpath(context.workspace) or context.workspace
        home = tree.realpath(context.home) or context.home
        self.workspace = "" if is_below(home, root) else root
        self._started = root

    @cached_property
    def _guard(self) -> Guard:
        return Guard(self._context, self._tree)

    def touch(self, act: Act) -> None:
        """Judge one act by the path and what is at it; what is below a folder is looked at later."""
        if act.cwd is None and not act.path.startswith("/"):
            self._unplaced(act, "in a folder that cannot be told beforehand")
            return
        if not act.certain and not act.bounded:
            self._unplaced(act, "whose name is computed while it runs")
            return
        path = absolute(act.path or ".", act.cwd or "/")
        if path in _SINKS and act.kind in (EffectKind.WRITE, EffectKind.READ, EffectKind.CREATE):
            return
        real = self._resolve(path, follow=act.follow or act.path.endswith(("/", "/.")))
        if real is None:
            self._unplaced(act, "whose place cannot be told (link loop, no permission, or a /proc link)")
            return
        magic = _MAGIC.match(path)
        if magic and (magic[1] or "").isdigit() and act.kind is not EffectKind.READ:
            self._ledger.reason(Tier.T3, act.rule, f"Goes through {magic[0]}: what another process has open or stands in.")
        self._judge(act, path, real)

    def is_inside(self, real: str) -> bool:
        """Whether a resolved path lies in the workspace."""
        return bool(self.workspace) and is_below(real, self.workspace)

    def place(self, path: str, cwd: str | None) -> tuple[str, Stat | None]:
        """Where a path leads with every link followed, and what is there ("", None when that cannot be told)."""
        if cwd is None and not path.startswith("/"):
            return "", None
        real = self._resolve(absolute(path, cwd or "/"), follow=True)
        return (real, self._tree.lstat(real)) if real else ("", None)

    def below(self, real: str, most: int) -> Scan:
        """What lies below a resolved path, at most so many entries of it."""
        return self._tree.scan(real, most)

    def _resolve(self, path: str, *, follow: bool) -> str | None:
        if len(path) > MAX_PATH:
            return None
        path = self._linked(path)
        magic = _MAGIC.match(path)
        if magic:
            rest = path[magic.end() :]
            if magic[2] == "root" and magic[1] in ("self", "thread-self", "1"):
                return self._resolve(rest or "/", follow=follow)
            if magic[2] == "cwd" and magic[1] in ("self", "thread-self"):
                return self._resolve(self._started + rest, follow=follow)
            return path if path in ("/dev/fd/1", "/dev/fd/2") else self._through_proc(path)
        head, tail = posixpath.split(path)
        if follow or tail in ("..", ""):
            return self._tree.realpath(path)
        real = self._tree.realpath(head)
        return None if real is None else real.rstrip("/") + "/" + tail

    def _through_proc(self, path: str) -> str | None:
        """What another process has open or stands in (N07), where the name and the inode agree; else None."""
        magic = _MAGIC.match(path)
        if magic is None or not (magic[1] or "").isdigit():
            return None
        real = self._tree.realpath(path)
        here, there = self._tree.lstat(path), self._tree.lstat(real) if real else None
        if here is None or there is None or (here.dev, here.ino) != (there.dev, there.ino):
            return None
        return real

    def _linked(self, path: str) -> str:
        """`path` through the symlinks that earlier parts of the same action make, which are not on disk yet."""
        for place, to in self._ledger.links.items():
            if path.startswith(place + "/"):
                return absolute(to + path[len(place) :], posixpath.dirname(place))
        return path

    def _unplaced(self, act: Act, how: str) -> None:
        reading = act.kind is EffectKind.READ
        path = act.path if act.path.startswith("/") else ""
        stem = path.rsplit("/", 1)[0] or "/" if path else (act.cwd or "/")
        self._ledger.effect(act.kind, Target(stem, certain=False), file=not reading)
        if not reading:
            tier = Tier.T1 if act.kind is EffectKind.CREATE else Tier.T3
            self._ledger.reason(tier, act.rule, f"{act.why or 'This'}: {_WORD[act.kind]} a file {how}.", act.safer)

    def _judge(self, act: Act, path: str, real: str) -> None:
        stat = self._tree.lstat(real)
        if act.kind is EffectKind.READ:
            self._read(act, path, real, stat)
            return
        kind = act.kind
        if kind is EffectKind.WRITE and stat is None and real not in self._ledger.made:
            kind = EffectKind.CREATE
        elif kind is EffectKind.CREATE and stat is not None and stat.kind == "file":
            kind = EffectKind.CREATE if act.append else EffectKind.WRITE
        deep = stat is not None and stat.kind == "dir" and (act.deep or act.moved or kind is EffectKind.DELETE)
        vague = not act.certain and stat is not None and stat.kind == "dir" and kind in (EffectKind.WRITE, EffectKind.META)
        inside = self.is_inside(real)
        target = self._target(real, stat, inside=inside, certain=act.certain)
        self._ledger.effect(kind, target, file=True)
        hit = worst(self._guard.hit(name, stat) for name in dict.fromkeys((real, path)))
        if stat is not None and (deep or vague):
            hit = worst((hit, self._guard.holds(real, act.only)))
            self._folders.append(_Folder(act, kind, real, target, stat, self._ledger.step))
        self._protected(hit, real)
        tier, text = self._tier(act, kind, target, stat)
        if self._own(act, real, stat):
            self._ledger.reason_if_mixed(tier, act.rule, text, act.safer)
            tier, text = Tier.T1, f"{_say(act)} {real}, which the agent itself made."
        elif self._absent(act, kind, real, stat):
            self._ledger.reason_if_mixed(tier, act.rule, text, act.safer)
            tier, text = Tier.T1, f"{_say(act)} {real}, where nothing is."
        elif act.moved:
            self._ledger.mixed = True
        self._make(act, kind, real, stat, deep=deep)
        self._say_why(act, tier, text)
        if kind is EffectKind.DELETE and inside:
            self._everything(real)

    def _say_why(self, act: Act, tier: Tier, text: str) -> None:
        self._ledger.reason(tier, act.rule, text, act.safer)
        if not act.certain and tier >= Tier.T2:
            self._ledger.reason(tier, "target.could-match", _BOUNDED)

    def look(self) -> None:
        """Look into the folders that the acts take along: their numbers are filled in, a tier may only rise.

        Places that are known to hold members come first: the time may not last for all.
        """
        for folder in self._folders:
            with self._ledger.back_at(folder.step):
                self._protected(self._guard.members_in(folder.real, folder.act.only), folder.real)
        room, scans, counted = SCAN_ENTRIES, dict[str, Scan](), dict[Target, Target]()
        for folder in self._folders:
            if folder.real not in scans:
                scans[folder.real] = self._tree.scan(folder.real, max(room, 1))
                room = max(room - len(scans[folder.real].paths), 0)
            scan = scans[folder.real]
            target = replace(folder.target, files=scan.files, size=scan.size, partial=scan.partial)
            counted[folder.target] = target
            with self._ledger.back_at(folder.step):
                self._protected(self._guard.seen_in(folder.real, scan, folder.act.only), folder.real)
                if scan.partial:
                    self._say_why(folder.act, *self._tier(folder.act, folder.kind, target, folder.stat))
        self._ledger.fill(counted)

    def _absent(self, act: Act, kind: EffectKind, real: str, stat: Stat | None) -> bool:
        """Whether an act takes away what is not there, in a temporary folder: `rm -rf /tmp/out` before it is made anew."""
        named = act.path.startswith("/") and act.certain and act.here and not act.moved and not real.startswith(MINTED)
        return named and stat is None and kind is EffectKind.DELETE and _temporary(real)

    def _own(self, act: Act, real: str, stat: Stat | None) -> bool:
        """Whether an act loses nothing but what this action made, or a file that this session wrote in a temporary folder."""
        if not (act.certain or act.bounded):
            return False
        if stat is not None:
            return stat.kind == "file" and real in self._written and _temporary(real)
        fresh = self._ledger.fresh
        if not fresh or (real.startswith(MINTED) and any(char in real for char in "*?[")):  # an empty variable would mean /*
            return False
        return real in fresh or any(is_below(real, made) for made in fresh)

    def _make(self, act: Act, kind: EffectKind, real: str, stat: Stat | None, *, deep: bool) -> None:
        """Remember what the action makes or changes on its way."""
        if kind in (EffectKind.DELETE, EffectKind.META) or deep or (kind is EffectKind.CREATE and stat is not None):
            return
        if stat is None and act.certain and real not in self._ledger.made:
            self._ledger.fresh.add(real)
        self._ledger.made.add(real)
        self._ledger.content.pop(real, None)

    def _everything(self, real: str) -> None:
        """Taking every name in the workspace away, one by one or by a pattern, is taking the workspace away."""
        folder, name = posixpath.split(real)
        if folder != self.workspace:
            return
        self._gone.add(name)
        names = [name for name in self._tree.listdir(folder) or () if not name.startswith(".")]
        if len(names) > 1 and self._gone.issuperset(names):
            self._ledger.reason(Tier.T3, "target.everything", f"Takes away everything in {folder}.")

    def _target(self, real: str, stat: Stat | None, *, inside: bool, certain: bool) -> Target:
        known = stat is not None and stat.kind != "unknown"
        exists = None if stat is not None and not known else known
        regular = stat is not None and stat.kind == "file"
        tracked = self._tree.tracked(real) if regular and inside else None
        size = stat.size if regular and stat else None
        return Target(real, exists, 1 if regular else None, size, False, tracked, inside, certain)

    def _protected(self, hit: Hit | None, real: str) -> None:
        if hit is not None and hit.kind == "never":
            where = "is" if hit.path == real else f"holds {hit.path}, which is"
            self._ledger.reason(Tier.TX, "protect.never-touch", f"{real} {where} on the never-touch list.")
        elif hit is not None:
            where = "is" if hit.path == real else f"holds {hit.path}, which is"
            self._ledger.effect(EffectKind.CONFIG, Target(hit.path))
            self._ledger.reason(Tier.T3, "protect.guarded", f"{real} {where} guarded: settings, hooks or start-up files.")
        if self._guard.broken:
            self._ledger.reason(
                Tier.TX, "protect.manifest", f"The never-touch list is not to be trusted: {self._guard.broken}."
            )

    def _tier(self, act: Act, kind: EffectKind, target: Target, stat: Stat | None) -> tuple[Tier, str]:
        """The tier of an act by what is there and where it is (product.md, Tiers), with its sentence."""
        where = "inside the workspace" if target.inside else "outside the workspace"
        name = f"{target.path} {where}"
        if _device(target.path) and kind is not EffectKind.META:
            return Tier.T3, f"{_say(act)} a device: {name}."
        if stat is not None and stat.kind == "other" and kind is not EffectKind.META:
            return Tier.T3, f"{_say(act)} a device or socket: {name}."
        if stat is not None and stat.kind == "unknown":
            return Tier.T3, f"{_say(act)} something that cannot be looked at: {name}."
        if kind is EffectKind.CREATE:
            return Tier.T1, f"Creates or keeps {name}."
        if not target.inside:
            return Tier.T3, f"{_say(act)} {name}."
        if target.path == self.workspace and kind is EffectKind.DELETE and not act.only:
            return Tier.T3, f"{_say(act)} the workspace itself."
        if _STORE.search(target.path) and not act.moved:
            return Tier.T3, f"{_say(act)} {name}, which git keeps for itself."
        if target.partial:
            return Tier.T3, f"{_say(act)} {name}, too large to be looked through."
        if kind is EffectKind.DELETE:
            return (Tier.T1, f"Moves {name}.") if act.moved else (Tier.T2, f"{_say(act)} {name}.")
        if kind is EffectKind.META:
            return (Tier.T2 if act.deep and not act.append else Tier.T1), f"{_say(act)} {name}."
        empty = stat is not None and stat.kind == "file" and stat.size == 0 and target.path not in self._ledger.made
        if act.append or target.tracked or empty:
            return Tier.T1, f"Changes {name}, which git has or which loses nothing."
        if stat is not None and stat.kind == "dir" and not act.deep and (act.certain or act.append):
            return Tier.T1, f"Writes into {name}."
        return Tier.T2, f"{_say(act)} {name}, which git does not have."

    def _read(self, act: Act, path: str, real: str, stat: Stat | None) -> None:
        hit = worst(self._guard.reading(name, stat) for name in dict.fromkeys((real, path)))
        if hit is None and stat is not None and stat.kind == "dir":
            inside = None if act.certain else self._guard.reading(real.rstrip("/") + "/any", None)
            hit = self._guard.secret_below(real) if act.deep else inside
        if hit is None:
            self._ledger.effect(EffectKind.READ, Target(real))
            return
        self._ledger.effect(EffectKind.SECRETS, Target(real, stat is not None), file=True)
        if hit.kind == "unread":
            self._ledger.reason(Tier.TX, "protect.unread", f"{real} may not even be read: the manifest says so.")
        else:
            where = real if hit.path == real else f"{real} with {hit.path}"
            self._ledger.reason(Tier.T3, "protect.secret", f"Reads {where}, a private key or credential.")


def _temporary(path: str) -> bool:
    return any(is_below(path, folder) and path != folder for folder in TEMPORARY)


def _device(path: str) -> bool:
    """Whether a path is a device or a switch of the kernel by its place, there or not (shared memory and terminals aside)."""
    if path.startswith(("/proc/", "/sys/")):
        return True
    return path.startswith("/dev/") and not path.startswith(("/dev/shm/", "/dev/pts/", "/dev/fd/"))


def _say(act: Act) -> str:
    return f"{act.why}: {_WORD[act.kind]}" if act.why else _WORD[act.kind].capitalize()
