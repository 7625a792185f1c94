"""What an index tells is what is different on the disk, whatever was done in between."""

import os
import random
import shutil
from pathlib import Path

import pytest

from controlroom.sensing.changes import Change, Index, TooLarge


def files(top: Path) -> set[str]:
    """The truth: every file and link below."""
    return {os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names}


def disturb(top: Path, dice: random.Random) -> None:
    """One change of any sort."""
    found = sorted(files(top))
    folders = sorted(folder for folder, _, _ in os.walk(top))
    where = Path(dice.choice(folders))
    match dice.randrange(7):
        case 0 | 1:
            (where / f"n{dice.randrange(9)}").write_text("x" * dice.randrange(9))
        case 2 if found:
            Path(dice.choice(found)).unlink()
        case 3 if found:
            Path(dice.choice(found)).rename(where / f"m{dice.randrange(9)}")
        case 4:
            (where / f"d{dice.randrange(4)}").mkdir(exist_ok=True)
        case 5 if where != top:
            shutil.rmtree(where)
        case 6 if where != top:
            target = top / f"moved{dice.randrange(4)}"
            if not target.exists() and not str(target).startswith(f"{where}/"):
                where.rename(target)


@pytest.mark.parametrize("seed", range(30))
def test_what_is_told_leads_from_what_was_to_what_is(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    index = Index(str(tmp_path))
    known = files(tmp_path)
    index.whole()
    for _ in range(12):
        for _ in range(dice.randrange(1, 8)):
            disturb(tmp_path, dice)
        for change in index.whole():
            match change.what:
                case "created":
                    assert change.path not in known
                    known.add(change.path)
                case "deleted":
                    known.remove(change.path)
                case "written":
                    assert change.path in known
        assert known == files(tmp_path)
        assert index.whole() == []


def test_a_look_at_one_path_tells_of_it_and_of_all_below(tmp_path: Path) -> None:
    index = Index(str(tmp_path))
    index.whole()
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_text("abc")
    assert [(c.path, c.what, c.size) for c in index.look(f"{tmp_path}/a", "created")] == [(f"{tmp_path}/a/b/c", "created", 3)]
    (tmp_path / "a/b/c").write_text("abcd")
    assert [(c.what, c.size) for c in index.look(f"{tmp_path}/a/b/c", "written")] == [("written", 4)]
    assert index.look(f"{tmp_path}/a/b/c", "written") == []
    shutil.rmtree(tmp_path / "a")
    assert [(c.path, c.what, c.size) for c in index.look(f"{tmp_path}/a", "deleted")] == [(f"{tmp_path}/a/b/c", "deleted", 4)]


def test_new_folders_are_looked_at_once_more_and_those_that_are_gone_are_not(tmp_path: Path) -> None:
    index = Index(str(tmp_path))
    index.whole()
    for name in ("kept", "gone"):
        (tmp_path / name).mkdir()
        assert index.look(f"{tmp_path}/{name}", "created") == []
    (tmp_path / "kept/late").touch()
    (tmp_path / "gone").rmdir()
    assert index.look(f"{tmp_path}/gone", "deleted") == []
    assert [change.path for change in index.again()] == [f"{tmp_path}/kept/late"]
    assert index.again() == []
    assert index.whole() == []


def test_a_file_that_is_gone_before_anybody_looked_is_told_by_the_hint(tmp_path: Path) -> None:
    index = Index(str(tmp_path))
    index.whole()
    passing = f"{tmp_path}/passing"
    assert index.look(passing, "created") == [Change(passing, "created"), Change(passing, "deleted")]
    assert index.look(passing, "deleted") == []


def test_links_are_not_followed_and_pipes_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "top").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/file").touch()
    index = Index(str(tmp_path / "top"))
    index.whole()
    (tmp_path / "top/link").symlink_to(tmp_path / "out")
    os.mkfifo(tmp_path / "top/pipe")
    assert [(c.path, c.what) for c in index.whole()] == [(f"{tmp_path}/top/link", "created")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_for_a_while_has_lost_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").touch()
    index = Index(str(tmp_path))
    index.whole()
    (tmp_path / "a").chmod(0)
    try:
        assert index.whole() == []
    finally:
        (tmp_path / "a").chmod(0o700)


@pytest.mark.parametrize(("folders", "most", "said"), [(3, 100, "over 3 folders"), (100, 3, "over 3 files")])
def test_what_is_too_large_is_refused(tmp_path: Path, folders: int, most: int, said: str) -> None:
    for n in range(4):
        (tmp_path / f"d{n}").mkdir()
        (tmp_path / f"d{n}/file").touch()
    with pytest.raises(TooLarge, match=said):
        Index(str(tmp_path), folders, most).whole()
