"""Small files are replaced whole (J23), and handles are kept in them."""

import os
from pathlib import Path

import pytest

from controlroom.model.agent import Handle, ProcessId, Rung
from controlroom.storage import files, handles

HANDLE = Handle("s-1", "builder", Rung.CGROUP, ProcessId(7, 8, "b"), None, "/sys/fs/cgroup/x", "/run/x")


@pytest.mark.row("J23")
@pytest.mark.parametrize("broken", ["write", "fsync", "rename"])
def test_an_error_leaves_the_old_content_and_no_litter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    path = tmp_path / "file"
    files.replace(path, b"old")

    def fail(*args: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="Input/output error"):
        files.replace(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.row("J23")
def test_content_is_on_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    real_fsync, real_rename = os.fsync, os.rename

    def fsync(fd: int) -> None:
        calls.append("fsync folder" if os.path.isdir(f"/proc/self/fd/{fd}") else "fsync file")
        real_fsync(fd)

    def rename(old: Path, new: Path) -> None:
        calls.append("rename")
        real_rename(old, new)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "rename", rename)
    files.replace(tmp_path / "file", b"x")
    assert calls == ["fsync file", "rename", "fsync folder"]


def test_short_writes_are_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    files.replace(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_handles_are_kept_replaced_and_dropped(tmp_path: Path) -> None:
    other = Handle("a", "other", Rung.SUBREAPER)
    handles.save(tmp_path, HANDLE)
    handles.save(tmp_path, other)
    handles.save(tmp_path, HANDLE)
    assert handles.load_all(tmp_path) == [other, HANDLE]
    handles.drop(tmp_path, "a")
    handles.drop(tmp_path, "a")
    assert handles.load_all(tmp_path) == [HANDLE]


def test_a_missing_folder_holds_no_handles(tmp_path: Path) -> None:
    assert handles.load_all(tmp_path / "none") == []


def test_a_bad_file_hides_no_other_handle_and_is_named(tmp_path: Path) -> None:
    handles.save(tmp_path, HANDLE)
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "link.json").symlink_to("s-1.json")
    (tmp_path / "renamed.json").write_bytes((tmp_path / "s-1.json").read_bytes())
    (tmp_path / ".tmp-12").write_text("under way")
    found = handles.scan(tmp_path)
    assert found.handles == (HANDLE,)
    assert [line.split(":")[0] for line in found.unreadable] == [
        str(tmp_path / f"{n}.json") for n in ("bad", "link", "renamed")
    ]


@pytest.mark.parametrize("session", ["", "../x", "a/b", ".", "a" * 200, "x\n"])
def test_a_session_id_that_is_no_file_name_is_refused(tmp_path: Path, session: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        handles.drop(tmp_path, session)
