"""What of a git repository only a branch, a stash, a reflog or the index holds on to: commits, trees and contents, as packs.

An act that takes such a name away leaves these objects to git's own collection: in weeks, or at the next `git gc --prune=now`.
So git's plumbing packs them into the store, without what a remote-tracking branch has too. git runs in a folder of ours and is
lent the repository's objects only: no setting, hook or filter of the repository is read, so nothing an agent put there is run.
"""

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from controlroom.storage.port import Mode, put
from controlroom.storage.snapshots.budget import human
from controlroom.storage.snapshots.disk import Disk, parent_of
from controlroom.storage.snapshots.manifest import History, Pack, Root, shown
from controlroom.storage.snapshots.store import TEMPORARY, Store
from controlroom.storage.snapshots.walk import Found, walk

MOST_READ = 64 << 20  # bytes of the files that name objects
MOST_PACKS = 8  # of one repository that build on each other; then a whole one is made again
BEAT_SECONDS = 0.2

_ID = re.compile(rb"(?<![0-9a-f])(?:[0-9a-f]{64}|[0-9a-f]{40})(?![0-9a-f])")
_REMOTE = re.compile(rb"^([0-9a-f]{40,64}) refs/remotes/", re.MULTILINE)
_NAMING = (b"packed-refs", b"refs", b"logs", b"worktrees", b"rebase-merge", b"rebase-apply", b"sequencer")
_FORMATS = {40: "sha1", 64: "sha256"}
_CONFIG = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = {}\n"
_QUIET = ("-c", "core.commitGraph=false", "-c", "core.multiPackIndex=false", "-c", "pack.threads=1")


class NoHistory(Exception):
    """The objects of a repository cannot be saved, looked for or brought back; the text says why."""


class NoGit(NoHistory):
    """There is no git here."""


class _Ready(NamedTuple):
    """What is to be packed: what the tips lead to and `nots` and `had` do not. `packs`: the earlier ones, which have `had`."""

    ours: "_Git"
    tips: set[bytes]
    nots: set[bytes]
    had: set[bytes]
    packs: tuple[Pack, ...]


class _Named(NamedTuple):
    """Ids that the files of a repository hold; `elsewhere`: of them those of remote-tracking branches; files like its index."""

    ids: set[bytes]
    elsewhere: set[bytes]
    indexes: list[bytes]


def save(store: Store, git: bytes, name: str, most: int, in_time: Callable[[], None]) -> History | None:
    """Pack what is named in the repository `git` (a `.git` folder), as far as earlier packs do not have it; None = nothing is.

    `most`: bytes of the pack. `in_time` raises where there is no time left. Blocking. Raises NoHistory, CannotSave, Moved,
    OSError.
    """
    ready = _ready(store, git, in_time)
    if ready is None:
        return None
    ours, tips, nots, had, packs = ready
    fresh = _pack(store, ours, tips, nots | had, name, most)
    history = store.histories[git] = History(git, ours.length // 2, _bytes(tips), _bytes(nots), packs + fresh)
    return history


def weigh(store: Store, git: bytes, most: int, in_time: Callable[[], None]) -> int:
    """About how many bytes `save` would pack, without packing. Raises as `save` does where that can be told beforehand."""
    ready = _ready(store, git, in_time)
    if ready is None:
        return 0
    given = _lines(ready.tips, ready.nots | ready.had)
    size = int(ready.ours.run("rev-list", "--objects", "--disk-usage", "--missing=allow-any", "--stdin", given=given))
    if size > most:
        raise NoHistory(f"{human(size)}, {human(size - most)} over the limit")
    return size


def left_out(git: bytes, why: NoHistory) -> str:
    """That these objects are not in a snapshot, for the operator."""
    return f"objects of {shown(git)} ({why}); git itself keeps them for weeks"


def _ready(store: Store, git: bytes, in_time: Callable[[], None]) -> _Ready | None:
    named = _named(store.disk, git)
    for length in _FORMATS:
        if ids := {i for i in named.ids if len(i) == length}:
            break
    else:
        return None
    ours = _Git(store, git, length, in_time)
    for index in named.indexes:
        ids.update(_ID.findall(ours.run("ls-files", "--stage", "-z", GIT_INDEX_FILE=os.fsdecode(index))))
    tips, nots = ours.there(ids), ours.there(named.elsewhere)
    if not tips:
        return None
    base = store.histories.get(git)
    if base and _goes_on(store, base, ours, nots):
        return _Ready(ours, tips, nots, base.ids(base.tips), base.packs)
    return _Ready(ours, tips, nots, set(), ())


def _goes_on(store: Store, base: History, ours: "_Git", nots: set[bytes]) -> bool:
    """Whether packs can be added to those of an earlier history, all of which must still be there."""
    if len(base.packs) >= MOST_PACKS or not all(store.holds(pack.object, pack.size) for pack in base.packs):
        return False
    # What it left out because a remote-tracking branch had it must still be had by one; and git must know where to end.
    tips = base.ids(base.tips)
    return base.ids(base.elsewhere) <= nots and ours.there(tips) == tips


def _pack(store: Store, ours: "_Git", tips: set[bytes], nots: set[bytes], name: str, most: int) -> tuple[Pack, ...]:
    """A pack of what the tips lead to and `nots` do not; () where that is nothing."""
    temporary = store.objects / f"{TEMPORARY}{name}-pack"
    store.disk.remove(temporary)
    fd = store.disk.open(temporary, Mode.CREATE)
    try:
        words = ("pack-objects", "--revs", "--stdout", "-q", "--window=0", "--delta-base-offset", "--missing=allow-any")
        ours.run(*words, given=_lines(tips, nots), into=fd, most=most)
        if store.disk.read(fd, 12, 0)[8:] == bytes(4):  # of no objects
            return ()
        store.disk.sync(fd)
        size = store.disk.fstat(fd).st_size
        digest = store.sum_of(fd)
        store.keep(temporary, digest)
        return (Pack(digest, size),)
    finally:
        store.disk.close(fd)
        store.disk.remove(temporary)


def _lines(tips: set[bytes], nots: set[bytes]) -> bytes:
    return b"".join([*(i + b"\n" for i in sorted(tips)), *(b"^" + i + b"\n" for i in sorted(nots))])


def _bytes(ids: set[bytes]) -> bytes:
    return bytes.fromhex(b"".join(sorted(ids)).decode())


def is_whole(store: Store, history: History, in_time: Callable[[], None] = lambda: None) -> bool:
    """Whether everything that the tips lead to is in the repository now. Blocking. Raises NoHistory, OSError."""
    try:
        ours = _Git(store, history.git, history.length * 2, in_time)
        tips, nots = history.ids(history.tips), ours.there(history.ids(history.elsewhere))
        ours.run("rev-list", "--objects", "--quiet", "--stdin", given=_lines(tips, nots))
    except _Failed:
        return False
    return True


def bring_back(store: Store, history: History) -> None:
    """Give the repository the packs, durably. Blocking. Raises NoHistory, Damaged, OSError."""
    disk = store.disk
    with parent_of(disk, history.git + b"/objects") as (at, name):
        if name not in (n for n, _ in disk.listing(at)):
            disk.mkdir(at, name)
        folder = disk.open_folder(at, name)  # a link is not followed
    try:
        ours = _Git(store, history.git, history.length * 2, lambda: None, f"/proc/self/fd/{folder}", folder)
        for pack in history.packs:
            fd = disk.open(store.path(pack.object), Mode.READ)
            try:
                ours.run("index-pack", "--stdin", source=fd)
            finally:
                disk.close(fd)
    except _Failed as e:
        raise NoHistory(str(e)) from e
    finally:
        disk.close(folder)


def _named(disk: Disk, git: bytes) -> _Named:
    """Every id in the files that name objects, remote-tracking branches apart."""
    found = _Named(set(), set(), [])
    left = MOST_READ
    with parent_of(disk, git + b"/x") as (at, _):
        names = [name for name, _ in disk.listing(at)]
    if b"reftable" in names:
        raise NoHistory("its branches lie in a reftable, which is saved, but not read")
    tops = [name for name in names if name in (*_NAMING, b"index") or name.endswith(b"HEAD")]
    for top in tops:
        for one in walk(disk, Root(git + b"/" + top)):
            if not isinstance(one, Found) or not stat.S_ISREG(one.stat.st_mode):
                continue
            if one.name == b"index":
                found.indexes.append(one.path)
                continue
            left -= one.stat.st_size
            if left < 0:
                raise NoHistory(f"the names in {shown(git)} take over {MOST_READ >> 20} MiB")
            _read(disk, one, git, found)
    found.ids.difference_update({b"0" * 40, b"0" * 64})
    return found


def _read(disk: Disk, one: Found, git: bytes, found: _Named) -> None:
    fd = disk.open_file(one.at, one.name)
    try:
        text = disk.read(fd, MOST_READ, 0)
    finally:
        disk.close(fd)
    ids = set(_ID.findall(text))
    found.ids.update(ids)
    if one.path.startswith(git + b"/refs/remotes/"):
        found.elsewhere.update(ids)
    elif one.path == git + b"/packed-refs":
        found.elsewhere.update(_REMOTE.findall(text))


class _Failed(NoHistory):
    """git said no; the text is what it said."""


class _Git:
    """git with settings of ours, on the objects of one repository."""

    def __init__(
        self, store: Store, git: bytes, length: int, in_time: Callable[[], None], objects: str = "", keep: int = -1
    ) -> None:
        program = shutil.which("git")
        if program is None:
            raise NoGit("git is not installed")
        self.length = length  # of an id
        self._program, self._in_time, self._keep = program, in_time, (keep,) if keep >= 0 else ()
        self._env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_DIR": str(_folder(store, _FORMATS[length])),
            "GIT_OBJECT_DIRECTORY": objects or os.fsdecode(git + b"/objects"),
            "GIT_SHALLOW_FILE": os.fsdecode(git + b"/shallow"),
        }

    def there(self, ids: set[bytes]) -> set[bytes]:
        """Which of them the repository has."""
        told = self.run("cat-file", "--batch-check=%(objectname)", given=b"".join(i + b"\n" for i in sorted(ids)))
        return {line for line in told.splitlines() if not line.endswith(b" missing")}

    def run(self, *words: str, given: bytes = b"", source: int = -1, into: int = -1, most: int = 1 << 62, **env: str) -> bytes:
        """What it prints; into the descriptor `into` where one is given, at most `most` bytes. Raises _Failed, NoHistory."""
        self._in_time()
        process = subprocess.Popen(
            [self._program, *_QUIET, *words],
            stdin=source if source >= 0 else subprocess.PIPE,
            stdout=into if into >= 0 else subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**self._env, **env},
            pass_fds=self._keep,
        )
        with process:
            try:
                out, said = self._wait(process, given if source < 0 else None, into, most)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            raise _Failed(f"git {words[0]}: {said.decode('utf-8', 'backslashreplace').strip()[:200]}")
        return out

    def _wait(self, process: "subprocess.Popen[bytes]", given: bytes | None, into: int, most: int) -> tuple[bytes, bytes]:
        while True:
            try:
                out, said = process.communicate(given, BEAT_SECONDS)
            except subprocess.TimeoutExpired:
                given = None
                self._in_time()
                size = os.fstat(into).st_size if into >= 0 else 0
            else:
                size = os.fstat(into).st_size if into >= 0 else 0
                if size <= most:
                    return out or b"", said
            if size > most:
                raise NoHistory(f"more than the {human(most)} that the limit leaves")


def _folder(store: Store, form: str) -> Path:
    """An empty repository of ours, for nothing but git's wish to be in one."""
    folder = store.folder / "git" / form
    for one in (folder.parent, folder, folder / "refs"):
        store.disk.secure(one)
    wanted = {"HEAD": "ref: refs/heads/none\n", "config": _CONFIG.format(form)}
    for name, text in wanted.items():
        if name not in store.disk.names(folder):
            put(store.disk, folder / name, text.encode())
    return folder
