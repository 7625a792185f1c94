"""Expressions of the catalogue cannot take more time than the text is long (R15)."""

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.policy.catalogue import catalogue
from controlroom.policy.patterns import BadPattern, compiled
from controlroom.policy.rulefile import _PATTERNS


@pytest.mark.row("R15")
@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", "(a|a)*b", "a*a*a*b", ".*x", r"\s+b", "(a{1,9}){1,9}", "(.)(?=x)\\1", "(?P<n>a)(?P=n)", "(a{0,99}){0,9}",
     "a{1,300}a{1,300}a{1,300}b", "^a|b*c", "(^a)*", "x{2,}", "(a?){40}", "(?:a{0,99}){2}"],
)  # fmt: skip
def test_an_expression_whose_time_is_not_bounded_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(?!.*/\\.git(/|$))",
        "(^|\\s)(delete|drop)(\\s|$)",
        "a{0,40}b",
        "[*+]x",
        r"\*\+",
        "(?i)^(x|y).*z",
        "a??b",
        "[]*]",
        "[^]+]",
    ],
)
def test_what_is_bounded_is_taken(pattern: str) -> None:
    assert compiled(pattern).pattern == pattern


@pytest.mark.parametrize("pattern", ["(", "[", "a{3,1}", "*a", "(?z)"])
def test_a_broken_expression_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compiled(pattern)


def test_every_expression_of_the_catalogue_is_bounded() -> None:
    found = [getattr(rule, key) for rule in catalogue().rules for key in _PATTERNS]
    assert all(compiled(pattern) for pattern in found if pattern)


def test_every_expression_for_interpreters_is_bounded() -> None:
    text = resources.files("controlroom.policy").joinpath("data/interpreters.toml").read_text("utf-8")
    found = tomllib.loads(text)
    patterns = [*found["patterns"].values(), *(one["extra"] for one in found["interpreter"] if "extra" in one)]
    assert len(patterns) > 4
    assert all(compiled(pattern) for pattern in patterns)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@given(st.text(alphabet="ab.*+?{}1,()|[]^$\\s", max_size=16))
def test_any_text_is_an_expression_or_refused(pattern: str) -> None:
    try:
        compiled(pattern)
    except BadPattern as why:
        assert str(why)
