"""Snapshot and restore beside `cp -a`, each until it is on the disk: many small files, and one large one.

`cp -a` leaves what it copies in memory; a snapshot must survive a crash. So the copy is made durable too (`sync -f`), and timed
with that. A snapshot also reads everything again and sums it (SHA-256), half a second of a core for a GiB, beside the copy on
another core: where others keep the cores busy, the figure is theirs too. The small files lie in memory (/dev/shm) where there
is such a place: there the system calls count, and nobody else's use of the disk; the large file lies on the disk.
FULL=1 measures the large file at its full size, 1 GiB.
"""

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controlroom.model.snapshot import Saved
from controlroom.storage.snapshots.budget import Budget
from controlroom.storage.snapshots.manifest import Root
from controlroom.storage.snapshots.plan import plan
from controlroom.storage.snapshots.restore import restore
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.take import take
from tests.bench.figure import Figure

FILES = 10_000
MIB = 1024 if os.environ.get("FULL") else 256
ROUNDS = 5
DISK = "/var/tmp"
BAR = 1.5
NAME = "b" * 32


def figures() -> Iterator[Figure]:
    """Medians of interleaved rounds, as ratios to the durable copy of the same round's files."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else DISK
    for what, make, where in ((f"{FILES} small files", _many, memory), (f"one file of {MIB} MiB", _large, DISK)):
        with _place(where) as top:
            make(top / "tree")
            copied, saved, restored = zip(*(_round(top) for _ in range(ROUNDS)), strict=True)
            middle = statistics.median(copied)
            yield Figure(f"snapshot of {what} / cp -a", statistics.median(saved) / middle, "ratio", BAR, "lower")
            yield Figure(f"restore of {what} / cp -a", statistics.median(restored) / middle, "ratio", BAR, "lower")


@contextmanager
def _place(where: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cr-bench-", dir=where) as folder:
        os.chmod(folder, 0o700)
        yield Path(folder)


def _many(tree: Path) -> None:
    for n in range(FILES):
        folder = tree / f"d{n % 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{n}").write_bytes(os.urandom(n % 4000))


def _large(tree: Path) -> None:
    tree.mkdir()
    with (tree / "big").open("wb") as file:
        for _ in range(MIB):
            file.write(os.urandom(1 << 20))


def _round(top: Path) -> tuple[float, float, float]:
    tree, store = top / "tree", Store(top / "store")
    store.secure()
    copied = _seconds(lambda: _copy(tree, top / "copy"))
    shutil.rmtree(top / "copy")
    made: list[Saved] = []
    roots = (Root(os.fsencode(tree)),)
    saved = _seconds(lambda: made.append(take(store, NAME, roots, Budget())))
    manifest = store.load(NAME, made[0].seal)
    shutil.rmtree(tree)
    restored = _seconds(lambda: restore(store, manifest, plan(store, manifest, None)))
    shutil.rmtree(top / "store")
    return copied, saved, restored


def _copy(source: Path, goal: Path) -> None:
    subprocess.run(["cp", "-a", str(source), str(goal)], check=True)
    subprocess.run(["sync", "-f", str(goal)], check=True)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
