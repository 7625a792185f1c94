"""What git lost comes back even after git itself has collected it, and no setting of the repository is ever run."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.model.effect import Loses
from controlroom.model.snapshot import Saved
from controlroom.storage.snapshots.budget import Budget
from controlroom.storage.snapshots.history import NoHistory, weigh
from controlroom.storage.snapshots.plan import Plan, plan
from controlroom.storage.snapshots.repository import pushed, repository
from controlroom.storage.snapshots.restore import restore
from controlroom.storage.snapshots.store import Store
from controlroom.storage.snapshots.take import take
from tests.storage.snapshots.support import NAME
from tests.storage.snapshots.trees import Facts, facts

COLLECT = "git reflog expire --expire=now --all && git gc -q --prune=now"
MAKE = """
git init -q -b main repo && cd repo && git config user.email a@b && git config user.name a && echo '*.log' > .gitignore
echo one > a && git add . && git commit -qm one && git branch topic && git tag -a v1 -m v1
echo two > a && git commit -qam two && git switch -q topic && echo t > t && git add t && git commit -qm t && git tag -am v2 v2
git switch -q main && mkdir -p d/e && echo f > d/e/f && echo stashed > a && git stash -q && echo other > a && git stash -q
echo staged > staged && git add staged && echo dirty > a && echo new > new && echo ignored > x.log
"""
ACTS = {
    "reset --hard": ("git reset -q --hard HEAD~1", Loses.WORKTREE),
    "clean -fdx": ("git clean -qfdx", Loses.WORKTREE),
    "checkout -- .": ("git checkout -q -- .", Loses.WORKTREE),
    "rebase": ("git stash -q && git rebase -q topic", Loses.WORKTREE),
    "branch -D": ("git branch -qD topic", Loses.REFS),
    "tag -d": ("git tag -d v2", Loses.REFS),
    "stash drop": ("git stash drop -q", Loses.REFS),
    "stash clear": ("git stash clear", Loses.REFS),
    "gc --prune=now": (COLLECT, Loses.HISTORY),
}


def sh(script: str, where: Path) -> str:
    """Really run it."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["bash", "-ec", script], cwd=where, env=env, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A repository with a branch, tags, two stashes, and work that is staged, dirty, new and ignored; and one with a remote."""
    with tempfile.TemporaryDirectory(prefix="cr-git-", dir="/var/tmp") as folder:
        top = Path(folder)
        sh(MAKE, top)
        sh("cp -a repo near && git clone -q --bare repo far", top)
        sh("git remote add origin ../far && git fetch -q origin", top / "near")
        yield top


@pytest.fixture
def repo(place: Path, template: Path) -> Path:
    sh(f"cp -a {template}/repo {place}", place)
    return place / "repo"


def state(top: Path) -> list[str]:
    """Where everything points, what everything named is, and that all of it is there."""
    commands = (
        "git for-each-ref",
        "git symbolic-ref HEAD",
        "git stash list -p",
        "git reflog --all",
        "git status --porcelain --ignored",
        "git ls-files -s",
        "git log --all --format=%H%n%B -p",
        "git fsck --no-dangling --no-progress",
    )
    return [sh(command, top) for command in commands]


def files(top: Path) -> Facts:
    return {path: found for path, found in facts(top).items() if b"/.git" not in path}


def save(store: Store, top: Path, loses: Loses = Loses.REFS, name: str = NAME) -> Saved:
    made = take(store, name, repository(str(top), loses), Budget())
    assert made.seal, made.why
    return made


def undo(store: Store, made: Saved, name: str = NAME) -> Plan:
    manifest = store.load(name, made.seal)
    steps = plan(store, manifest, None)
    restore(store, manifest, steps)
    return steps


@pytest.mark.row("J20")
@pytest.mark.parametrize(
    ("how", "packed"), [*((how, False) for how in ACTS), *((how, True) for how in ("branch -D", "stash clear", "reset --hard"))]
)
def test_what_git_lost_and_then_collected_comes_back_whole(store: Store, repo: Path, how: str, packed: bool) -> None:
    if packed:
        sh("git pack-refs --all --prune && git gc -q", repo)
    act, loses = ACTS[how]
    before, work = state(repo), files(repo)
    made = save(store, repo, loses)
    assert made.left_out == ()
    sh(f"{act} && {COLLECT}", repo)
    assert state(repo) != before
    undo(store, made)
    again = undo(store, made)
    assert (again.steps, again.histories) == ((), ()), "it is as it was, so there is nothing more to do"
    assert state(repo) == before
    if loses is Loses.WORKTREE:
        assert files(repo) == work


def test_while_git_still_has_it_no_pack_is_put_there(store: Store, repo: Path) -> None:
    made = save(store, repo)
    sh("git branch -qD topic && git stash drop -q", repo)
    packs = list((repo / ".git/objects/pack").iterdir())
    assert undo(store, made).histories == ()
    assert list((repo / ".git/objects/pack").iterdir()) == packs


def test_a_work_tree_of_its_own_is_saved_with_what_only_it_names(store: Store, repo: Path) -> None:
    sh("git worktree add -q --detach ../tree topic && cd ../tree && echo w > w && git add w && git commit -qm w", repo)
    tree = repo.parent / "tree"
    before, work = state(repo), files(tree)
    made = save(store, tree, Loses.WORKTREE)
    sh(f"git reset -q --hard HEAD~1 && {COLLECT}", tree)
    undo(store, made)
    assert (state(repo), files(tree)) == (before, work)
    assert sh("git log -1 --format=%s", tree) == "w\n"


def test_what_a_remote_branch_has_too_is_not_saved_again(store: Store, repo: Path) -> None:
    big = os.urandom(200_000).hex()
    (repo / "big").write_text(big)
    sh(
        "git add big && git commit -qm big && git clone -q --bare . ../far && git remote add origin ../far && git fetch -q",
        repo,
    )
    sh("git switch -q -c mine && echo m > m && git add m && git commit -qm mine", repo)
    made = save(store, repo)
    (saved,) = store.load(NAME, made.seal).histories
    assert 0 < saved.size < 20_000
    sh(f"git switch -q main && git branch -qD mine && {COLLECT}", repo)
    undo(store, made)
    assert sh("git log -1 --format=%s mine && git fsck --no-dangling --no-progress", repo) == "mine\n"


def test_a_second_snapshot_adds_only_what_is_new_and_stands_alone(store: Store, repo: Path) -> None:
    (repo / "big").write_bytes(os.urandom(200_000))
    sh("git add big && git commit -qm big", repo)
    first = save(store, repo)
    sh("echo more > more && git add more && git commit -qm more", repo)
    before = state(repo)
    second = save(store, repo, name="b" * 32)
    (had,), (has,) = (store.load(n, s.seal).histories for n, s in ((NAME, first), ("b" * 32, second)))
    assert has.packs[: len(had.packs)] == had.packs and has.size - had.size < 20_000
    store.drop(NAME)
    assert store.sweep() > 0
    sh(f"git reset -q --hard HEAD~2 && {COLLECT}", repo)
    undo(store, second, "b" * 32)
    assert state(repo)[0] == before[0]
    assert sh("git fsck --no-dangling --no-progress", repo) == ""


def test_a_base_that_was_collected_is_not_built_on(store: Store, repo: Path) -> None:
    save(store, repo)
    store.drop(NAME)
    store.sweep()
    before = state(repo)
    made = save(store, repo, name="b" * 32)
    sh(f"git branch -qD topic && {COLLECT}", repo)
    undo(store, made, "b" * 32)
    assert state(repo) == before


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_both_formats_of_ids(store: Store, place: Path, form: str) -> None:
    sh(MAKE.replace("git init", f"git init --object-format={form}"), place)
    before = state(place / "repo")
    made = save(store, place / "repo")
    sh(f"git branch -qD topic && git stash clear && {COLLECT}", place / "repo")
    undo(store, made)
    assert state(place / "repo") == before


def test_a_shallow_clone_is_saved_as_far_as_it_goes(store: Store, repo: Path) -> None:
    sh(f"git clone -q --depth 1 --branch main file://{repo} short", repo.parent)
    short = repo.parent / "short"
    sh("git config user.email a@b && git config user.name a && git switch -qc mine && echo m > m && git add m", short)
    sh("git commit -qm mine && git switch -q main", short)
    before = state(short)
    made = save(store, short)
    assert made.left_out == ()
    sh(f"git branch -qD mine && {COLLECT}", short)
    undo(store, made)
    assert state(short) == before


@pytest.mark.row("J20")
def test_no_program_that_a_repository_names_is_run(store: Store, repo: Path) -> None:
    evil = repo.parent / "evil"
    evil.write_text(f"#!/bin/sh\ntouch {repo.parent}/ran\n")
    evil.chmod(0o755)
    for key in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "uploadpack.packObjectsHook", "gpg.program"):
        sh(f"git config {key} {evil}", repo)
    sh(f"git config filter.x.clean {evil} && git config filter.x.smudge {evil} && echo '* filter=x' > .gitattributes", repo)
    for hook in ("post-index-change", "reference-transaction", "pre-auto-gc", "fsmonitor-watchman"):
        (repo / ".git/hooks" / hook).symlink_to(evil)
    made = save(store, repo, Loses.WORKTREE)
    assert made.left_out == ()
    plain = f"git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c core.pager=cat {{}} {COLLECT[4:]}"
    sh("rm -f .git/refs/heads/topic .git/refs/stash .git/logs/refs/stash", repo)
    sh(plain.format("").replace(" && git ", " && git -c core.fsmonitor=false -c core.hooksPath=/dev/null "), repo)
    (repo.parent / "ran").unlink(missing_ok=True)
    assert len(undo(store, made).histories) == 1
    assert not (repo.parent / "ran").exists()


def test_a_repository_whose_objects_cannot_be_read_has_its_names_saved_and_says_so(store: Store, repo: Path) -> None:
    for pack in sh("find .git/objects -type f", repo).split():
        (repo / pack).unlink()
    (repo / ".git/objects/pack/pack-bad.idx").write_bytes(b"x" * 100)
    made = save(store, repo)
    assert store.load(NAME, made.seal).histories == ()


def test_without_git_the_names_are_saved_and_it_is_said(store: Store, repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    made = save(store, repo)
    assert made.left_out == (f"objects of {repo}/.git (git is not installed); git itself keeps them for weeks",)


def test_objects_over_the_budget_are_left_to_git_and_it_is_said(store: Store, repo: Path) -> None:
    (repo / "big").write_bytes(os.urandom(3 << 20))
    sh("git add big && git commit -qm big", repo)
    made = take(store, NAME, repository(str(repo), Loses.REFS), Budget(bytes=2 << 20))
    assert made.seal
    assert made.left_out == (
        f"objects of {repo}/.git (more than the 2.1 MB that the limit leaves); git itself keeps them for weeks",
    )


def test_a_pack_that_was_changed_in_the_store_brings_nothing_back(store: Store, repo: Path) -> None:
    made = save(store, repo)
    sh(f"git branch -qD topic && {COLLECT}", repo)
    (pack,) = store.load(NAME, made.seal).histories[0].packs
    store.path(pack.object).write_bytes(b"PACK poisoned")
    before = facts(repo)
    with pytest.raises(Exception, match="was changed"):
        undo(store, made)
    assert facts(repo) == before


@pytest.mark.parametrize(
    ("words", "branches"),
    [
        ("git push -f", ["main"]),
        ("git push --force origin topic", ["topic"]),
        ("git push origin +HEAD:topic", ["topic"]),
        ("git push -o ci.skip -f origin main", ["main"]),
        ("git push origin --delete topic", ["topic"]),
        ("git push origin :topic", ["topic"]),
        ("git push --mirror", ["main", "topic"]),
        ("git push elsewhere main", []),
        ("git push ../.. main", []),
        ("git status", []),
    ],
)
def test_where_a_push_falls_is_noted_with_the_command_that_puts_it_back(
    template: Path, words: str, branches: list[str]
) -> None:
    far = [line.split() for line in sh("git for-each-ref refs/heads", template / "far").splitlines()]
    old = {name.rpartition("/")[2]: oid for oid, _, name in far}
    assert pushed(str(template / "near"), [tuple(words.split())]) == tuple(
        f"the remote branch origin/{name} was last seen at {old[name]}; to put it back: "
        f"git push --force-with-lease origin {old[name]}:refs/heads/{name}"
        for name in branches
    )


def test_the_noted_command_puts_a_forced_push_back(place: Path, template: Path) -> None:
    sh(f"cp -a {template}/near {template}/far . && cd near && git pack-refs --all --prune", place)
    repo, far = place / "near", place / "far"
    old = sh("git rev-parse main", far)
    (note,) = pushed(str(repo), [("git", "push", "-f", "origin", "main")])
    sh("git stash -q && git reset -q --hard HEAD~1 && git push -qf origin main", repo)
    assert sh("git rev-parse main", far) != old
    sh(note.partition("to put it back: ")[2], repo)
    assert sh("git rev-parse main", far) == old


def test_what_git_would_have_to_pack_is_told_beforehand(store: Store, repo: Path) -> None:
    (repo / "big").write_bytes(os.urandom(3 << 20))
    sh("git add big && git commit -qm big", repo)
    git = os.fsencode(repo / ".git")
    assert 3 << 20 < weigh(store, git, 4 << 20, lambda: None) < 4 << 20
    with pytest.raises(NoHistory, match="MB over the limit"):
        weigh(store, git, 2 << 20, lambda: None)
    save(store, repo)
    assert weigh(store, git, 2 << 20, lambda: None) < 1 << 10, "what an earlier snapshot has is not packed again"


def test_objects_that_take_too_long_are_left_to_git_and_the_files_are_saved(store: Store, repo: Path) -> None:
    seconds = iter([0.0, *([1.0] * 5), *([50.0] * 100)])
    made = take(store, NAME, repository(str(repo), Loses.REFS), Budget(seconds=60), clock=lambda: next(seconds))
    assert made.seal
    assert made.left_out == (f"objects of {repo}/.git (over 45 s, which is the limit); git itself keeps them for weeks",)


def test_a_repository_with_a_reftable_says_that_its_objects_are_not_saved(store: Store, repo: Path) -> None:
    (repo / ".git/reftable").mkdir()
    (repo / ".git/reftable/tables.list").write_text("0x1-0x1.ref\n")
    made = save(store, repo)
    (left,) = made.left_out
    assert "reftable" in left and "weeks" in left
    (repo / ".git/reftable/tables.list").write_text("0x1-0x2.ref\n")
    undo(store, made)
    assert (repo / ".git/reftable/tables.list").read_text() == "0x1-0x1.ref\n", "the names themselves are files, and saved"
