"""Two corpora of commands that agents run (corpus/*.toml): harmless work is not held, destruction never passes."""

import tomllib
from pathlib import Path

import pytest

from controlroom.model.tier import Tier
from tests.policy.fake import WORK, FakeTree, sh, shop

HERE = Path(__file__).parent / "corpus"
HARMLESS = [
    command for group in tomllib.loads((HERE / "harmless.toml").read_text("utf-8")).values() for command in group["commands"]
]
DESTRUCTIVE = [
    (command, Tier(group["tier"]))
    for group in tomllib.loads((HERE / "destructive.toml").read_text("utf-8")).values()
    for command in group["commands"]
]


def _tree() -> FakeTree:
    """The shop, with its manifest in git."""
    tree = shop()
    return FakeTree(tree.nodes, tracked=(*(f"{WORK}/{name}" for name in ("README.md", "a.py", "src/main.py", "package.json")),))


def test_the_corpora_are_large_and_say_nothing_twice() -> None:
    assert len(HARMLESS) == len(set(HARMLESS)) >= 500
    assert len(DESTRUCTIVE) == len({command for command, _ in DESTRUCTIVE}) >= 500


@pytest.mark.parametrize("command", HARMLESS)
def test_harmless_work_is_not_held(command: str) -> None:
    result = sh(command, _tree())
    assert result.tier <= Tier.T1, [reason for reason in result.reasons if reason.tier > Tier.T1]


@pytest.mark.parametrize(("command", "tier"), DESTRUCTIVE)
def test_destruction_is_held(command: str, tier: Tier) -> None:
    result = sh(command, _tree())
    assert result.tier >= tier, result.reasons
