"""Every example of every rule is a test; a rule file with a mistake is refused by file and key."""

import pytest

from controlroom.policy.catalogue import Rule, RuleError, catalogue, load
from tests.policy.fake import sh

_RULES = catalogue().rules
_MATCH = [(rule, example) for rule in _RULES for example in rule.match]
_NOT = [(rule, example) for rule in _RULES for example in rule.unlike]


def _fitted(rule: Rule, command: str) -> bool:
    """Whether the rule took part in judging the command, seen from its id among the rules that fit."""
    found: list[str] = []
    original = catalogue().fits

    def spy(*args: object, **options: object) -> object:
        fits = original(*args, **options)  # type: ignore[arg-type]
        found.extend(fit.rule.id for fit in fits)
        return fits

    catalogue().fits = spy  # type: ignore[method-assign, assignment]
    try:
        sh(command)
    finally:
        del catalogue().fits
    return rule.id in found


@pytest.mark.parametrize(("rule", "command"), _MATCH, ids=[f"{r.id}-{i}" for i, (r, _) in enumerate(_MATCH)])
def test_a_rule_fits_its_examples(rule: Rule, command: str) -> None:
    assert _fitted(rule, command), f"{rule.id} does not fit {command!r}"


@pytest.mark.parametrize(("rule", "command"), _NOT, ids=[f"{r.id}-{i}" for i, (r, _) in enumerate(_NOT)])
def test_a_rule_fits_none_of_its_counter_examples(rule: Rule, command: str) -> None:
    assert not _fitted(rule, command), f"{rule.id} fits {command!r}"


@pytest.mark.parametrize(("rule", "command"), _MATCH, ids=[f"{r.id}-{i}" for i, (r, _) in enumerate(_MATCH)])
def test_a_rule_gives_at_least_its_tier(rule: Rule, command: str) -> None:
    assert sh(command).tier >= (rule.tier or "T0")


_GOOD = """
[[rule]]
id = "x"
program = ["x"]
effect = "delete"
tier = "T3"
reason = "y"
match = ["x"]
"""


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (_GOOD + 'tire = "T3"\n', "tire"),
        (_GOOD.replace('"T3"', '"T9"'), "tier"),
        (_GOOD.replace('effect = "delete"', 'effect = "eat"'), "effect"),
        (_GOOD + 'text = "("\n', "text"),
        (_GOOD.replace('tier = "T3"\n', ""), "tier"),
        ("[[rule", "array"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(text: str, named: str) -> None:
    with pytest.raises(RuleError, match=r"bad\.toml") as error:
        load("bad.toml", text)
    assert named in str(error.value)


def test_a_good_file_loads() -> None:
    assert load("good.toml", _GOOD).rule[0].id == "x"
