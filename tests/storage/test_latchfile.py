"""The latch: only its absence lets anything pass."""

import errno
import os
from pathlib import Path

import pytest

from controlroom.model.clock import SECOND, Instant
from controlroom.storage import latchfile
from controlroom.storage.latchfile import UNREADABLE, LatchFile, NotLatched
from controlroom.storage.paths import Places


@pytest.fixture
def house(tmp_path: Path) -> Places:
    found = Places(tmp_path / "config", tmp_path / "state", tmp_path / "run")
    found.state.mkdir()
    found.runtime.mkdir()
    return found


def test_what_was_written_is_read_and_gone_once_cleared(tmp_path: Path) -> None:
    path = tmp_path / "latch"
    assert latchfile.read(path) is None
    latchfile.write(path, "ab12", "operator:me", 5)
    assert latchfile.read(path) == LatchFile("ab12", "operator:me", 5)
    assert path.stat().st_mode & 0o7777 == 0o600
    latchfile.write(path, "cd34", "x", 6)
    latchfile.clear(path)
    latchfile.clear(path)
    assert latchfile.read(path) is None
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"stop_id":1}', b"\xff", b"x" * 10_000])
def test_whatever_lies_there_is_latched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "latch"
    path.write_bytes(content)
    found = latchfile.read(path)
    assert found is not None
    assert found.stop_id == UNREADABLE
    assert str(path) in found.by


def test_links_folders_and_pipes_are_latched_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name in ("link", "folder", "pipe", "file/below"):
        found = latchfile.read(tmp_path / name)
        assert found is not None, name
        assert found.stop_id == UNREADABLE


def test_a_link_is_replaced_and_its_target_untouched(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "latch").symlink_to("target")
    latchfile.write(tmp_path / "latch", "a", "b", 1)
    assert (tmp_path / "target").read_text() == "mine"
    assert latchfile.read(tmp_path / "latch") == LatchFile("a", "b", 1)


def test_on_a_full_disk_an_empty_file_still_latches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    latchfile.write(tmp_path / "latch", "a", "b", 1)
    found = latchfile.read(tmp_path / "latch")
    assert found is not None
    assert found.stop_id == UNREADABLE
    assert os.listdir(tmp_path) == ["latch"]


def test_both_copies_are_written_and_cleared(house: Places) -> None:
    assert latchfile.write_both(house, "a", "b", 1) == ()
    assert latchfile.read(house.latch) == latchfile.read(house.gate_latch) == LatchFile("a", "b", 1)
    latchfile.clear_both(house)
    assert latchfile.read_any(house) is None


def test_one_copy_is_enough_and_the_other_is_named(house: Places) -> None:
    house.state.rmdir()
    (problem,) = latchfile.write_both(house, "a", "b", 1)
    assert str(house.latch) in problem
    assert latchfile.read_any(house) == LatchFile("a", "b", 1)


def test_a_readable_copy_is_told_before_an_unreadable_one(house: Places) -> None:
    latchfile.write(house.gate_latch, "a", "b", 1)
    house.latch.touch()
    assert latchfile.read_any(house) == LatchFile("a", "b", 1)


def test_no_copy_at_all_is_an_error_that_names_both(house: Places) -> None:
    house.state.rmdir()
    house.runtime.rmdir()
    with pytest.raises(NotLatched) as caught:
        latchfile.write_both(house, "a", "b", 1)
    assert str(house.latch) in str(caught.value)
    assert str(house.gate_latch) in str(caught.value)


def test_where_both_are_one_file_it_is_written_once(tmp_path: Path) -> None:
    house = Places(tmp_path, tmp_path, tmp_path)
    assert latchfile.write_both(house, "a", "b", 1) == ()
    latchfile.clear_both(house)
    assert latchfile.read_any(house) is None


@pytest.mark.parametrize(("age", "known"), [(0, True), (2 * SECOND, True), (-1, False), (3600 * SECOND, False)])
def test_the_time_of_a_pull_is_believed_while_it_is_fresh(age: int, known: bool) -> None:
    now = Instant(5_000 * SECOND, 9_000 * SECOND)
    found = latchfile.pulled(LatchFile("ab12", "operator:me", now.wall - age), now)
    assert found == (Instant(now.boot - age, now.wall - age) if known else None)


def test_nobody_knows_when_a_latch_was_pulled_that_is_not_there_or_cannot_be_read() -> None:
    now = Instant(5_000 * SECOND, 9_000 * SECOND)
    assert latchfile.pulled(None, now) is None
    assert latchfile.pulled(LatchFile(UNREADABLE, "", 0), now) is None
