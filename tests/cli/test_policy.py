"""`policy check`: what would be decided, for people and in bulk; no daemon, no side effect."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import controlroom
from tests.cli.conftest import Cli

FIELDS = {"id", "tier", "decision", "effects", "targets", "reasons"}


def check(cli: Cli, *lines: str) -> list[dict[str, object]]:
    given = "".join(f"{line}\n" for line in lines)
    return [json.loads(line) for line in cli.ok("policy", "check", "--stdin", "--json", given=given).splitlines()]


def test_one_answer_a_line_in_order_with_its_id(cli: Cli) -> None:
    rows = check(
        cli,
        '{"id": "a", "tool": "Bash", "command": "ls", "cwd": "/tmp"}',
        "",
        '{"id": 2, "tool": "Write", "input": {"file_path": "/etc/passwd", "content": ""}, "cwd": "/tmp"}',
        f'{{"id": 3, "command": "rm {cli.home.user}/.ssh/id_rsa", "cwd": "/tmp"}}',
    )
    assert [(row["id"], row["tier"], row["decision"]) for row in rows] == [
        ("a", "T0", "allow"),
        (2, "T3", "ask"),
        (3, "TX", "deny"),
    ]
    assert all(row.keys() == FIELDS for row in rows)


MALFORMED = [
    "{",
    "[]",
    "null",
    "{}",
    '{"id": 7}',
    '{"id": 7, "command": "ls", "input": {}}',
    '{"id": 7, "command": 1}',
    '{"id": 7, "command": "ls", "cwd": "relative"}',
    '{"id": 7, "command": "ls", "tier": "T0"}',
    '{"id": 7, "command": "\\ud800"}',
    "[" * 100_000,
]


@pytest.mark.parametrize("line", MALFORMED, ids=lambda line: line[:40])
def test_a_malformed_line_would_ask_and_the_next_is_answered(cli: Cli, line: str) -> None:
    first, second = check(cli, line, '{"id": 8, "command": "ls"}')
    assert (first["tier"], first["decision"]) == ("T3", "ask") and first["error"]
    assert first["id"] == (7 if line.startswith('{"id": 7') and "ud800" not in line else None)
    assert second["id"] == 8 and second["decision"] == "allow"


def test_a_command_of_several_words_is_judged_word_by_word(cli: Cli) -> None:
    (cli.cwd / "a b").touch()
    row = cli.json_of("policy", "check", "--json", "--", "rm", "a b")
    assert row["targets"][0]["path"] == str(cli.cwd / "a b")


def test_for_people_it_says_why(cli: Cli) -> None:
    said = cli.ok("policy", "check", "--", "git", "push", "--force")
    assert said.startswith("T3: ask\n") and "git.push" in said


def test_each_command_is_shown_with_what_it_does_and_what_would_lower_the_tier(cli: Cli) -> None:
    (cli.cwd / "build").mkdir()
    said = cli.ok("policy", "check", "--", "ls; sudo sh -c 'rm -rf build' > /dev/null")
    lines = [line.strip() for line in said.splitlines()]
    assert lines[0] == "T2: ask"
    assert 'T0  "ls"' in lines and 'T2  "rm" "-rf" "build"' in lines
    assert any(line.startswith("T2 files.rm: rm: deletes") for line in lines)
    assert any(line.startswith("delete ") for line in lines)
    assert any(line.startswith("lower: ") for line in lines)
    row = cli.json_of("policy", "check", "--json", "--", "ls; sudo sh -c 'rm -rf build'")
    assert [(one["argv"][0], one["depth"]) for one in row["commands"]] == [("ls", 0), ("sudo", 0), ("sh", 1), ("rm", 2)]
    assert row["commands"][3]["tier"] == "T2" and row["commands"][0]["tier"] == "T0"
    assert row["lower"]


def test_control_bytes_of_a_command_do_not_reach_the_terminal(cli: Cli) -> None:
    assert "\x1b" not in cli.ok("policy", "check", "--", "rm -rf $'\\x1b[2J'; echo \x1b[2J")


def test_rules_that_cannot_be_used_end_it_with_file_line_and_key(cli: Cli, tmp_path: Path) -> None:
    """A copy of the program with a mistake in its rules: no traceback, and other programs are judged all the same."""
    copy = tmp_path / "copy"
    shutil.copytree(Path(controlroom.__file__).parent, copy / "controlroom", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "controlroom/policy/rules/mine.toml").write_text('[[rule]]\nid = "x"\nprogram = ["zz"]\nreson = "y"\n')

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        found = subprocess.run(
            [sys.executable, "-c", "from controlroom.cli.start import main; raise SystemExit(main())", *words],
            cwd=cli.cwd,
            env=os.environ | {"PYTHONPATH": str(copy), "CONTROLROOM_HOME": str(tmp_path / "home")},
            input='{"command": "ls"}\n',
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in found.stderr
        return found

    for words in (("--", "zz"), ("--stdin",)):
        failed = run("policy", "check", *words)
        assert failed.returncode == 1
        assert "mine.toml:4: " in failed.stderr and "reson" in failed.stderr
    assert run("policy", "check", "--", "ls").returncode == 0


def test_it_needs_a_command_or_standard_input(cli: Cli) -> None:
    cli.fails(2, "policy", "check")
    cli.fails(2, "policy", "check", "--stdin", "--", "ls")
    assert "not UTF-8" in cli.fails(2, "policy", "check", "--", "rm", os.fsdecode(b"\xff"))
