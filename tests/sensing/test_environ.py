"""Variables that carry secrets: names alone; and what cannot be read is said."""

import os
import subprocess
from pathlib import Path

import pytest

from controlroom.sensing import environ
from tests.support.waiting import eventually

SECRET = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("GITHUB_TOKEN", "x", True), ("DB_PASSWORD", "x", True), ("OPENAI_API_KEY", "x", True),
        ("AWS_SECRET_ACCESS_KEY", "x", True),
        ("MY_VAR", SECRET, True), ("DATABASE_URL", "postgres://me:hunter2@db/x", True), ("SSH_AUTH_SOCK", "/run/x", False),
        ("TOKENIZERS_PARALLELISM", "false", False), ("PATH", "/usr/bin", False), ("SECRET_FILE", "/run/secrets/x", False),
        ("GITHUB_TOKEN", "", False), ("MAX_THINKING_TOKENS", "1000", False), ("HOME", "/root", False),
    ],
)  # fmt: skip
def test_which_variables_carry_secrets(name: str, value: str, told: bool) -> None:
    assert environ.carries(name, value) is told


@pytest.mark.row("R14")
def test_names_of_a_process_and_never_a_value() -> None:
    child = subprocess.Popen(["sleep", "30"], env={"PATH": os.environ["PATH"], "MY_TOKEN": SECRET, "ODD": SECRET, "PLAIN": "x"})
    try:
        eventually(lambda: Path(f"/proc/{child.pid}/comm").read_text() == "sleep\n", 20, "it runs")
        found = environ.secrets([child.pid])
        assert found.names == ("MY_TOKEN", "ODD") and found.why == ""
        assert SECRET not in repr(found)
    finally:
        child.kill()
        child.wait(10)


def test_a_process_that_is_gone_is_said() -> None:
    assert "cannot be read" in environ.secrets([2**22 + 1]).why
