"""On a file system where locks do not hold nothing is begun; one that is kept elsewhere is said to be (J13)."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from controlroom.storage import lock
from controlroom.storage.mounts import doubt, file_system
from controlroom.storage.paths import Insecure


def mounted(folder: Path, name: str) -> Path:
    """A table of mounts in which the folder's file system has this name."""
    device = os.stat(folder).st_dev
    table = folder / "mountinfo"
    table.write_text(
        "22 27 0:99999 / /proc rw,relatime - proc proc rw\n"
        f"30 27 {os.major(device)}:{os.minor(device)} / /with\\040space rw shared:1 - {name} server:/home rw\n"
    )
    return table


@pytest.mark.row("J13")
@pytest.mark.parametrize("name", ["nfs4", "cifs", "9p", "fuse", "fuse.sshfs", "fuseblk"])
def test_a_file_system_that_is_kept_elsewhere_is_named(tmp_path: Path, name: str) -> None:
    said = doubt(tmp_path, mounted(tmp_path, name))
    assert said.startswith(f"{tmp_path} is on {name}: ") and "local disk" in said


@pytest.mark.row("J13")
@pytest.mark.parametrize("name", ["ext4", "btrfs", "xfs", "tmpfs", "zfs", "overlay"])
def test_of_a_local_one_nothing_is_said(tmp_path: Path, name: str) -> None:
    table = mounted(tmp_path, name)
    assert (file_system(tmp_path, table), doubt(tmp_path, table)) == (name, "")


@pytest.mark.row("J13")
def test_what_cannot_be_told_is_said_or_unknown(tmp_path: Path) -> None:
    assert "cannot be told" in doubt(tmp_path, tmp_path / "none")
    (tmp_path / "empty").write_text("")
    assert file_system(tmp_path, tmp_path / "empty") == ""


@pytest.mark.row("J13")
def test_where_a_lock_is_granted_twice_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "fcntl", lambda fd, command, what: what)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(Insecure, match="a lock does not hold on this file system"):
        lock.take(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.row("J13")
@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL])
def test_where_there_are_no_locks_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(fd: int, command: int, what: bytes) -> bytes:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    with pytest.raises(Insecure, match=r"no lock can be had on this file system .*choose a folder on a local disk"):
        lock.take(tmp_path)
