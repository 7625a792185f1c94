"""What git tracks, read from its index without git: the same answer as git gives, or none."""

import os
import subprocess
from pathlib import Path

import pytest

from controlroom.sensing.git_index import tracked


@pytest.fixture
def git(tmp_path: Path) -> "Git":
    made = Git(tmp_path / "repo")
    made("init", "-q", str(made.top), where=tmp_path)
    return made


class Git:
    """A repository."""

    def __init__(self, top: Path) -> None:
        self.top = top

    def __call__(self, *words: str, where: Path | None = None) -> str:
        names = {f"GIT_{who}_{what}": "x@x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        quiet = {"PATH": os.environ["PATH"], "HOME": str(self.top.parent), "GIT_CONFIG_NOSYSTEM": "1", **names}
        done = subprocess.run(["git", *words], cwd=where or self.top, env=quiet, check=True, capture_output=True, text=True)
        return done.stdout

    def write(self, *names: str) -> None:
        for name in names:
            (self.top / name).parent.mkdir(parents=True, exist_ok=True)
            (self.top / name).write_text(name)

    def says(self, name: str) -> bool | None:
        return tracked(f"{self.top}/{name}")


NAMES = ("a", "b/a", "ab", "b/ab.py", "é", "x" * 200, "d/*", " s ")


@pytest.mark.parametrize("extended", [False, True])
def test_it_agrees_with_git_on_every_file(git: Git, extended: bool) -> None:
    git.write(*NAMES, "bb/a", "a.py", "d/x", "B")
    git("add", "--", *(f":(literal){name}" for name in NAMES))
    if extended:
        git("add", "-N", "B")  # an intention to add makes the index a version 3
    known = set(git("ls-files", "-z").split("\0"))
    for file in git.top.rglob("*"):
        name = str(file.relative_to(git.top))
        if file.is_file() and not name.startswith(".git/"):
            assert git.says(name) is (name in known), name


def test_a_name_that_imitates_an_entry_is_none(git: Git) -> None:
    """A path that ends like another, with a plausible length before it: the mode of an entry holds NULs, which no path has."""
    victim = "victim"
    git.write(victim, "x" * 62 + "\x10\x06" + victim)
    git("add", "--", "x" * 62 + "\x10\x06" + victim)
    assert git.says(victim) is False


def test_a_worktree_and_a_submodule_have_indexes_of_their_own(git: Git, tmp_path: Path) -> None:
    git.write("a")
    git("add", "a")
    git("commit", "-qm", "a")
    git("worktree", "add", "-q", str(tmp_path / "tree"))
    assert tracked(f"{tmp_path}/tree/a") is True
    (tmp_path / "tree" / "b").touch()
    assert tracked(f"{tmp_path}/tree/b") is False
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(git.top), "sub")
    assert git.says("sub/a") is True
    assert git.says("sub/b") is False


def test_what_cannot_be_told_is_none(git: Git, tmp_path: Path) -> None:
    assert tracked(f"{tmp_path}/a") is None, "no repository"
    assert git.says("a") is False, "nothing was ever added"
    git.write("a")
    git("add", "a")
    git("update-index", "--index-version", "4")
    assert git.says("a") is None, "version 4"
    (git.top / ".git" / "index").write_bytes(b"DIRC")
    assert git.says("a") is None, "cut off"
    git("init", "-q", "--bare", str(tmp_path / "bare"))
    assert tracked(f"{tmp_path}/bare/HEAD") is None, "a bare one"
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / ".git").write_text("nonsense")
    assert tracked(f"{tmp_path}/odd/a") is None


def test_a_split_index_is_not_guessed_at(git: Git) -> None:
    git.write("a", "b")
    git("add", "a")
    git("update-index", "--split-index")
    assert git.says("a") is None
