"""A folder that is copied over another one overwrites what both have; what git has, or what only one has, is not lost."""

import pytest

from controlroom.model.effect import EffectKind
from controlroom.model.tier import Tier
from tests.policy.fake import WORK, FakeTree, sh


def tree(*, tracked: bool = False, more: int = 0) -> FakeTree:
    """`new/pages/a` is to come over `out/pages/a` (or over `out/new/pages/a`); `b` and `c` are in one of them only."""
    files: dict[str, bytes | str | None] = {
        f"{WORK}/new/pages/a": b"2",
        f"{WORK}/new/pages/b": b"2",
        f"{WORK}/out/pages/c": b"1",
    }
    files |= {f"{WORK}/{top}/pages/a": b"1" for top in ("out", "out/new")}
    files |= {f"{WORK}/{top}/pages/{n}": b"1" for n in range(more) for top in ("out", "new")}
    return FakeTree(files, tracked=tuple(files) if tracked else ("x",))


def overwritten(command: str, where: FakeTree) -> list[str]:
    written = [effect.targets for effect in sh(command, where).effects if effect.kind is EffectKind.WRITE]
    return [t.path.removeprefix(f"{WORK}/") for targets in written for t in targets if t.path.endswith("/a")]


@pytest.mark.parametrize(
    ("command", "file"),
    [
        ("cp -r new/. out", "out/pages/a"),
        ("cp -a new/. out/", "out/pages/a"),
        ("cp -rT new out", "out/pages/a"),
        ("cp -r new out", "out/new/pages/a"),
        ("cp -r new/ out", "out/new/pages/a"),  # cp makes no difference of the slash
        ("cp -R -t out new", "out/new/pages/a"),
        ("cp -r new/* out", "out/pages/a"),
        ("cd new && cp -r . ../out", "out/pages/a"),
        ("rsync -a new/ out/", "out/pages/a"),
        ("rsync -a new out", "out/new/pages/a"),
    ],
)
def test_what_both_have_is_overwritten_and_asks(command: str, file: str) -> None:
    assert overwritten(command, tree()) == [file]
    assert sh(command, tree()).tier is Tier.T2


@pytest.mark.parametrize(
    "command",
    ["cp -rn new/. out", "rsync -a --ignore-existing new/ out/", "cp -r new/. fresh", "cp -r new fresh/", "cp -r out/. out"],
)
def test_a_copy_that_overwrites_nothing_does_not_ask(command: str) -> None:
    assert sh(command, tree()).tier is Tier.T1


def test_what_git_has_may_be_overwritten() -> None:
    assert sh("cp -r new/. out", tree(tracked=True)).tier is Tier.T1


def test_too_many_to_be_named_ask_as_the_folder() -> None:
    result = sh("cp -r new/. out", tree(more=300))
    assert result.tier is Tier.T2
    assert f"{WORK}/out" in [target.path for target in result.targets]


@pytest.mark.parametrize("there", [True, False])
def test_what_is_protected_is_found_by_its_place(there: bool) -> None:
    files: dict[str, bytes | str | None] = {f"{WORK}/new/.git/hooks/pre-commit": b"2", f"{WORK}/.git/config": b""}
    files |= {f"{WORK}/.git/hooks/pre-commit": b"1"} if there else {}
    where = FakeTree(files)
    assert sh("cp -r new/. .", where).tier is Tier.T3
