"""Undo brings back exactly what was there: random trees, destroyed by commands that are really run."""

import random
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.storage.snapshots import stage
from controlroom.storage.snapshots.plan import Do
from controlroom.storage.snapshots.store import Store
from tests.storage.snapshots.support import saved, undo
from tests.storage.snapshots.trees import DESTROYERS, facts, make, run


@pytest.mark.row("J20")
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
@given(seed=st.integers(0, 10**9), how=st.sampled_from(sorted(DESTROYERS)), then=st.sampled_from(sorted(DESTROYERS)))
def test_what_was_destroyed_comes_back_and_the_undo_can_be_undone(place: Path, seed: int, how: str, then: str) -> None:
    here = place / "round"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    store = Store(place / "store")
    store.secure()
    tree = here / "tree"
    make(tree, random.Random(seed))
    before = facts(here)
    first = saved(store, tree, here / "elsewhere")
    run(DESTROYERS[how], here)
    run(DESTROYERS[then], here)
    destroyed = facts(here)
    second = saved(store, tree, here / "elsewhere", name="b" * 32)
    with patch.object(stage, "LARGE", 1 if seed % 2 else stage.LARGE):  # by either way to a file
        undo(store, first)
        assert facts(here) == before
        undo(store, second, "b" * 32)
        assert facts(here) == destroyed


@pytest.mark.parametrize("how", sorted(DESTROYERS))
def test_each_way_to_destroy_is_undone(place: Path, store: Store, how: str) -> None:
    make(place / "tree", random.Random(7))
    before = facts(place / "tree")
    made = saved(store, place / "tree", place / "elsewhere")
    run(DESTROYERS[how], place)
    undo(store, made)
    assert facts(place / "tree") == before
    assert not (place / "elsewhere").exists()


def test_what_is_as_it_was_needs_nothing(place: Path, store: Store) -> None:
    make(place / "tree", random.Random(3))
    made = saved(store, place / "tree")
    assert undo(store, made).steps == ()


def test_a_file_of_which_the_folder_did_not_exist_is_taken_away_with_it(place: Path, store: Store) -> None:
    made = saved(store, place / "new")
    run("mkdir -p new/deep && echo x > new/deep/file", place)
    steps = undo(store, made).steps
    assert not (place / "new").exists()
    assert {s.do for s in steps} == {Do.REMOVE}


def test_the_folder_of_the_target_gets_its_time_again_where_it_holds_what_it_held(place: Path, store: Store) -> None:
    make(place / "tree", random.Random(5))
    before = facts(place)[bytes(place)]
    made = saved(store, place / "tree")
    run("rm -rf tree", place)
    undo(store, made)
    assert facts(place)[bytes(place)] == before


def test_a_file_of_other_names_outside_is_named(place: Path, store: Store) -> None:
    (place / "a").write_text("one")
    (place / "b").hardlink_to(place / "a")
    made = saved(store, place / "a")
    (place / "a").unlink()
    notes = undo(store, made).notes
    assert len(notes) == 1 and "other names outside" in notes[0]
    assert (place / "a").read_text() == "one"
