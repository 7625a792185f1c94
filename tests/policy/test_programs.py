"""The catalogue both ways: for every group of programs what must be held, and harmless neighbours that must not be."""

import tomllib
from pathlib import Path

import pytest

from controlroom.model.tier import Tier
from tests.policy.fake import WORK, FakeTree, sh, shop

_GROUPS: dict[str, dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "corpus" / "programs.toml").read_text("utf-8")
)


def _cases(key: str) -> list[tuple[str, str]]:
    return [(group, command) for group, lists in _GROUPS.items() for command in lists.get(key, ())]


def _tree() -> FakeTree:
    tree = shop()
    for name in ("app.db", "x.duckdb", "a.tar", "a.zip", "a.gz", "manage.py", "x.yaml"):
        tree.add(f"{WORK}/{name}", b"x")
    return tree


@pytest.mark.parametrize(("group", "command"), _cases("held"))
def test_what_a_snapshot_may_cover_is_asked(group: str, command: str) -> None:
    assert sh(command, _tree()).tier >= Tier.T2


@pytest.mark.parametrize(("group", "command"), _cases("hard"))
def test_what_cannot_be_taken_back_is_asked_harder(group: str, command: str) -> None:
    assert sh(command, _tree()).tier >= Tier.T3


@pytest.mark.parametrize(("group", "command"), _cases("free"))
def test_a_harmless_neighbour_is_not_held(group: str, command: str) -> None:
    found = sh(command, _tree())
    assert found.tier <= Tier.T1, found.reasons


def test_every_group_has_both_kinds() -> None:
    for group, lists in _GROUPS.items():
        assert len(lists["free"]) >= 9, group
        assert len([*lists.get("held", ()), *lists.get("hard", ())]) >= 9, group
