"""A difference without secrets, whatever the texts: bounded, and with the numbers of the whole text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.text.difference import MOST_OUT, difference

SECRET = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"
LINES = st.lists(st.sampled_from(["a", "b", "c", "{", "}"]), max_size=12)


@given(LINES, LINES)
def test_it_tells_what_goes_and_what_comes(old: list[str], new: list[str]) -> None:
    lines = difference("f", "\n".join(old), "\n".join(new)).splitlines()
    minus, plus = (sum(1 for line in lines if line.startswith(sign)) for sign in "-+")
    assert (lines == []) is (old == new)
    assert plus - minus == len(new) - len(old)


def test_numbers_are_those_of_the_whole_text() -> None:
    old = [f"line {n}" for n in range(100)]
    new = [*old[:60], "other", *old[61:]]
    assert difference("f", "\n".join(old), "\n".join(new)).splitlines()[0] == "@@ -59,5 +59,5 @@"


@pytest.mark.row("R14")
def test_no_secret_is_in_it_and_another_one_still_shows() -> None:
    def text(secret: str) -> str:
        return json.dumps({"env": {"GITHUB_TOKEN": secret}}, indent=2)

    other = SECRET.replace("Zk3v", "Yk3v")
    told = difference("settings.json", text(SECRET), text(other), lambda secret: f"{hash(secret) & (2**64 - 1):016x}")
    assert SECRET not in told and other not in told and told.count("<redacted:") == 2


@pytest.mark.row("R15")
def test_large_texts_are_counted_not_compared() -> None:
    old, new = ("\n".join(f"{kind} {n}" for n in range(5000)) for kind in "ab")
    assert difference("f", old, new) == "5000 lines become 5000 others: too many to compare"
    long = difference("f", "", "x" * 200_000)
    assert len(long) < MOST_OUT + 100 and "more characters" in long
