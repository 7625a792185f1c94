"""The real tree: bounded, never following links out, never raising."""

import os
from pathlib import Path

from controlroom.sensing.tree import RealTree


def test_facts_of_a_small_tree(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").write_bytes(b"abc")
    (tmp_path / "out").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    tree = RealTree()
    found = tree.lstat(f"{tmp_path}/d/f")
    assert found is not None
    assert (found.kind, found.size, found.nlink) == ("file", 3, 1)
    assert tree.lstat(f"{tmp_path}/nothing") is None
    assert tree.listdir(str(tmp_path)) == ("d", "out", "pipe")
    assert tree.listdir(f"{tmp_path}/d/f") is None
    assert tree.read(f"{tmp_path}/d/f", 2) == b"ab"
    assert tree.read(f"{tmp_path}/pipe", 2) is None
    assert tree.realpath(f"{tmp_path}/out/hosts") == "/etc/hosts"
    assert tree.realpath(f"{tmp_path}/new/file") == f"{tmp_path}/new/file"


def test_a_scan_is_bounded_and_stays_inside(tmp_path: Path) -> None:
    for index in range(20):
        (tmp_path / str(index)).write_bytes(b"x")
    (tmp_path / "out").symlink_to("/")
    whole = RealTree().scan(str(tmp_path), 100)
    assert (whole.files, whole.size, whole.partial, len(whole.paths)) == (20, 20, False, 21)
    part = RealTree().scan(str(tmp_path), 5)
    assert part.partial
    assert len(part.paths) == 5


def test_odd_names_and_loops_do_not_raise(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    tree = RealTree()
    assert tree.realpath(f"{tmp_path}/loop/x") is None
    for path in ("/\0", "/" + "a" * 300, "/" + "a/" * 3000, "/proc/1/cwd/x"):
        tree.lstat(path)
        tree.realpath(path)
        tree.listdir(path)
        tree.read(path, 10)
        tree.scan(path, 10)
        tree.tracked(path)
