"""The look into folders comes after the judgement, has one bound for all, and only adds to what was found."""

import itertools
from pathlib import Path

import msgspec
import pytest

from controlroom.model.action import Action
from controlroom.model.effect import Assessment, Target
from controlroom.model.tier import Tier
from controlroom.policy import Context, Draft, Manifest, Scan, assess
from controlroom.sensing.tree import RealTree
from tests.policy.fake import HOME, WORK, FakeTree, context, shop
from tests.policy.test_corpus import DESTRUCTIVE, HARMLESS


class _Watched(FakeTree):
    """The shop, which tells what was looked through, and sees nothing where it has no time."""

    def __init__(self, *, time: bool = True) -> None:
        super().__init__(shop().nodes)
        self.looked: list[str] = []
        self._time = time

    def scan(self, path: str, max_entries: int) -> Scan:
        self.looked.append(path)
        return super().scan(path, max_entries) if self._time else Scan(0, 0, True)


def _bash(command: str, cwd: str = WORK) -> Action:
    return Action("Bash", msgspec.json.encode({"command": command}).decode(), cwd)


def _names(targets: tuple[Target, ...]) -> list[str]:
    return [target.path for target in targets]


def _only_grew(before: Assessment, after: Assessment) -> bool:
    """Whether a scan left everything that was said, and no target lost what it had."""
    said = {(reason.rule, reason.text): reason.tier for reason in after.reasons}
    kept = all(said.get((r.rule, r.text), Tier.T0) >= r.tier for r in before.reasons)
    kinds = {effect.kind: _names(effect.targets) for effect in after.effects}
    effects = all(set(_names(effect.targets)) <= set(kinds.get(effect.kind, ())) for effect in before.effects)
    return after.tier >= before.tier and kept and effects and _names(before.targets) == _names(after.targets)


def test_the_judgement_looks_into_no_folder() -> None:
    tree = _Watched()
    draft = Draft(_bash("rm -rf build notes.txt; chmod -R 755 src; cp -r src out; rm -rf ~/.ssh"), context(), tree)
    assert draft.assessment.tier is Tier.T3
    assert draft.assessment.targets[0] == Target(f"{WORK}/build", True, inside=True)
    assert tree.looked == []
    assert draft.scanned().tier is Tier.TX, "there is a key in the last"


@pytest.mark.row("N08")
def test_a_member_with_a_place_of_its_own_needs_no_look() -> None:
    tree = _Watched()
    tree.add(f"{HOME}/.aws/credentials", b"key")
    assert Draft(_bash("rm -rf ~"), context(), tree).assessment.tier is Tier.TX
    assert tree.looked == []


def test_a_look_fills_in_the_numbers() -> None:
    tree = _Watched()
    draft = Draft(_bash("rm -rf build build"), context(), tree)
    found = draft.scanned()
    assert found.targets == (Target(f"{WORK}/build", True, 2, 3, False, None, True),)
    assert [t for e in found.effects for t in e.targets if t.path.endswith("build")] == list(found.targets)
    assert [t for e in draft.found[0].effects for t in e.targets] == list(found.targets)
    assert tree.looked == [f"{WORK}/build"], "once, however often it is named"


@pytest.mark.row("N08")
def test_a_look_finds_the_member_that_has_no_place_of_its_own() -> None:
    tree = _Watched()
    tree.add(f"{WORK}/src/deep/id_rsa", b"key")
    draft = Draft(_bash("ls; rm -rf src"), context(), tree)
    assert draft.assessment.tier is Tier.T2
    assert draft.scanned().tier is Tier.TX
    assert [found.tier for found in draft.found] == [Tier.T0, Tier.TX], "it is the second command's"


def test_what_there_was_no_time_to_look_at_asks() -> None:
    draft = Draft(_bash("rm -rf build"), context(), _Watched(time=False))
    assert draft.assessment.tier is Tier.T2
    found = draft.scanned()
    assert found.tier is Tier.T3
    assert found.targets[0].partial


def test_the_places_of_members_come_before_anything_large() -> None:
    tree = _Watched()
    tree.add(f"{HOME}/.ssh/id_work", b"key")
    Draft(_bash("rm -rf build ~"), context(), tree).scanned()
    assert f"{HOME}/.ssh" in tree.looked
    assert tree.looked.index(f"{HOME}/.ssh") < tree.looked.index(f"{WORK}/build")


def test_a_look_at_any_command_of_the_corpora_only_adds() -> None:
    tree = shop()
    for command in (*HARMLESS, *(command for command, _ in DESTRUCTIVE)):
        draft = Draft(_bash(command), context(), tree)
        assert _only_grew(draft.assessment, draft.scanned()), command


def test_all_scans_of_an_assessment_share_one_time(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").touch()
    where = Context(str(tmp_path), "/home/nobody-here", Manifest())

    def counted(seconds_a_look: float) -> list[int | None]:
        clock = itertools.count(0.0, seconds_a_look)
        tree = RealTree(0.2, lambda: next(clock))
        found = assess(_bash("rm -rf a b", str(tmp_path)), where, tree)
        assert (found.tier is Tier.T3) == any(target.partial for target in found.targets)
        return [None if target.partial else target.files for target in found.targets]

    assert counted(0.001) == [1, 1]
    assert counted(0.09) == [1, None], "the first took what there was"
    assert counted(0.3) == [None, None]
