"""Which secrets a line holds: kind and digest, also inside JSON in JSON; and no text of others can play one."""

import json

import pytest

from controlroom.text.finding import secrets_in

TOKEN = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"


def mark(secret: str) -> str:
    return f"{len(secret):016x}"


def kinds(line: str) -> list[str]:
    return [found.kind for found in secrets_in(line, mark)]


@pytest.mark.row("R14")
def test_kinds_in_their_order_also_in_nested_json() -> None:
    assert kinds(f"it is {TOKEN}") == ["github"]
    inner = json.dumps({"command": f"curl https://me:hunter2@example.org/ -H 'x: {TOKEN}'", "password": "hunter2"})
    assert kinds(json.dumps({"input": inner})) == ["url-password", "github", "value"]
    assert kinds('{"usage": {"input_tokens": 3}}') == []


def test_equal_secrets_have_equal_marks_and_markers_of_others_count_for_nothing() -> None:
    first, second = secrets_in(f"a={TOKEN} b={TOKEN}", mark)
    assert first == second and TOKEN not in repr(first)
    assert kinds("<redacted:github:40:0123456789abcdef> <redacted:github:40>") == []


@pytest.mark.row("R15")
@pytest.mark.parametrize(
    "text", ["password=" * 7000, "sk-" * 21000, "eyJ" * 21000, "://" * 21000, '{"token":"' * 6500, "\\" * 65536]
)
def test_the_longest_line_is_looked_at_in_one_pass(text: str) -> None:
    """Quadratic work on these would run into the test's deadline."""
    secrets_in(text[:65536], mark)
