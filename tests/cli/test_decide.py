"""`allow` and `deny`: one answer to one request, for the digest that was shown."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import CONTROLROOM, Cli
from tests.support.daemon import Daemon


@pytest.fixture
def build(cli: Cli) -> Path:
    folder = cli.cwd / "build"
    folder.mkdir()
    (folder / "a.o").write_text("old\n")
    return folder


def test_an_allowed_request_is_delivered(cli: Cli, daemon: Daemon, build: Path) -> None:
    asker = daemon.ask(paths=(str(build),))
    (row,) = daemon.pending()
    assert cli.ok("allow", row["id"], "--digest", row["digest"]) == "allowed and delivered\n"
    assert asker.answer()[0] == "allow"


@pytest.mark.parametrize("verb", ["allow", "deny"])
def test_a_decision_that_nobody_reads_of_is_made_all_the_same(cli: Cli, daemon: Daemon, build: Path, verb: str) -> None:
    asker = daemon.ask(paths=(str(build),))
    (row,) = daemon.pending()
    words = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *CONTROLROOM, verb, row["id"], "--digest", row["digest"]]
    done = subprocess.run(words, env=cli.home.env, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert asker.answer()[0] == verb


@pytest.mark.row("A01", "A02")
def test_a_wrong_digest_is_refused_and_leaves_the_request_pending(cli: Cli, daemon: Daemon, build: Path) -> None:
    daemon.ask(paths=(str(build),))
    (row,) = daemon.pending()
    assert "changed" in cli.fails(1, "allow", row["id"], "--digest", "0" * 64)
    (after,) = daemon.pending()
    assert (after["id"], after["digest"], after["state"]) == (row["id"], row["digest"], "pending")


def test_a_denial_tells_the_agent_why(cli: Cli, daemon: Daemon, build: Path) -> None:
    asker = daemon.ask(paths=(str(build),))
    (row,) = daemon.pending()
    cli.ok("deny", row["id"], "--reason", "use git clean -n first")
    verdict, body = asker.answer()
    assert verdict == "deny" and "use git clean -n first" in body


@pytest.mark.row("A04")
def test_a_shortened_id_is_no_id(cli: Cli, daemon: Daemon, build: Path) -> None:
    daemon.ask(paths=(str(build),))
    (row,) = daemon.pending()
    assert "not-found" in cli.fails(1, "allow", row["id"][:8], "--digest", row["digest"])
    assert "not-found" in cli.fails(1, "deny", row["id"][:8])


@pytest.mark.row("A19")
def test_an_answer_to_nobody_is_not_an_allow(cli: Cli, daemon: Daemon, build: Path) -> None:
    asker = daemon.ask(paths=(str(build),))
    (row,) = daemon.pending()
    asker.hang_up()
    assert cli.run("allow", row["id"], "--digest", row["digest"]).returncode == 1


@pytest.mark.parametrize(
    "words",
    [
        ["allow"],
        ["allow", "1"],
        ["allow", "1", "--digest"],
        ["allow", "1", "--digest", ""],
        ["allow", "1", "2", "--digest", "d"],
        ["allow", "1", "--digest", "d", "--digest", "e"],
        ["allow", "1", "--digest", "d", "--yes"],
        ["deny"],
        ["deny", "1", "--because", "x"],
    ],
    ids=" ".join,
)
def test_what_is_not_a_decision_is_a_usage_error(cli: Cli, words: list[str]) -> None:
    assert "Usage: controlroom" in cli.fails(2, *words)


@pytest.mark.parametrize("words", [["allow", "1", "--digest", "d"], ["deny", "1", "--reason=no"]], ids=" ".join)
def test_without_a_daemon_nothing_is_decided(cli: Cli, words: list[str]) -> None:
    assert "Nothing was decided" in cli.fails(3, *words)


@pytest.mark.row("D02")
def test_a_reason_of_the_daemon_reaches_the_terminal_without_control_characters(cli: Cli, daemon: Daemon) -> None:
    said = cli.fails(1, "allow", "\x1b]0;owned\x07", "--digest", "d")
    assert "\x1b" not in said and "\x07" not in said and "\\u{1b}" in said
