"""Every grammar of data/wrappers.toml is opened: a command inside is judged as if it stood alone, through each of its ways."""

import re
import shlex

import pytest

from controlroom.model.tier import Tier
from controlroom.policy.shell.wrappers import Runs, Wrapper, grammars
from tests.policy.fake import sh

FILE = grammars()
DANGER = "rm -rf build"


def _begun(name: str, wrapper: Wrapper) -> list[str]:
    """The words in front of the options: the name, and a use where it matters."""
    return [name, *(sub.split("|")[0] for sub in wrapper.sub)]


def _direct() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for wrapper in FILE.wrapper:
        for name in wrapper.names:
            asked = [wrapper.asks[0], "op"] if wrapper.asks and wrapper.asks[0] in wrapper.values else list(wrapper.asks[:1])
            words = [*_begun(name, wrapper), *asked, *["x"] * wrapper.skip]
            if not (wrapper.after_operands and wrapper.shell):
                found.append((name, " ".join([*words, DANGER])))
            found += [(name, " ".join([*_begun(name, wrapper), option, shlex.quote(DANGER)])) for option in wrapper.shell]
    return found


@pytest.mark.row("A11")
@pytest.mark.parametrize(("name", "command"), _direct(), ids=[f"{name}-{i}" for i, (name, _) in enumerate(_direct())])
def test_what_a_wrapper_runs_is_judged(name: str, command: str) -> None:
    result = sh(command)
    assert result.tier >= Tier.T2, result
    assert any("rm" in words[0] or "rm" in words for words in result.argv), result.argv


@pytest.mark.row("A11")
@pytest.mark.parametrize(
    "name", sorted({name for wrapper in FILE.wrapper if wrapper.flags for name in wrapper.names if name != "!"})
)
def test_an_option_that_the_grammar_does_not_have_asks(name: str) -> None:
    wrapper = next(w for w in FILE.wrapper if name in w.names and w.flags)
    asked = " ".join(wrapper.asks[:1]) + (" op" if wrapper.asks and wrapper.asks[0] in wrapper.values else "")
    command = f"{' '.join(_begun(name, wrapper))} {asked} --no-such-option {'x ' * wrapper.skip}ls"
    assert sh(command).tier >= Tier.T2


def _option(runs: Runs) -> str:
    """One command line by which the option makes a shell run DANGER."""
    value = DANGER
    for start in ("", "exec=", "ProxyCommand=", "core.sshCommand=", "+!", ":!", "shell ", ".shell "):
        found = re.fullmatch(runs.only, start + DANGER, re.S | re.I)
        if found is not None and found[1] == DANGER:
            value = start + DANGER
            break
    sub = f"{runs.sub.split('|')[0]} " if runs.sub else ""
    return f"{runs.names[0]} {sub}{runs.options[0] + ' ' if runs.options else ''}{shlex.quote(value)} x"


@pytest.mark.row("A11")
@pytest.mark.parametrize("command", [_option(runs) for runs in FILE.runs])
def test_what_an_option_makes_a_shell_run_is_judged(command: str) -> None:
    result = sh(command)
    assert result.tier >= Tier.T2, result
    assert ("rm", "-rf", "build") in result.argv


@pytest.mark.row("A11")
@pytest.mark.parametrize("program", ["unheard-of", "./run", *sorted(FILE.searched)])
def test_a_command_among_the_arguments_of_a_program_that_may_run_it_is_judged(program: str) -> None:
    assert sh(f"{program} --some-option value {DANGER}").tier >= Tier.T2
