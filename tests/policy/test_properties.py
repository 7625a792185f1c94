"""Properties: no spelling lowers a tier (S19), no bytes raise, limits deny (A12), unknown tools ask (A06)."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.model.action import Action
from controlroom.model.tier import Tier
from controlroom.policy import assess
from controlroom.policy.limits import MAX_COMMANDS, MAX_TEXT
from tests.policy.fake import WORK, FakeTree, call, context, sh, shop

DANGER = [
    "rm -rf build",
    "git reset --hard",
    "truncate -s0 notes.txt",
    "mv a.py notes.txt",
    "kubectl delete ns prod",
    "find . -delete",
]
_quiet = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def _single(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


WRAPS = [
    "sudo {}",
    "sudo -u root -E -- {}",
    "env A=1 {}",
    "env -i {}",
    "nohup {} &",
    "nice -n 5 {}",
    "timeout 10 {}",
    "timeout -k 5 10s {}",
    "stdbuf -oL {}",
    "time {}",
    "setsid {}",
    "command {}",
    "exec {}",
    "ionice -c 3 {}",
    "busybox {}",
    "xargs -0 -n1 {}",
    "flock /tmp/l {}",
    "doas {}",
]
TEXTS = [
    "sh -c {}",
    "bash -ec {}",
    "eval {}",
    "env -S {}",
    "su -c {}",
    "ssh host {}",
    "bash <<< {}",
    "trap {} EXIT",
    "flock /tmp/l -c {}",
    "git -c alias.x=!{} x",
    "script -qc {} /dev/null",
    "find . -exec sh -c {} \\;",
    "docker exec web sh -c {}",
    "watch {}",
]
JOINS = [
    "ls; {}",
    "{} && ls",
    "true || {}",
    "echo $({})",
    "echo `{}`",
    "( {} )",
    "{{ {}; }}",
    "ls | {}",
    "if true; then {}; fi",
    "f() {{ {}; }}; f",
    "while true; do {}; done",
    "cat <({})",
    "! {}",
    "x=$({})",
    "coproc {}",
    "{} # note",
    "ls\n{}\nls",
]


@pytest.mark.row("A11", "A13", "S19")
@_quiet
@given(st.sampled_from(DANGER), st.lists(st.sampled_from(WRAPS + TEXTS + JOINS), min_size=1, max_size=5))
def test_no_wrapping_or_joining_lowers_a_tier(command: str, layers: list[str]) -> None:
    before = sh(command).tier
    text = command
    for layer in layers:
        inner = _single(text) if layer in TEXTS else text
        if layer in WRAPS and not _is_plain(text):
            inner = "sh -c " + _single(text)
        text = layer.format(inner)
    assert sh(text).tier >= min(before, Tier.T2), text


def _is_plain(text: str) -> bool:
    return not any(char in text for char in ";|&(){}<>`$\n#!") and not text.startswith(("if ", "while ", "time ", "coproc "))


def _quoted(word: str, how: int) -> str:
    if how == 0:
        return _single(word)
    if how == 1:
        return '"' + word + '"'
    if how == 2:
        return "".join("\\" + char for char in word)
    if how == 3:
        return "$'" + "".join(f"\\x{ord(char):02x}" for char in word) + "'"
    if how == 4:
        return word[:1] + "''" + word[1:]
    return word


@pytest.mark.row("S19")
@_quiet
@given(st.sampled_from(DANGER), st.lists(st.integers(0, 5), min_size=6, max_size=6))
def test_no_quoting_lowers_a_tier(command: str, how: list[int]) -> None:
    words = [_quoted(word, how[index % len(how)]) for index, word in enumerate(command.split(" "))]
    assert sh(" ".join(words)).tier >= sh(command).tier


@_quiet
@given(
    st.one_of(st.text(max_size=200), st.text(alphabet="'\"$`(){}[]<>|&;\\ \n#=~*?!rmx-", max_size=120), st.binary(max_size=200))
)
def test_no_text_raises(text: str | bytes) -> None:
    command = text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")
    action = Action("Bash", msgspec.json.encode({"command": command.encode("utf-8", "replace").decode()}).decode(), WORK)
    assert assess(action, context(), shop()).reasons


@pytest.mark.row("A06")
@_quiet
@given(st.text(min_size=1, max_size=30).filter(lambda name: name.lower() not in ("bash", "ls", "view")))
def test_a_tool_that_nobody_knows_asks(name: str) -> None:
    assert call("x-" + name, {"command": "ls", "path": "README.md"}).tier is Tier.T3


@pytest.mark.row("A12")
@pytest.mark.parametrize("over", [0, 1, 1000])
def test_more_commands_than_the_limit_are_denied(over: int) -> None:
    result = sh("; ".join(["ls"] * (MAX_COMMANDS + over)))
    assert (result.tier is Tier.TX) == (over > 0)


@pytest.mark.row("A12")
@pytest.mark.parametrize("over", [0, 1, 950_000])
def test_more_text_than_the_limit_is_denied(over: int) -> None:
    command = "echo " + "a" * (MAX_TEXT - 5 + over)
    assert (sh(command).tier is Tier.TX) == (over > 0)


@pytest.mark.row("A12")
@pytest.mark.parametrize("opening", [("(", ")"), ("$(", ")"), ("{ ", ";}")])
def test_deep_nesting_is_denied(opening: tuple[str, str]) -> None:
    command = opening[0] * 2000 + "rm -rf build" + opening[1] * 2000
    assert sh(command).tier >= Tier.T3
    wrapped = "sudo " * 300 + "ls"
    assert sh(wrapped).tier is Tier.TX


@pytest.mark.row("A13")
def test_fifty_one_harmless_commands_do_not_hide_one_that_is_not() -> None:
    assert sh("true; " * 60 + "rm -rf build").tier >= Tier.T2


@pytest.mark.row("A10")
def test_lookalike_characters_in_a_command_name_ask() -> None:
    for name in ("r\u043c", "rm\u200b", "rm\u00a0", "rm\u202e"):
        assert sh(f"{name} -rf build").tier is Tier.T3


def test_an_input_that_is_no_object_asks() -> None:
    for given_input in ("[]", "{", "1", '"x"', "\ud800"):
        assert assess(Action("Bash", given_input, WORK), context(), FakeTree()).tier is Tier.T3
