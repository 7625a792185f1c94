"""What can be saved, what is said where it cannot, and what happens when the disk or the files do not hold still."""

import errno
import os
import random
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.storage.port import Mode
from controlroom.storage.snapshots import stage
from controlroom.storage.snapshots.budget import Budget, measure
from controlroom.storage.snapshots.disk import KernelDisk
from controlroom.storage.snapshots.manifest import Damaged
from controlroom.storage.snapshots.plan import plan
from controlroom.storage.snapshots.restore import restore
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.take import take
from controlroom.storage.snapshots.walk import CannotSave
from tests.storage.snapshots.support import NAME, roots, save, saved, undo
from tests.storage.snapshots.trees import facts, make, run

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT, errno.EMFILE)


class Failing(KernelDisk):
    """A disk whose n-th call fails. `calls` counts them; `only` names those that count."""

    def __init__(self, fails: int, code: int) -> None:
        self.fails, self.code, self.calls = fails, code, 0

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name.startswith("_") or not callable(found) or name == "close":
            return found
        return super().__getattribute__("_counted")(found)

    def _counted(self, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*given: object, **named: object) -> object:
            self.calls += 1
            if self.calls == self.fails:
                raise OSError(self.code, os.strerror(self.code))
            return call(*given, **named)

        return counted


def _failing(store: Store, fails: int, code: int) -> tuple[Store, Failing]:
    disk = Failing(fails, code)
    return Store(store.objects.parent, disk), disk


@pytest.mark.row("J20", "J05", "J08")
@pytest.mark.parametrize("code", ERRORS)
def test_a_snapshot_is_whole_or_is_none_whichever_call_fails(place: Path, store: Store, code: int) -> None:
    make(place / "tree", random.Random(11))
    (place / "tree" / "big").write_bytes(os.urandom(300_000))
    before = facts(place / "tree")
    n = 0
    while True:
        n += 1 if code == errno.EIO else 7
        failing, disk = _failing(store, n, code)
        made = take(failing, NAME, roots(place / "tree"), Budget())
        assert facts(place / "tree") == before, "saving changes nothing"
        if made.seal:
            assert disk.calls < n or not made.why
            run("rm -rf tree", place)
            undo(store, made)
            assert facts(place / "tree") == before
        else:
            assert made.why
        if disk.calls < n:
            break
    assert made.seal, "without a failure it is there"
    assert n > 50


@pytest.mark.row("J20")
@pytest.mark.parametrize(("code", "large"), [(errno.ENOSPC, stage.LARGE), (errno.EIO, 100_000)])
def test_no_file_is_ever_half_restored_and_doing_it_again_goes_on(
    place: Path, store: Store, code: int, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "LARGE", large)
    tree = place / "tree"
    make(tree, random.Random(13))
    (tree / "big").write_bytes(os.urandom(300_000))
    before = facts(tree)
    made = saved(store, tree)
    manifest = store.load(NAME, made.seal)
    n, whole = 0, False
    while not whole:
        n += 3
        run("rm -rf tree; mkdir tree; echo other > tree/big", place)
        destroyed = facts(tree)
        failing, disk = _failing(store, n, code)
        try:
            restore(failing, manifest, plan(failing, manifest, None))
            whole = disk.calls < n
        except OSError:
            now = facts(tree)
            for path, found in now.items():
                if b".controlroom-undo-" in path or os.path.isdir(path):
                    continue
                assert found[4] in (before.get(path, (None,) * 5)[4], destroyed.get(path, (None,) * 5)[4]), path
        undo(store, made)
        assert facts(tree) == before
    assert n > 50


@pytest.mark.row("J20")
def test_devices_sockets_and_pipes_are_left_out_and_listed(place: Path, store: Store) -> None:
    (place / "tree").mkdir()
    os.mkfifo(place / "tree" / "pipe")
    (place / "tree" / "file").write_text("x")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(place / "tree" / "sock"))
        made = saved(store, place / "tree")
        assert sorted(made.left_out) == [f"named pipe {place}/tree/pipe", f"socket {place}/tree/sock"]
        (place / "tree" / "file").unlink()
        undo(store, made)
        assert (place / "tree" / "file").read_text() == "x"
        assert (place / "tree" / "sock").exists(), "what is not saved is left alone"


@pytest.mark.row("J20")
def test_a_target_that_is_a_device_has_no_undo(place: Path) -> None:
    os.mkfifo(place / "pipe")
    with pytest.raises(CannotSave, match="pipe is a named pipe"):
        measure(KernelDisk(), roots(place / "pipe"), Budget(), 1 << 40)


@pytest.mark.row("J20")
def test_a_link_is_saved_as_a_link_and_never_followed(place: Path, store: Store) -> None:
    (place / "secret").write_text("far away")
    (place / "tree").mkdir()
    (place / "tree" / "link").symlink_to(place / "secret")
    (place / "tree" / "out").symlink_to(place)
    made = saved(store, place / "tree")
    assert made.files == 0
    assert made.size == 0


@pytest.mark.row("J20")
def test_a_parent_that_became_a_link_is_not_followed(place: Path, store: Store) -> None:
    (place / "real").mkdir()
    (place / "real" / "file").write_text("x")
    (place / "dir").symlink_to(place / "real")
    made = save(store, place / "dir" / "file")
    assert not made.seal
    assert "dir" in made.why


@pytest.mark.row("J20")
@pytest.mark.parametrize(
    ("budget", "why"),
    [
        (Budget(bytes=1000), "over the limit of 1.0 KB"),
        (Budget(files=5), "over the limit of 5"),
    ],
)
def test_what_is_over_the_budget_is_told_before_and_refused_after(place: Path, store: Store, budget: Budget, why: str) -> None:
    (place / "tree").mkdir()
    for n in range(10):
        (place / "tree" / f"f{n}").write_bytes(b"x" * 1000)
    with pytest.raises(CannotSave, match=why):
        measure(KernelDisk(), roots(place / "tree"), budget, 1 << 40)
    assert "limit" in save(store, place / "tree", budget=budget).why
    assert store.names() == []


@pytest.mark.row("J20", "J04")
def test_a_disk_that_is_nearly_full_is_told_before(place: Path) -> None:
    (place / "file").write_bytes(b"x" * 1000)
    with pytest.raises(CannotSave, match=r"has only 1\.0 KB left"):
        measure(KernelDisk(), roots(place / "file"), Budget(), 1000)


@pytest.mark.row("J20")
def test_a_snapshot_that_takes_too_long_or_that_nobody_waits_for_is_given_up(place: Path, store: Store) -> None:
    make(place / "tree", random.Random(2))
    ticks = iter(range(1_000_000))
    late = take(store, NAME, roots(place / "tree"), Budget(seconds=1), clock=lambda: float(next(ticks)))
    assert "takes over 1 s" in late.why
    assert "nobody waits" in take(store, NAME, roots(place / "tree"), Budget(), gone=lambda: True).why
    store.sweep()
    assert store.names() == store.disk.names(store.objects) == []


class Meddling(KernelDisk):
    """Somebody writes to a file in the middle of its being read, so many times."""

    def __init__(self, victim: Path, times: int) -> None:
        self.victim, self.times = victim, times

    def read(self, fd: int, count: int, offset: int) -> bytes:
        if self.times and os.fstat(fd).st_ino == self.victim.stat().st_ino:
            self.times -= 1
            with self.victim.open("ab") as file:
                file.write(b"more")
        return super().read(fd, count, offset)


@pytest.mark.row("J20")
@pytest.mark.parametrize(("times", "there"), [(1, True), (99, False)])
def test_what_is_changed_while_it_is_saved_is_saved_again_or_refused(place: Path, times: int, there: bool) -> None:
    victim = place / "file"
    victim.write_bytes(b"x" * 1000)
    store = Store(place / "store", Meddling(victim, times))
    store.secure()
    made = save(store, victim)
    assert bool(made.seal) is there
    if there:
        victim.unlink()
        undo(store, made)
        assert victim.read_bytes() == b"x" * 1000 + b"more"
    else:
        assert "file" in made.why and "while it was saved" in made.why


@pytest.mark.row("J22")
def test_a_store_that_somebody_changed_brings_nothing_back(place: Path, store: Store) -> None:
    (place / "file").write_text("precious")
    made = saved(store, place / "file")
    manifest = store.load(NAME, made.seal)
    (place / "file").write_text("other")
    [object_] = manifest.objects
    store.path(object_).write_bytes(b"poisoned")
    with pytest.raises(Damaged, match="was changed"):
        undo(store, made)
    assert (place / "file").read_text() == "other"
    store.path(object_).unlink()
    with pytest.raises(Damaged, match="is missing"):
        undo(store, made)
    (store.lists / NAME).write_bytes((store.lists / NAME).read_bytes().replace(b"file", b"evil"))
    with pytest.raises(Damaged, match="not the journal's"):
        store.load(NAME, made.seal)
    store.drop(NAME)
    with pytest.raises(Damaged, match="no snapshot"):
        store.load(NAME, made.seal)


@pytest.mark.row("J22")
def test_a_large_file_that_was_changed_in_the_store_is_found_before_anything_is_touched(
    place: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "LARGE", 200_000)
    tree = place / "tree"
    tree.mkdir()
    (tree / "a").write_bytes(b"small")
    for name in ("b", "c"):
        (tree / name).write_bytes(os.urandom(300_000))
    made = saved(store, tree)
    (bad,) = {e.object for e in store.load(NAME, made.seal).entries if e.path.endswith(b"/c")}
    store.path(bad).write_bytes(b"poisoned" * 40_000)
    run("rm -rf tree; mkdir tree; echo other > tree/a", place)
    before, descriptors = facts(place / "tree"), len(os.listdir("/proc/self/fd"))
    with pytest.raises(Damaged, match="c was changed"):
        undo(store, made)
    assert facts(place / "tree") == before
    assert len(os.listdir("/proc/self/fd")) == descriptors, "what was made beside is given back"


class NoUnnamed(KernelDisk):
    """A file system that makes no files without a name."""

    def unnamed(self, at: int) -> int:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")


def test_where_there_are_no_files_without_a_name_a_large_one_comes_back_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "LARGE", 200_000)
    store = Store(place / "store", NoUnnamed())
    store.secure()
    (place / "big").write_bytes(os.urandom(300_000))
    before = facts(place / "big")
    made = saved(store, place / "big")
    (place / "big").unlink()
    undo(store, made)
    assert facts(place / "big") == before


@pytest.mark.row("J08")
def test_what_a_crash_leaves_is_swept_and_what_is_named_stays(place: Path, store: Store) -> None:
    make(place / "tree", random.Random(4))
    before = facts(place / "tree")
    made = saved(store, place / "tree")
    for folder in (store.objects, store.lists):
        os.close(store.disk.open(folder / ".tmp-crash", Mode.CREATE))
    os.close(store.disk.open(store.path("0" * 64), Mode.CREATE))
    with store.making():
        assert store.sweep() == 0, "nothing goes while a snapshot is being made"
    assert store.sweep() == 3
    run("rm -rf tree", place)
    undo(store, made)
    assert facts(place / "tree") == before


@pytest.mark.row("J04", "J20")
def test_a_disk_that_is_really_full_gives_no_snapshot_and_says_so(place: Path) -> None:
    small = place / "small"
    small.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "none", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"mounting a tmpfs is not allowed here: {mounted.stderr.decode().strip()}")
    try:
        store = Store(small / "store")
        store.secure()
        (place / "file").write_bytes(os.urandom(3 << 20))
        made = save(store, place / "file")
        assert not made.seal
        assert "No space left" in made.why
        assert store.disk.names(store.objects) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
