"""Every example of every rule is a test; a rule file with a mistake is refused by file, line and key."""

from importlib import resources

import pytest

from controlroom.policy.catalogue import Catalogue, Rule, RuleError, catalogue, load
from controlroom.policy.shell.arg import Arg
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
    assert sh(command).tier >= (rule.tier or "T0")


@pytest.mark.parametrize(("rule", "command"), _NOT, ids=[f"{r.id}-{i}" for i, (r, _) in enumerate(_NOT)])
def test_a_rule_fits_none_of_its_counter_examples(rule: Rule, command: str) -> None:
    assert not _fitted(rule, command), f"{rule.id} fits {command!r}"


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
    ("text", "line", "named"),
    [
        (_GOOD + 'tire = "T3"\n', 9, "tire"),
        (_GOOD.replace('"T3"', '"T9"'), 6, "tier"),
        (_GOOD.replace('effect = "delete"', 'effect = "eat"'), 5, "effect"),
        (_GOOD.replace('reason = "y"\n', ""), 2, "reason"),
        (_GOOD.replace('reason = "y"', "reason = 3"), 7, "reason"),
        (_GOOD.replace('["x"]\n', "[]\n", 1), 4, "program"),
        (_GOOD + 'text = "("\n', 9, "text"),
        (_GOOD + "text = 'a+b'\n", 9, "text"),
        (_GOOD + 'sql = ["eats"]\n', 9, "sql"),
        (_GOOD + 'targets = "frist"\n', 9, "targets"),
        (_GOOD + 'otherwise = true\nsub = ["x"]\n', 9, "otherwise"),
        (_GOOD.replace('tier = "T3"\n', ""), 2, "tier"),
        (_GOOD + _GOOD.replace('effect = "delete"', 'effect = "eat"'), 13, "effect"),
        (_GOOD + "[[rul]]\n", 1, "rul"),
    ],
)
def test_a_mistake_is_named_with_its_file_line_and_key(text: str, line: int, named: str) -> None:
    with pytest.raises(RuleError, match=rf"bad\.toml:{line}: ") as error:
        load("bad.toml", text)
    assert named in str(error.value)


def test_a_syntax_error_is_named_with_its_line() -> None:
    with pytest.raises(RuleError, match=r"bad\.toml: .*line 9"):
        load("bad.toml", _GOOD + "[[rule\n")


def test_a_good_file_loads() -> None:
    assert load("good.toml", _GOOD).rule[0].id == "x"


def test_an_id_that_is_used_twice_is_refused_with_both_files() -> None:
    with pytest.raises(RuleError, match=r"b\.toml:3: rule x: id: is used in a\.toml"):
        Catalogue({"a.toml": _GOOD, "b.toml": _GOOD}).complete()


def test_a_file_is_read_when_a_program_that_it_names_is_met() -> None:
    """So that one broken file is found at the daemon's start, and costs nothing where nobody needs it."""
    both = Catalogue({"a.toml": _GOOD, "b.toml": "[[rule"})
    assert both.knows("x")
    assert not both.knows("y")
    with pytest.raises(RuleError, match=r"b\.toml"):
        both.complete()


def test_no_option_takes_a_value_and_none() -> None:
    """One that is in both lists would swallow the sub-command after it."""
    folder = resources.files("controlroom.policy").joinpath("rules")
    files = [load(entry.name, entry.read_text("utf-8")) for entry in folder.iterdir() if entry.name.endswith(".toml")]
    entries = [entry for file in files for entry in file.program]
    assert not [entry.names[0] for entry in entries if set(entry.values) & set(entry.flags)]
    names = [name for entry in entries for name in entry.names]
    assert sorted(names) == sorted(set(names))


def _ids(text: str, command: str) -> list[str]:
    words = command.split(" ")
    return [fit.rule.id for fit in Catalogue({"a.toml": text}).fits(words[0], tuple(map(Arg, words[1:])), None, piped=False)]


_CLOUD = """
[[program]]
names = ["cloud"]
values = ["--region"]
flags = ["--quiet"]
help = true
""" + "".join(
    _GOOD.replace('"x"', f'"{name}"', 1).replace('["x"]', '["cloud"]', 1) + extra + "\n"
    for name, extra in [
        ("read", 'sub = ["*", "list|get-*"]'),
        ("deep", 'sub = ["**", "destroy"]'),
        ("other", "otherwise = true"),
        ("last", 'sub = ["put", "it"]\nlast = "^r:"'),
        ("beyond", 'sub = ["call"]\nbeyond = "^http://localhost"'),
    ]
)


@pytest.mark.parametrize(
    ("command", "ids"),
    [
        ("cloud vm list", ["read"]),
        ("cloud VM Get-All", ["read"]),
        ("cloud --region x vm list", ["read"]),
        ("cloud --quiet vm list", ["read"]),
        ("cloud --new vm list", ["read"]),
        ("cloud vm frob", ["other"]),
        ("cloud a b c destroy d", ["deep"]),
        ("cloud --new value vm destroy", ["deep"]),
        ("cloud put it here r:a", ["last"]),
        ("cloud put it r:a here", ["other"]),
        ("cloud call http://localhost/a", ["other"]),
        ("cloud call http://localhost/a http://far/a", ["beyond"]),
        ("cloud vm destroy --help", ["program.help"]),
        ("cloud", ["program.help"]),
        ("cloud vm destroy -- --help", ["deep"]),
        ("cloud vm destroy --region --help", ["deep"]),
        ("cloud --region x vm destroy --help", ["deep"]),
        ("cloud vm destroy --help x", ["deep"]),
    ],
)
def test_the_conditions_of_a_rule(command: str, ids: list[str]) -> None:
    assert _ids(_CLOUD, command) == ids
