"""Other programs' permission rules in our words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.policy.declared import rule, sandbox, tools_of


@pytest.mark.parametrize(
    ("text", "kind", "scope"),
    [
        ("Bash", "exec", "*"),
        ("Bash(git add:*)", "exec", "git"),
        ("Bash(npm run test)", "exec", "npm"),
        ("Read(~/notes/**)", "fs.read", "~/notes"),
        ("Read(//etc/hosts)", "fs.read", "/etc/hosts"),
        ("Edit(/src/**)", "fs.write", "./src"),
        ("Write(docs/*)", "fs.write", "./docs"),
        ("Write", "fs.write", "*"),
        ("Edit(.)", "fs.write", "."),
        ("WebFetch(domain:example.org)", "net", "example.org"),
        ("WebSearch", "net", "*"),
        ("mcp__db__query", "exec", "mcp__db__query"),
        ("run_shell_command(git status)", "exec", "git"),
        ("read_file", "fs.read", "*"),
    ],
)
def test_a_rule_is_a_capability_with_its_scope(text: str, kind: str, scope: str) -> None:
    assert rule(text) == (kind, scope)


@pytest.mark.parametrize("text", ["", "Task", "TodoWrite", "(x)", "Bash(git", "a b"])
def test_what_is_none_of_our_words_is_left_out(text: str) -> None:
    assert rule(text) is None


@pytest.mark.parametrize(
    "value",
    [
        "Read, Bash(git add:*, git rm:*), WebFetch",
        "[Read, 'Bash(git add:*, git rm:*)', \"WebFetch\"]",
        "Read Bash(git add:*, git rm:*) WebFetch",
        "\n  - Read\n  - Bash(git add:*, git rm:*)\n  - WebFetch",
    ],
)
def test_a_list_is_read_however_it_is_written(value: str) -> None:
    text = f"---\nname: x\nallowed-tools: {value}\nmodel: y\n---\n# allowed-tools: Write\n"
    assert tools_of(text, "allowed-tools") == ("Read", "Bash(git add:*, git rm:*)", "WebFetch")


def test_without_front_matter_nothing_is_declared() -> None:
    assert tools_of("allowed-tools: Read\n", "allowed-tools") is None
    assert tools_of("---\nname: x\n---\nallowed-tools: Read\n", "allowed-tools") is None


def test_the_sandbox_of_codex() -> None:
    assert {kind.value for kind, _ in sandbox("read-only", True)} == {"fs.read", "exec"}
    assert ("fs.write", ".") in sandbox("workspace-write", False)
    assert ("net", "*") not in sandbox("workspace-write", False)
    assert ("net", "*") in sandbox("workspace-write", True)
    assert len(sandbox("danger-full-access", False)) == 8
    assert sandbox("?", True) == ()


@given(st.text())
def test_nothing_raises(text: str) -> None:
    rule(text)
    tools_of(f"---\n{text}", "tools")
