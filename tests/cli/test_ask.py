"""`ask` and `config`: scripts wait for an answer, and nothing is done without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually


@pytest.fixture
def build(cli: Cli) -> Path:
    folder = cli.cwd / "build"
    folder.mkdir()
    (folder / "a.o").write_text("old\n")
    return folder


def answer(cli: Cli, daemon: Daemon, verb: str) -> dict[str, Any]:
    (row,) = daemon.pending()
    words = ["--digest", row["digest"]] if verb == "allow" else ["--reason", "no"]
    cli.ok(verb, row["id"], *words)
    return row


def test_an_allowed_command_runs_and_its_receipt_is_closed(cli: Cli, daemon: Daemon, build: Path) -> None:
    asking = cli.start("ask", "--op", "delete", "--path", "build", "--reason", "old", "--", "rm", "-r", "build")
    row = answer(cli, daemon, "allow")
    asking.communicate(timeout=30)
    assert asking.returncode == 0 and not build.exists()
    (receipt,) = cli.json("receipts")
    assert (receipt["id"], receipt["stage"], receipt["outcome"]["ok"]) == (row["id"], "done", True)


def test_show_draws_the_whole_receipt_in_words(cli: Cli, daemon: Daemon, build: Path) -> None:
    asking = cli.start("ask", "--op", "delete", "--path", "build", "--reason", "old stuff", "--", "rm", "-r", "build")
    row = answer(cli, daemon, "allow")
    asking.communicate(timeout=30)
    eventually(lambda: "not observed" not in cli.ok("show", row["id"]), 20.0, "what the disk showed is on the receipt")
    shown = cli.ok("show", row["id"])
    for words in (
        "unverified: old stuff",
        f"assessed {row['tier']} ",
        "decision allow by operator:",
        f"for digest {row['digest']}",
        "grant    none was used",
        f"snapshot {row['id']}: ",
        "unverified: done",
        "until the agent told its end",
        f"declared delete: {build}",
        "gaps     none",
    ):
        assert words in shown, shown


def test_show_of_what_was_denied_says_that_nothing_began(cli: Cli, daemon: Daemon, build: Path) -> None:
    asking = cli.start("ask", "--op", "delete", "--path", "build", "--reason", "old", "--", "rm", "-r", "build")
    row = answer(cli, daemon, "deny")
    asking.communicate(timeout=30)
    shown = cli.ok("show", row["id"])
    for words in (
        "decision deny by operator:",
        "snapshot none: it was not released",
        "started  never: it was not released",
        "gaps     none",
    ):
        assert words in shown, shown


def test_a_denied_command_does_not_run(cli: Cli, daemon: Daemon, build: Path) -> None:
    asking = cli.start("ask", "--op", "delete", "--path", "build", "--reason", "old", "--", "rm", "-r", "build")
    answer(cli, daemon, "deny")
    _, said = asking.communicate(timeout=30)
    assert asking.returncode == 1 and "denied" in said and build.exists()


def test_what_the_command_came_to_is_told(cli: Cli, daemon: Daemon, build: Path) -> None:
    asking = cli.start("ask", "--op", "delete", "--path", "build", "--reason", "old", "--", "sh", "-c", "exit 9")
    answer(cli, daemon, "allow")
    asking.communicate(timeout=30)
    assert asking.returncode == 9
    assert cli.json("receipts")[0]["stage"] == "failed"


@pytest.mark.row("G01")
def test_without_a_daemon_it_does_not_run(cli: Cli, build: Path) -> None:
    said = cli.fails(1, "ask", "--op", "delete", "--path", "build", "--reason", "old", "--", "rm", "-r", "build")
    assert "unavailable" in said and build.exists()


def test_several_paths_and_dashes_belong_to_whom_they_are_meant_for(cli: Cli, daemon: Daemon, build: Path) -> None:
    (cli.cwd / "x").touch()
    asking = cli.start("ask", "--op", "delete", "--path", "build", "x", "--reason", "-r", "--", "ls", "--", "--op")
    row = answer(cli, daemon, "deny")
    asking.communicate(timeout=30)
    given = json.loads(row["action"]["input"])
    assert given["paths"] == [str(build), str(cli.cwd / "x")]
    assert given["argv"] == ["ls", "--", "--op"]


@pytest.fixture
def settings(cli: Cli) -> Path:
    file = cli.cwd / "settings.json"
    file.write_text('{"a": 1}\n')
    file.chmod(0o640)
    (cli.cwd / "new.json").write_text('{"a": 2}\n')
    return file


def test_a_change_is_made_after_a_yes_and_the_old_version_kept(cli: Cli, daemon: Daemon, settings: Path) -> None:
    proposing = cli.start("config", "propose", "settings.json", "--from", "new.json")
    row = answer(cli, daemon, "allow")
    shown, _ = proposing.communicate(timeout=30)
    assert proposing.returncode == 0
    assert '-{"a": 1}' in shown and '+{"a": 2}' in shown
    assert row["tier"] == "T3" and '+{"a": 2}' in str(row["diff"])
    assert settings.read_text() == '{"a": 2}\n' and settings.stat().st_mode & 0o777 == 0o640
    (version,) = cli.json("config", "history", "settings.json")
    assert version["id"] == 1 and version["size"] == 9

    rolling = cli.start("config", "rollback", "settings.json")
    answer(cli, daemon, "allow")
    rolling.communicate(timeout=30)
    assert settings.read_text() == '{"a": 1}\n'
    assert [version["id"] for version in cli.json("config", "history", "settings.json")] == [1, 2]


def test_a_denied_change_is_not_made(cli: Cli, daemon: Daemon, settings: Path) -> None:
    proposing = cli.start("config", "propose", "settings.json", "--from", "new.json")
    answer(cli, daemon, "deny")
    proposing.communicate(timeout=30)
    assert proposing.returncode == 1 and settings.read_text() == '{"a": 1}\n'
    assert cli.json("config", "history", "settings.json") == []


@pytest.mark.row("A07")
def test_a_file_that_changes_before_the_answer_is_left_alone(cli: Cli, daemon: Daemon, settings: Path) -> None:
    proposing = cli.start("config", "propose", "settings.json", "--from", "new.json")
    (row,) = daemon.pending()
    settings.write_text('{"a": "of another"}\n')
    cli.run("allow", row["id"], "--digest", row["digest"])
    _, said = proposing.communicate(timeout=30)
    assert proposing.returncode == 1, said
    assert settings.read_text() == '{"a": "of another"}\n'


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"a":'), ("a.json", '{"a": 1, "a": 2}'), ("a.toml", "a = ")])
@pytest.mark.row("C01")
def test_what_does_not_parse_is_not_even_proposed(cli: Cli, name: str, text: str) -> None:
    (cli.cwd / "new").write_text(text)
    assert "not valid" in cli.fails(1, "config", "propose", name, "--from", "new")


def test_a_change_of_nothing_is_no_change(cli: Cli, settings: Path) -> None:
    assert "nothing would change" in cli.ok("config", "propose", "settings.json", "--from", "settings.json")


def test_an_empty_history_cannot_be_rolled_back(cli: Cli, settings: Path) -> None:
    assert "no earlier version" in cli.fails(1, "config", "rollback", "settings.json")


def test_a_file_that_is_not_there_yet_is_made(cli: Cli, daemon: Daemon, settings: Path) -> None:
    proposing = cli.start("config", "propose", "fresh.json", "--from", "new.json")
    eventually(lambda: daemon.call("pending"), 20, "it is held")
    answer(cli, daemon, "allow")
    proposing.communicate(timeout=30)
    assert (cli.cwd / "fresh.json").read_text() == '{"a": 2}\n'
