"""Making a snapshot: every root is gone through, its content copied into the store and read again; the list comes last."""

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple

import msgspec

from controlroom.model.snapshot import Saved
from controlroom.storage.port import Mode
from controlroom.storage.snapshots import history
from controlroom.storage.snapshots.budget import Budget, human
from controlroom.storage.snapshots.disk import parent_of, write_whole
from controlroom.storage.snapshots.manifest import Around, Damaged, Entry, History, Kind, Manifest, Root, shown
from controlroom.storage.snapshots.store import TEMPORARY, Store
from controlroom.storage.snapshots.walk import CannotSave, Found, Gone, Moved, special, walk

SMALL = 128 << 10  # bytes; smaller files share one object, so that ten thousand of them cost one sync
PIECE = 8 << 20
PACKING = 0.75  # of the time that a snapshot may take: then what git packs is left out, rather than all of it lost
TRIES = 3  # where something is changed while it is saved


class _Inside(NamedTuple):
    object: str  # "" = the shared one, whose name is known at its end
    at: int
    sha256: str


def take(
    store: Store,
    name: str,
    roots: Iterable[Root],
    budget: Budget,
    gone: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Saved:
    """Save what is at the roots, under the receipt's name, verified and on the disk. `gone`: whether nobody wants it any more.

    Blocking. Never raises for what the disk or the files do: `Saved.why` says then why there is none, and nothing of it counts.
    """
    wanted, begun, why = tuple(roots), clock(), ""
    with store.making():
        for _ in range(TRIES):
            maker = _Maker(store, name, budget, gone, lambda: (clock() - begun) / budget.seconds)
            try:
                return maker.make(wanted)
            except Moved as e:
                why = f"{e} while it was saved, {TRIES} times"
            except (CannotSave, Damaged) as e:
                return Saved("", why=str(e))
            except OSError as e:
                return Saved("", why=f"{e.strerror or e}" + (f": {shown(os.fsencode(e.filename))}" if e.filename else ""))
            finally:
                maker.close()
    return Saved("", why=why)


class _Maker:
    """One try."""

    def __init__(self, store: Store, name: str, budget: Budget, gone: Callable[[], bool], spent: Callable[[], float]) -> None:
        self._store, self._disk, self._name, self._budget = store, store.disk, name, budget
        self._gone, self._spent = gone, spent  # how much of its time, as a share
        self._entries: list[Entry | tuple[Entry, _Inside]] = []
        self._left: list[str] = []
        self._bytes = 0
        self._same: dict[tuple[int, int], tuple[Entry, _Inside]] = {}  # files of more than one name
        self._hasher = ThreadPoolExecutor(1, thread_name_prefix="snapshot")  # reads behind the copy
        self._shared = store.objects / f"{TEMPORARY}{name}-shared"
        self._big = store.objects / f"{TEMPORARY}{name}-big"
        self._fd = -1
        self._at = 0
        self._sum = hashlib.sha256()
        self._buffer = bytearray()
        self._known: dict[str, int] = {}

    def close(self) -> None:
        """Give everything back; what has no name yet goes."""
        self._hasher.shutdown(wait=True)
        if self._fd >= 0:
            self._disk.close(self._fd)
            self._fd = -1
        for path in (self._shared, self._big):
            try:
                self._disk.remove(path)
            except OSError:
                continue  # the next collection removes it

    def make(self, roots: tuple[Root, ...]) -> Saved:
        around = tuple(self._around(folder) for folder in sorted({os.path.dirname(r.path) or b"/" for r in roots}))
        for root in roots:
            for found in walk(self._disk, root):
                self._add(found)
        histories = tuple(h for git in sorted({r.git for r in roots if r.git}) if (h := self._history(git)))
        digest = self._close_shared()
        entries = tuple(e if isinstance(e, Entry) else _placed(*e, digest) for e in self._entries)
        around_ = tuple(a for a in around if a)
        manifest = Manifest(self._name, roots, entries, around_, tuple(self._left), histories=histories)
        self._in_time()
        seal = self._store.seal(manifest, {digest} if digest else set())
        return Saved(seal, manifest.files, manifest.size, manifest.left_out)

    def _history(self, git: bytes) -> History | None:
        """What only this repository's names hold on to; git keeps it for weeks, so a snapshot without it is one."""
        if not os.path.isdir(git):
            return None
        try:
            found = history.save(self._store, git, self._name, self._budget.bytes - self._bytes, self._packing)
        except history.NoHistory as e:
            self._left.append(history.left_out(git, e))
            return None
        self._bytes += found.size if found else 0
        return found

    def _around(self, folder: bytes) -> Around | None:
        try:
            with parent_of(self._disk, folder + b"/x") as (at, _):
                return Around(folder, self._disk.fstat(at).st_mtime_ns, names_of([n for n, _ in self._disk.listing(at)]))
        except FileNotFoundError:
            return None

    def _in_time(self) -> None:
        if self._gone():
            raise CannotSave("nobody waits for it any more")
        if self._spent() > 1:
            raise CannotSave(f"it takes over {self._budget.seconds:.0f} s, which is the limit")

    def _packing(self) -> None:
        self._in_time()
        if self._spent() > PACKING:
            raise history.NoHistory(f"over {PACKING * self._budget.seconds:.0f} s, which is the limit")

    def _add(self, found: Found | Gone) -> None:
        if len(self._entries) >= self._budget.files:
            raise CannotSave(f"over {self._budget.files} files and folders, which is the limit")
        if len(self._entries) % 64 == 0:
            self._in_time()
        if isinstance(found, Gone):
            self._entries.append(Entry(found.path, Kind.ABSENT))
        elif stat.S_ISREG(found.stat.st_mode):
            self._entries.append(self._file(found))
        elif stat.S_ISDIR(found.stat.st_mode):
            self._entries.append(self._folder(found))
        elif stat.S_ISLNK(found.stat.st_mode):
            self._entries.append(_entry(found, found.stat, Kind.LINK, target=self._disk.read_link(found.at, found.name)))
        else:
            self._left.append(f"{special(found.stat.st_mode)} {shown(found.path)}")

    def _folder(self, found: Found) -> Entry:
        try:
            fd = self._disk.open_folder(found.at, found.name)
        except (FileNotFoundError, NotADirectoryError) as e:
            raise Moved(f"{shown(found.path)} is no longer the folder that it was") from e
        try:
            return _entry(found, self._disk.fstat(fd), Kind.FOLDER, xattrs=self._disk.xattrs(fd))
        finally:
            self._disk.close(fd)

    def _file(self, found: Found) -> tuple[Entry, _Inside]:
        key = (found.stat.st_dev, found.stat.st_ino)
        if found.stat.st_nlink > 1 and key in self._same:
            entry, inside = self._same[key]
            return _entry(found, found.stat, Kind.FILE, extents=entry.extents, xattrs=entry.xattrs), inside
        try:
            fd = self._disk.open_file(found.at, found.name)
        except OSError as e:
            if e.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
                raise Moved(f"{shown(found.path)} is no longer the file that it was") from e
            raise
        try:
            before = self._disk.fstat(fd)
            if (before.st_dev, before.st_ino) != key:
                raise Moved(f"{shown(found.path)} was exchanged")
            self._bytes += min(before.st_size, before.st_blocks * 512)
            if self._bytes > self._budget.bytes:
                raise CannotSave(f"over {human(self._budget.bytes)}, which is the limit")
            small = before.st_size <= SMALL
            extents = () if small else extents_of(fd, before)
            inside = self._small(fd, before.st_size) if small else self._large(fd, before.st_size, extents)
            after = self._disk.fstat(fd)
            if _content_facts(before) != _content_facts(after):
                raise Moved(f"{shown(found.path)} was written to")
            made = _entry(found, before, Kind.FILE, extents=extents, xattrs=self._disk.xattrs(fd)), inside
        finally:
            self._disk.close(fd)
        if before.st_nlink > 1:
            self._same[key] = made
        return made

    def _small(self, fd: int, size: int) -> _Inside:
        """Into the shared object."""
        data = self._disk.read(fd, size + 1, 0) if size else b""
        if len(data) != size:
            raise Moved("a file changed its size")
        if not size:
            return _Inside("", 0, "")
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._known:
            self._known[digest] = self._at
            self._at += size
            self._buffer += data
            if len(self._buffer) >= PIECE:
                self._flush()
        return _Inside("", self._known[digest], digest)

    def _flush(self) -> None:
        if self._fd < 0:
            self._disk.remove(self._shared)
            self._fd = self._disk.open(self._shared, Mode.CREATE)
        data = bytes(self._buffer)
        self._buffer.clear()
        summing = self._hasher.submit(self._sum.update, data)
        write_whole(self._disk, self._fd, data)
        summing.result()

    def _close_shared(self) -> str:
        if not self._at:
            return ""
        self._flush()
        self._disk.sync(self._fd)
        self._disk.close(self._fd)
        self._fd = -1
        digest = self._sum.hexdigest()
        self._store.keep(self._shared, digest)
        return digest

    def _large(self, fd: int, size: int, extents: tuple[tuple[int, int], ...]) -> _Inside:
        """Into an object of its own: the data, without the holes. It is summed as it lies in the store, behind the copy."""
        self._disk.remove(self._big)
        with parent_of(self._disk, os.fsencode(self._big)) as (at, name):
            target = self._disk.create_file(at, name)
        behind: list[Future[None]] = []
        try:
            found = hashlib.sha256()
            into = 0
            whole = not extents and self._disk.clone(fd, target)
            for offset, length in extents or ((0, size),):
                end = offset + length
                while offset < end:
                    self._in_time()
                    count = min(PIECE, end - offset)
                    done = count if whole else self._disk.copy(fd, target, count, offset, into)
                    if done <= 0:
                        raise Moved("a file became shorter")
                    self._disk.begin_write(target, into, done)
                    behind.append(self._hasher.submit(self._read_into, found, target, into, done))
                    offset, into = offset + done, into + done
            for summed in behind:  # one after the other, at their own pace
                summed.result()
            self._disk.sync(target)
        finally:
            for summed in behind:
                summed.cancel()
            wait(behind)
            self._disk.close(target)
        digest = found.hexdigest()
        self._store.keep(self._big, digest)
        return _Inside(digest, 0, digest)

    def _read_into(self, found: "hashlib._Hash", fd: int, at: int, count: int) -> None:
        while count:
            part = self._disk.read(fd, min(count, 1 << 20), at)
            if not part:
                raise OSError(errno.EIO, "the copy is shorter than it was written")
            found.update(part)
            at, count = at + len(part), count - len(part)


def _entry(found: Found, facts: os.stat_result, kind: Kind, **more: object) -> Entry:
    return Entry(
        found.path,
        kind,
        stat.S_IMODE(facts.st_mode),
        (facts.st_uid, facts.st_gid),
        facts.st_mtime_ns,
        facts.st_ctime_ns,
        facts.st_dev,
        facts.st_ino,
        facts.st_nlink,
        facts.st_size if kind is Kind.FILE else 0,
        **more,  # type: ignore[arg-type]
    )


def _placed(entry: Entry, inside: _Inside, shared: str) -> Entry:
    if not inside.sha256:
        return entry
    return msgspec.structs.replace(entry, object=inside.object or shared, at=inside.at, sha256=inside.sha256)


def _content_facts(found: os.stat_result) -> tuple[int, int, int]:
    return (found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def names_of(names: list[bytes]) -> str:
    """A sum over the names in a folder."""
    return hashlib.sha256(b"\0".join(sorted(names))).hexdigest()


def extents_of(fd: int, found: os.stat_result) -> tuple[tuple[int, int], ...]:
    """Where a file with holes holds data, as (offset, length); () where it has none, ((0, 0),) where it is one hole."""
    if found.st_blocks * 512 >= found.st_size:
        return ()
    extents: list[tuple[int, int]] = []
    at = 0
    while at < found.st_size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError as e:
            if e.errno == errno.ENXIO:
                break  # holes to the end
            raise
        at = min(os.lseek(fd, start, os.SEEK_HOLE), found.st_size)
        extents.append((start, at - start))
    whole = extents == [(0, found.st_size)]
    return () if whole else tuple(extents) or ((0, 0),)
