"""Checkpoints: whole files come back, what is there already costs nothing, and nothing is reached through a link."""

import errno
import os
import random
from pathlib import Path

import pytest

from controlroom.model.snapshot import Saved
from controlroom.storage.snapshots.checkpoint import PART, Bounds, Made, checkpoint
from controlroom.storage.snapshots.disk import KernelDisk
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.walk import CannotSave


def keep(store: Store, *paths: Path, name: str = "checkpoint.s.1", bounds: Bounds | None = None) -> Made:
    return checkpoint(store, name, "test", [os.fsencode(path) for path in paths], bounds or Bounds())


def content(store: Store, saved: Saved, name: str = "checkpoint.s.1") -> dict[str, bytes]:
    """What a checkpoint holds, by path."""
    kept = store.load(name, saved.seal).kept
    return {os.fsdecode(k.path): b"".join(store.path(part).read_bytes() for part in k.parts) for k in kept}


@pytest.fixture
def log(place: Path) -> Path:
    path = place / "s1.jsonl"
    path.write_bytes(random.Random(1).randbytes(3 * PART + 5))
    return path


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1])
def test_what_was_kept_is_byte_for_byte_what_was_there(store: Store, place: Path, log: Path, size: int) -> None:
    memory = place / "CLAUDE.md"
    memory.write_bytes(b"x" * size)
    saved, added = keep(store, log, memory)
    assert content(store, saved) == {str(log): log.read_bytes(), str(memory): b"x" * size}
    assert (saved.files, saved.size, saved.left_out) == (2, 3 * PART + 5 + size, ())
    assert added <= saved.size


def test_of_a_log_that_has_grown_only_the_last_pieces_are_new(store: Store, log: Path) -> None:
    before = log.read_bytes()
    first, _ = keep(store, log)
    assert keep(store, log, name="checkpoint.s.2").added == 0
    with log.open("ab") as file:
        file.write(b'{"type":"user"}\n')
    third, added = keep(store, log, name="checkpoint.s.3")
    assert added == 5 + 16
    assert content(store, third, "checkpoint.s.3") == {str(log): log.read_bytes()}
    assert content(store, first) == {str(log): before}


def test_a_collection_keeps_what_a_checkpoint_names_and_nothing_else(store: Store, log: Path) -> None:
    saved, _ = keep(store, log)
    keep(store, log, name="checkpoint.s.2")
    store.drop("checkpoint.s.2")
    assert store.sweep() == 0
    assert content(store, saved) == {str(log): log.read_bytes()}
    store.drop("checkpoint.s.1")
    assert store.sweep() == 4 and store.used() == 0


def test_nothing_is_reached_through_a_link_and_only_regular_files_are_kept(store: Store, place: Path, log: Path) -> None:
    secret = place / "id_ed25519"
    secret.write_bytes(b"PRIVATE")
    (place / "link.jsonl").symlink_to(secret)
    (place / "hard.jsonl").hardlink_to(secret)
    os.mkfifo(place / "pipe.jsonl")
    (place / "folder.jsonl").mkdir()
    (place / "way").symlink_to(place)
    odd = [place / f"{name}.jsonl" for name in ("link", "hard", "pipe", "folder", "none")] + [place / "way" / "s1.jsonl"]
    saved, _ = keep(store, *odd, log)
    assert list(content(store, saved)) == [str(log)]
    assert [text.partition(": ")[0] for text in saved.left_out] == [str(path) for path in odd]
    assert not any(b"PRIVATE" in file.read_bytes() for file in store.objects.iterdir())


def test_where_nothing_can_be_kept_it_says_why_and_no_list_is_made(store: Store, place: Path) -> None:
    saved, added = keep(store, place / "none.jsonl")
    assert (saved.seal, saved.why, added, store.names()) == ("", "there is no file that could be kept", 0, [])
    assert saved.left_out == (f"{place / 'none.jsonl'}: No such file or directory",)


@pytest.mark.parametrize(
    ("bounds", "left"),
    [
        (Bounds(files=1), "over 1 files, which is the limit: the others"),
        (Bounds(file=PART), "3.1 MB, over the limit of 1.0 MB for one file"),
        (Bounds(bytes=2 * PART), "3.1 MB more, over the limit of 2.1 MB for all"),
    ],
)
def test_it_is_bounded_and_says_what_it_left_out(store: Store, place: Path, log: Path, bounds: Bounds, left: str) -> None:
    small = place / "CLAUDE.md"
    small.write_bytes(b"x")
    saved, _ = keep(store, small, log, bounds=bounds)
    assert list(content(store, saved)) == [str(small)]
    assert [text.endswith(left) for text in saved.left_out] == [True]


def test_it_gives_up_where_it_takes_too_long(store: Store, log: Path) -> None:
    ticks = iter(range(1000))
    saved, _ = checkpoint(store, "checkpoint.s.1", "", [os.fsencode(log)], Bounds(seconds=2), clock=lambda: next(ticks))
    assert saved.why == "it takes over 2 s, which is the limit" and not saved.seal


def test_it_asks_for_room_before_it_writes(store: Store, log: Path) -> None:
    def none(size: int) -> None:
        raise CannotSave(f"no room for {size}")

    saved, added = checkpoint(store, "checkpoint.s.1", "", [os.fsencode(log)], Bounds(), none)
    assert (saved.seal, saved.why, added) == ("", f"no room for {PART}", 0)


class _Failing(KernelDisk):
    """Syncs fail from the second one on."""

    left = 1

    def sync(self, fd: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().sync(fd)


def test_a_disk_that_fails_leaves_no_checkpoint_and_says_why(place: Path, log: Path) -> None:
    store = Store(place / "store", _Failing())
    store.secure()
    saved, _ = keep(store, log)
    assert (saved.seal, saved.why, store.names()) == ("", "No space left on device", [])
    store.sweep()
    assert list(store.objects.iterdir()) == []


class _Shrinking(KernelDisk):
    """What is read ends before its size."""

    def read(self, fd: int, count: int, offset: int) -> bytes:
        return super().read(fd, count, offset)[: max(0, PART - offset)]


def test_a_file_that_becomes_shorter_is_left_out(place: Path, log: Path) -> None:
    store = Store(place / "store", _Shrinking())
    store.secure()
    saved, _ = keep(store, log)
    assert saved.left_out == (f"{log}: it became shorter while it was read",) and not saved.seal


def test_a_piece_that_was_changed_in_the_store_is_written_again(store: Store, log: Path) -> None:
    first, _ = keep(store, log)
    part = store.load("checkpoint.s.1", first.seal).kept[0].parts[0]
    store.path(part).write_bytes(b"cut")
    again, added = keep(store, log, name="checkpoint.s.2")
    assert added == PART
    assert content(store, again, "checkpoint.s.2") == {str(log): log.read_bytes()}
