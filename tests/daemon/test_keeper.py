"""What is kept how long, and what an operator is told of an undo before the answer."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from controlroom.daemon.keeper import DAY, HOUR, Keeper
from controlroom.daemon.ledger import Ledger
from controlroom.model.action import Action
from controlroom.model.effect import Assessment, Effect, EffectKind, Loses, Reason, Repository, Target
from controlroom.model.record import Intent, Kind, Outcome, Record
from controlroom.model.request import Decision
from controlroom.model.settings import Snapshots
from controlroom.model.tier import Tier, Verdict
from controlroom.storage.snapshots.budget import Budget
from controlroom.storage.snapshots.manifest import Root
from controlroom.storage.snapshots.store import Store
from tests.support.core_make import START

NOW = time.time_ns()


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    os.chmod(tmp_path, 0o700)
    store = Store(tmp_path / "store")
    store.secure()
    return Keeper(store, Snapshots(keep_days=30, store=100_000), Ledger(), lambda receipt: receipt == "waiting")


def _record(keeper: Keeper, name: str, kind: Kind, body: object) -> None:
    keeper._ledger.add(1, Record(kind, START, "s1", name, msgspec.Raw(msgspec.json.encode(body))))


def _made(keeper: Keeper, tmp_path: Path, name: str, stage: str, age: int, size: int = 10) -> None:
    """A snapshot of this age (ns) whose act came so far."""
    file = tmp_path / name
    file.write_bytes(os.urandom(size))
    assert keeper.take(name, (Root(os.fsencode(file)),), Budget()).seal
    when = NOW - age
    os.utime(keeper.store.lists / name, ns=(when, when))
    if stage == "unknown":
        return
    _record(keeper, name, Kind.INTENT, Intent("d", Action("Bash", "{}", "/"), Assessment(Tier.T2, ()), "a"))
    if stage == "intent":
        return
    verdict = Verdict.DENY if stage == "denied" else Verdict.ALLOW
    _record(keeper, name, Kind.DECISION, Decision(name, "d", verdict, "operator:ann", "", START))
    if stage in ("started", "done"):
        _record(keeper, name, Kind.STARTED, {})
    if stage == "done":
        _record(keeper, name, Kind.OUTCOME, Outcome(True))


@pytest.mark.row("J08")
@pytest.mark.parametrize(
    ("name", "stage", "age", "stays"),
    [
        ("young", "done", HOUR, True),
        ("a-week", "done", 7 * DAY, True),
        ("old", "done", 31 * DAY, False),
        ("unverified", "started", 400 * DAY, True),
        ("allowed", "allowed", 400 * DAY, True),
        ("forgotten", "unknown", 31 * DAY, False),
        ("forgotten-young", "unknown", 2 * DAY, True),
        ("orphan", "denied", 2 * HOUR, False),
        ("crashed", "intent", 2 * HOUR, False),
        ("crashed-now", "intent", HOUR // 2, True),
        ("waiting", "intent", 2 * HOUR, True),
    ],
)
def test_what_is_kept_how_long(keeper: Keeper, tmp_path: Path, name: str, stage: str, age: int, stays: bool) -> None:
    _made(keeper, tmp_path, name, stage, age)
    assert keeper.collect(NOW) == (0 if stays else 1)
    assert keeper.store.names() == ([name] if stays else [])
    assert bool(keeper.store.disk.names(keeper.store.objects)) is stays


def test_in_a_full_store_the_oldest_goes_first_but_never_what_must_be_kept(keeper: Keeper, tmp_path: Path) -> None:
    for number, (stage, age) in enumerate([("started", 9), ("done", 8), ("done", 7), ("done", 6)]):
        _made(keeper, tmp_path, f"s{number}", stage, age * DAY, 45_000)
    _made(keeper, tmp_path, "new", "done", HOUR, 45_000)
    keeper.collect(NOW)
    assert keeper.store.names() == ["new", "s0"]


def _delete(path: Path, tier: Tier = Tier.T2, **more: object) -> Assessment:
    target = Target(str(path), True, inside=True, **more)  # type: ignore[arg-type]
    return Assessment(tier, (Reason("r", tier, "x"),), (Effect(EffectKind.DELETE, (target,)),), (target,))


def test_a_store_that_is_full_of_what_must_be_kept_is_told_before_the_answer(keeper: Keeper, tmp_path: Path) -> None:
    _made(keeper, tmp_path, "kept", "started", DAY, 90_000)
    keeper.collect(NOW)
    (tmp_path / "next").write_bytes(b"x" * 20_000)
    found = keeper.cover(_delete(tmp_path / "next"))
    assert not found.undo
    assert "must be kept already fill" in found.undo_why


def test_what_only_reads_or_is_denied_anyway_is_not_measured(keeper: Keeper, tmp_path: Path) -> None:
    for tier in (Tier.T0, Tier.TX):
        found = keeper.cover(_delete(tmp_path, tier))
        assert (found.undo, found.undo_why) == (False, "")


def _branch_deletion(tmp_path: Path, tier: Tier = Tier.T2) -> tuple[Assessment, str]:
    """An act on the names of a repository with 3 MB of its own in its objects, and how the repository is called."""
    repo = tmp_path / "repo"
    repo.mkdir()
    (repo / "big").write_bytes(os.urandom(3 << 20))
    words = ("-c user.email=a@b -c user.name=a commit -qm big", "rm -q --cached big")
    for command in ("init -q", "add big", *words):
        subprocess.run(["git", *command.split()], cwd=repo, check=True, env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})
    target = Target("git:branch", True)
    effect = Effect(EffectKind.DELETE, (target,))
    found = Assessment(tier, (Reason("r", tier, "x"),), (effect,), (target,), repositories=(Repository(str(repo), Loses.REFS),))
    return found, f"{repo}/.git"


def _with(tmp_path: Path, size: int, store: int = 1 << 30) -> Keeper:
    """A keeper whose snapshots may hold so many bytes, each and together."""
    os.chmod(tmp_path, 0o700)
    kept = Store(tmp_path / "store")
    kept.secure()
    return Keeper(kept, Snapshots(bytes=size, store=store), Ledger(), lambda receipt: False)


@pytest.mark.row("J20")
def test_objects_of_git_over_the_limit_are_told_before_the_answer(tmp_path: Path) -> None:
    act, git = _branch_deletion(tmp_path)
    keeper = _with(tmp_path, 1 << 20)
    found = keeper.cover(act)
    assert found.undo
    assert f"not saved: objects of {git} (3.1 MB, 2.1 MB over the limit); git itself keeps them for weeks" == found.undo_why
    assert _with(tmp_path, 8 << 20).cover(act).undo_why == ""
    full = _with(tmp_path, 8 << 20, store=2 << 20).cover(act)
    assert not full.undo
    assert "must be kept already fill" in full.undo_why


@pytest.mark.row("J20")
def test_that_git_is_missing_is_told_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act, git = _branch_deletion(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = _with(tmp_path, 8 << 20).cover(act)
    assert found.undo
    assert found.undo_why == f"not saved: objects of {git} (git is not installed); git itself keeps them for weeks"


def test_files_that_cannot_be_told_beforehand_have_no_undo(keeper: Keeper, tmp_path: Path) -> None:
    target = Target(str(tmp_path), certain=False)
    what = Assessment(Tier.T3, (Reason("r", Tier.T3, "x"),), (Effect(EffectKind.DELETE, (target,)),), (target,))
    found = keeper.cover(what)
    assert not found.undo
    assert "cannot be told beforehand" in found.undo_why


def test_what_no_undo_brings_back_is_said_beside_what_it_does(keeper: Keeper, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    what = _delete(tmp_path / "file")
    both = msgspec.structs.replace(what, effects=(*what.effects, Effect(EffectKind.PUBLISH)))
    found = keeper.cover(both)
    assert found.undo
    assert "cannot be taken back" in found.undo_why
    only = keeper.cover(Assessment(Tier.T3, what.reasons, (Effect(EffectKind.DELETE, (Target("db:shop/orders"),)),)))
    assert not only.undo
    assert "database" in only.undo_why
