"""Bringing a snapshot back, one path at a time: each file is made whole beside its place and then takes it, so that nobody ever
sees a part. Whatever stops it, doing it again goes on from what is there.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import ExitStack

from controlroom.storage.port import Mode
from controlroom.storage.snapshots.disk import parent_of, write_whole
from controlroom.storage.snapshots.history import bring_back
from controlroom.storage.snapshots.manifest import Damaged, Entry, Kind, Manifest, shown
from controlroom.storage.snapshots.plan import Do, Plan, Step
from controlroom.storage.snapshots.stage import Stage, copy_data, copy_whole
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.take import SMALL, names_of

_PREFIX = b".controlroom-undo-"


def restore(store: Store, manifest: Manifest, plan: Plan, told: Callable[[int, int], None] = lambda done, all_: None) -> None:
    """Do the steps. `told` hears how many of them are done. Blocking.

    Raises Damaged before anything is touched where the store does not hold what was saved, and OSError or NoHistory at the
    first step that fails: what was done until then stays done, each file as it was or as it is to be.
    """
    stage = Stage(store)
    try:
        wanted = [s.was for s in plan.steps if s.was and s.was.objects and s.do in (Do.CREATE, Do.REPLACE)]
        needed = {digest for entry in wanted if not stage.add(entry) for digest in entry.objects}
        needed.update(pack.object for found in plan.histories for pack in found.packs)
        for digest in sorted(needed):
            store.verify(digest)
        _Restorer(store, manifest, stage).run(plan, told)
    finally:
        stage.close()


class _Restorer:
    def __init__(self, store: Store, manifest: Manifest, stage: Stage) -> None:
        self._store, self._disk, self._manifest, self._stage = store, store.disk, manifest, stage
        self._folder = b""
        self._at = -1
        self._stack = ExitStack()
        self._object = ""
        self._content = -1

    def run(self, plan: Plan, told: Callable[[int, int], None]) -> None:
        total = len(plan.steps)
        folders = {e.path: e for e in self._manifest.entries if e.kind is Kind.FOLDER}
        with self._stack:
            for number, step in enumerate(plan.steps, 1):
                self._do(step)
                if number % 16 == 0 or number == total:
                    told(number, total)
            touched = {s.path for s in plan.steps} | {os.path.dirname(s.path) for s in plan.steps}
            for path in sorted(touched & set(folders), reverse=True):
                self._finish_folder(folders[path])
            for found in plan.histories:  # after the names: what has none may be collected at any moment
                bring_back(self._store, found)
            self._finish_around()
            self._sync()
            self._leave()

    def _do(self, step: Step) -> None:
        at, name = self._enter(step.path)
        if step.was is None:
            self._clear(at, name)
        elif step.do is Do.JOIN:
            self._join(step.was, at, name)
        elif step.was.kind is Kind.FOLDER:
            self._make_folder(step, at, name)
        elif step.do is Do.FACTS:
            self._set_facts(step.was, at, name)
        else:
            self._put(step.was, at, name, fresh=step.do is Do.CREATE)

    def _enter(self, path: bytes) -> tuple[int, bytes]:
        """The folder of a path, kept open for the next path in it."""
        folder, name = os.path.split(path)
        if folder != self._folder or self._at < 0:
            self._leave()
            context = parent_of(self._disk, path)
            self._at, _ = self._stack.enter_context(context)
            self._folder = folder
        return self._at, name

    def _leave(self) -> None:
        self._stack.pop_all().close()
        self._at = self._content = -1
        self._object = ""

    def _clear(self, at: int, name: bytes) -> None:
        """Take away what is at a name, with all below it; nothing where nothing is."""
        try:
            found = self._disk.stat(at, name)
        except FileNotFoundError:
            return
        if not stat.S_ISDIR(found.st_mode):
            self._disk.unlink(at, name, False)
            return
        fd = self._disk.open_folder(at, name)
        try:
            for inner, _ in self._disk.listing(fd):
                self._clear(fd, inner)
        finally:
            self._disk.close(fd)
        self._disk.unlink(at, name, True)

    def _make_folder(self, step: Step, at: int, name: bytes) -> None:
        if step.do is Do.REPLACE:
            self._clear(at, name)
        if step.do is not Do.FACTS:
            self._disk.mkdir(at, name)  # its facts come last, when all is in it

    def _put(self, entry: Entry, at: int, name: bytes, *, fresh: bool) -> None:
        """Make it beside its place, then let it take it."""
        temporary = _PREFIX + hashlib.sha256(entry.path).hexdigest()[:16].encode()
        try:
            self._make(entry, at, temporary)
        except FileExistsError:  # an undo that was stopped left it there
            self._clear(at, temporary)
            self._make(entry, at, temporary)
        if not fresh and self._is_folder(at, name):
            self._clear(at, name)
        self._disk.rename_at(at, temporary, name)

    def _make(self, entry: Entry, at: int, temporary: bytes) -> None:
        if entry.kind is Kind.LINK:
            self._disk.symlink(entry.target, at, temporary)
            self._disk.set_link_facts(at, temporary, entry.owner, entry.mtime_ns)
        else:
            self._fill(entry, at, temporary)

    def _is_folder(self, at: int, name: bytes) -> bool:
        try:
            return stat.S_ISDIR(self._disk.stat(at, name).st_mode)
        except FileNotFoundError:
            return False

    def _fill(self, entry: Entry, at: int, temporary: bytes) -> None:
        made = self._stage.name(entry.path, at, temporary)
        fd = made if made >= 0 else self._disk.create_file(at, temporary)
        try:
            if entry.sha256 and made < 0:
                self._copy(entry, fd)
            self._disk.set_facts(fd, entry.mode, entry.owner, entry.mtime_ns, entry.xattrs)
        except BaseException:
            self._disk.close(fd)
            self._disk.unlink(at, temporary, False)
            raise
        self._disk.close(fd)

    def _copy(self, entry: Entry, fd: int) -> None:
        if entry.parts:
            into = 0
            for part in entry.parts:
                into += copy_whole(self._disk, self._open_object(part), fd, into)
            return
        source = self._open_object(entry.object)
        if not entry.extents and entry.size <= SMALL:
            data = self._disk.read(source, entry.size, entry.at)
            if hashlib.sha256(data).hexdigest() != entry.sha256:
                raise Damaged(f"the saved content of {shown(entry.path)} was changed")
            write_whole(self._disk, fd, data)
            return
        copy_data(self._disk, source, fd, entry)

    def _open_object(self, digest: str) -> int:
        if self._object != digest:
            fd = self._disk.open(self._store.path(digest), Mode.READ)
            self._stack.callback(self._disk.close, fd)
            self._object, self._content = digest, fd
        return self._content

    def _set_facts(self, entry: Entry, at: int, name: bytes) -> None:
        if entry.kind is Kind.LINK:
            self._disk.set_link_facts(at, name, entry.owner, entry.mtime_ns)
            return
        fd = self._disk.open_file(at, name)
        try:
            self._disk.set_facts(fd, entry.mode, entry.owner, entry.mtime_ns, entry.xattrs)
        finally:
            self._disk.close(fd)

    def _join(self, entry: Entry, at: int, name: bytes) -> None:
        """Give the file of the first of its names this name too."""
        first = next(
            e for e in self._manifest.entries if (e.device, e.inode) == (entry.device, entry.inode) and e.kind is Kind.FILE
        )
        with parent_of(self._disk, first.path) as (there, known):
            if self._disk.stat(there, known).st_ino == self._disk.stat(at, name).st_ino:
                return
            temporary = _PREFIX + hashlib.sha256(entry.path).hexdigest()[:16].encode()
            self._clear(at, temporary)
            self._disk.link(there, known, at, temporary)
            self._disk.rename_at(at, temporary, name)

    def _finish_folder(self, entry: Entry) -> None:
        at, name = self._enter(entry.path)
        fd = self._disk.open_folder(at, name)
        try:
            self._disk.set_facts(fd, entry.mode, entry.owner, entry.mtime_ns, entry.xattrs)
        finally:
            self._disk.close(fd)

    def _finish_around(self) -> None:
        """The folders of the targets get their time again where they hold exactly what they held."""
        inner = {e.path for e in self._manifest.entries}
        for around in self._manifest.around:
            if around.path in inner:
                continue
            with parent_of(self._disk, around.path + b"/x") as (at, _):
                if names_of([n for n, _ in self._disk.listing(at)]) == around.names:
                    found = self._disk.fstat(at)
                    facts = (stat.S_IMODE(found.st_mode), (found.st_uid, found.st_gid))
                    self._disk.set_facts(at, *facts, around.mtime_ns, self._disk.xattrs(at))

    def _sync(self) -> None:
        """Everything that was made is on the disk before anybody says that it is done."""
        done: set[int] = set()
        for root in self._manifest.roots:
            with parent_of(self._disk, root.path) as (at, _):
                device = self._disk.fstat(at).st_dev
                if device not in done:
                    self._disk.sync_all(at)
                done.add(device)
