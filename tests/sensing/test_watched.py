"""Files that are watched by looking: every way of changing one is seen, nothing half written is told, nothing is told twice."""

import os
from pathlib import Path

import pytest

from controlroom.sensing.watched import PATIENCE, Seen, Watched


class Look:
    """A watch over one file and one pattern's files in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.watched = folder, Watched()
        self.told: list[tuple[str, str]] = []
        self.seen: list[Seen] = []
        self.once()

    def once(self) -> None:
        groups = {"one": [str(self.folder / "one")], "many": [str(p) for p in self.folder.glob("*.md")]}
        for seen in self.watched.look(groups):
            self.seen.append(seen)
            self.told.append((Path(seen.path).name, seen.what))

    def news(self) -> list[tuple[str, str]]:
        """What is told after enough looks that nothing is left to be told."""
        self.told.clear()
        for _ in range(PATIENCE + 1):
            self.once()
        return list(self.told)


@pytest.fixture
def look(tmp_path: Path) -> Look:
    (tmp_path / "old.md").write_text("old")
    return Look(tmp_path)


@pytest.mark.row("G05")
def test_every_way_of_changing_a_file_is_told_once(look: Look) -> None:
    one = look.folder / "one"
    assert look.news() == []
    one.write_text("a")
    assert look.news() == [("one", "made")]
    one.write_text("b")
    assert look.news() == [("one", "changed")]
    os.utime(one, (0, 0))
    assert look.news() == []
    one.chmod(0o600)
    assert look.news() == [("one", "owner or mode")]
    (look.folder / "new").write_text("b")
    (look.folder / "new").chmod(0o600)
    (look.folder / "new").rename(one)
    assert look.news() == [("one", "replaced")]
    one.unlink()
    assert look.news() == [("one", "removed")]
    one.symlink_to(look.folder / "old.md")
    assert look.news() == [("one", "made")]
    one.unlink()
    one.symlink_to("/dev/null")
    assert look.news() == [("one", "changed")]
    assert look.seen[-1].after is not None and look.seen[-1].after.why == "is not a regular file"


@pytest.mark.row("G05")
def test_a_change_that_keeps_size_and_times_is_seen(look: Look) -> None:
    one = look.folder / "one"
    one.write_text("aaaa")
    look.news()
    before = one.stat()
    one.write_text("bbbb")
    os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look.news() == [("one", "changed")]


@pytest.mark.row("G05")
def test_files_that_come_to_a_pattern_and_go_are_told(look: Look) -> None:
    (look.folder / "new.md").write_text("new")
    assert look.news() == [("new.md", "made")]
    (look.folder / "old.md").unlink()
    assert look.news() == [("old.md", "removed")]
    (seen,) = look.seen[-1:]
    assert seen.before is not None and seen.before.data == b"old" and seen.after is None
    (look.folder / "old.md").write_text("again")
    assert look.news() == [("old.md", "made")]


def test_a_file_is_told_when_it_rests_and_not_before(look: Look) -> None:
    one = look.folder / "one"
    one.write_text("{")
    look.once()
    one.write_text("{}")
    look.once()
    assert look.told == []
    look.once()
    assert look.told == [("one", "made")] and look.seen[-1].after is not None and look.seen[-1].after.data == b"{}"


@pytest.mark.row("G05")
def test_a_file_that_never_rests_is_told_all_the_same(look: Look) -> None:
    for number in range(PATIENCE):
        (look.folder / "one").write_text(str(number))
        look.once()
    assert look.told == [("one", "made")]


def test_what_was_taken_away_and_put_back_between_two_looks_did_not_change(look: Look) -> None:
    old = look.folder / "old.md"
    kept = look.folder / "kept"
    old.rename(kept)
    look.once()
    kept.rename(old)
    assert look.news() == []


def test_a_long_file_is_compared_and_not_kept(look: Look) -> None:
    (look.folder / "one").write_bytes(b"x" * 300_000)
    assert look.news() == [("one", "made")]
    assert look.seen[-1].after is not None and look.seen[-1].after.data is None
    (look.folder / "one").write_bytes(b"x" * 299_999 + b"y")
    assert look.news() == [("one", "changed")]


def test_what_is_watched_no_longer_is_forgotten(look: Look) -> None:
    look.watched.look({})
    (look.folder / "one").write_text("a")
    assert look.news() == []


@pytest.mark.row("G05")
def test_what_an_earlier_watch_saw_last_is_compared_with_what_is_there_now(look: Look) -> None:
    (look.folder / "one").write_text("a")
    (look.folder / "gone.md").write_text("gone")
    look.news()
    earlier = {name: look.watched.seen(name) for name in ("one", "many")}
    (look.folder / "one").write_text("b")
    (look.folder / "gone.md").unlink()
    (look.folder / "new.md").write_text("new")
    (look.folder / "copy").write_text("old")
    (look.folder / "copy").rename(look.folder / "old.md")  # the same content in another file: a copy that was put back
    look.watched = Watched(earlier)
    assert sorted(look.news()) == [("gone.md", "removed"), ("new.md", "made"), ("one", "changed")]
    assert all(seen.unwatched for seen in look.seen[-3:])
    (look.folder / "one").write_text("c")
    assert look.news() == [("one", "changed")] and not look.seen[-1].unwatched
