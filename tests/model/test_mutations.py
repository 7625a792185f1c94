"""The tests notice when a check of the core is gone. A sample here; `python -m tests.model.mutate` runs the whole list."""

import pytest

from tests.model.mutate import MODEL, MUTATIONS, run, source
from tests.model.score import EQUIVALENT, mutants

SAMPLE = (
    "digest compare",
    "tombstone check",
    "peer-gone check",
    "latch check at release",
    "monotonic part of expiry",
    "grant use decrement",
    "flood cap",
    "journal before release",
)
SEEN_BY_THE_MODEL = ("digest compare", "snapshot that failed", "second look", "grant use decrement", "stop denies all")


@pytest.mark.parametrize("name", list(MUTATIONS))
def test_every_mutation_still_fits_the_core(name: str) -> None:
    mutation = MUTATIONS[name]
    assert source(mutation).read_text().count(mutation.old) == 1
    assert mutation.new != mutation.old


@pytest.mark.parametrize("file", list(EQUIVALENT))
def test_what_is_left_out_of_the_score_is_one_mutant_each(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left = EQUIVALENT[file]
    with monkeypatch.context() as patch:
        patch.setitem(EQUIVALENT, file, {})
        everything = [mutant.what for mutant in mutants(file)]
    assert [sum(what.startswith(begin) for what in everything) for begin in left] == [1] * len(left)


def test_the_copy_is_green_without_a_mutation() -> None:
    assert run(None)[0] == 0


@pytest.mark.parametrize("name", SAMPLE)
def test_a_check_that_is_gone_turns_its_tests_red(name: str) -> None:
    status, tail = run(MUTATIONS[name])
    assert status == 1, tail


@pytest.mark.parametrize("name", SEEN_BY_THE_MODEL)
def test_a_check_that_is_gone_is_refuted_by_the_small_model(name: str) -> None:
    status, tail = run(MUTATIONS[name], (MODEL,))
    assert status == 1, tail
