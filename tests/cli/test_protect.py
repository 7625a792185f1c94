"""`protect`: the operator's own list, taken by the daemon at once, and never by anybody else's hand."""

import os
from pathlib import Path

import pytest

from controlroom.cli.protect import pattern
from controlroom.cli.room import Failure
from tests.cli.conftest import Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually


def tier(cli: Cli, command: str) -> str:
    return str(cli.json_of("policy", "check", "--json", "--", command)["tier"])


def test_what_was_added_cannot_be_approved_any_more(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "customers").mkdir()
    (cli.cwd / "customers" / "all.db").touch()
    assert tier(cli, "rm -r customers") == "T2"
    said = cli.ok("protect", "add", "customers")
    assert "The daemon has taken it" in said and "2 files and folders now" in said
    assert tier(cli, "rm -r customers") == tier(cli, "rm customers/all.db") == "TX"
    assert daemon.ask(paths=(str(cli.cwd / "customers"),)).answer()[0] == "deny"
    assert cli.json("protect", "list") == [{"id": 1, "pattern": str(cli.cwd / "customers"), "matches": 2}]


def test_taking_off_needs_the_operators_word(cli: Cli, daemon: Daemon) -> None:
    cli.ok("protect", "add", "x")
    assert "--yes" in cli.fails(1, "protect", "remove", "x")
    assert len(cli.json("protect", "list")) == 1
    cli.ok("protect", "remove", "x", "--yes")
    assert cli.json("protect", "list") == []
    assert "not on the list" in cli.fails(1, "protect", "remove", "x", "--yes")


@pytest.mark.row("N13")
def test_an_entry_that_matches_nothing_is_said(cli: Cli, daemon: Daemon) -> None:
    assert "nothing is there now" in cli.run("protect", "add", "custmers").stderr


@pytest.mark.row("N13")
def test_a_line_that_matches_nothing_is_said_by_the_list_and_at_the_daemons_start(cli: Cli, daemon: Daemon) -> None:
    cli.ok("protect", "add", "custmers")
    cli.ok("protect", "add", "*.pem")
    said = cli.ok("protect", "list")
    assert "custmers  (matches 0 now: check the spelling)" in said and "*.pem  (anywhere: not counted)" in said
    cli.ok("daemon", "stop")
    cli.ok("daemon", "start")

    def alarms() -> list[str]:
        return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm"]

    eventually(lambda: any("custmers matches 0 files" in text for text in alarms()), 20, "the journal tells it")


def test_check_names_the_line_that_covers(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "keep").mkdir()
    cli.ok("protect", "add", "other")
    cli.ok("protect", "add", "keep")
    assert f"never-touch:2: {cli.cwd}/keep" in cli.ok("protect", "check", "keep")
    assert "built-in list" in cli.ok("protect", "check", str(cli.home.user / ".ssh" / "id_rsa"))
    assert "NOT covered" in cli.run("protect", "check", "elsewhere").stdout
    assert cli.run("protect", "check", "elsewhere").returncode == 1


def test_a_link_is_checked_as_what_it_leads_to(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "keep").mkdir()
    (cli.cwd / "alias").symlink_to("keep")
    cli.ok("protect", "add", "keep")
    assert "never-touch" in cli.ok("protect", "check", "alias")


def test_a_list_changed_by_another_hand_holds_everything_until_it_is_looked_at(cli: Cli, daemon: Daemon) -> None:
    cli.ok("protect", "add", "keep")
    (daemon.places.config / "never-touch").write_text("")
    assert "without an operator" in cli.fails(1, "protect", "list")
    assert "without an operator" in cli.fails(1, "protect", "add", "more")
    assert daemon.bash("touch new").answer()[0] == "deny"
    assert f"-{cli.cwd}/keep" in cli.ok("protect", "list", "--yes"), "what is lost is shown"
    assert daemon.bash("touch new").answer()[0] == "allow"


@pytest.mark.row("S04")
def test_an_agent_does_not_change_it(cli: Cli, daemon: Daemon) -> None:
    cli.ok("protect", "add", "keep")
    done = cli.agent("protect", "remove", "keep", "--yes")
    assert done.returncode == 1 and "operator's alone" in done.stderr
    assert len(cli.json("protect", "list")) == 1


def test_a_name_with_special_characters_is_taken_literally(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "a[1]*").touch()
    cli.ok("protect", "add", "a[1]*")
    assert "never-touch" in cli.ok("protect", "check", "a[1]*")
    assert cli.run("protect", "check", "a1x").returncode == 1


def test_a_pattern_that_names_nothing_stays_a_pattern() -> None:
    assert pattern("*.pem") == "*.pem"


@pytest.mark.parametrize("path", ["", " x", "x\n!y", "x\x00"])
def test_what_no_line_can_hold_is_refused(path: str) -> None:
    with pytest.raises(Failure):
        pattern(path)


@pytest.mark.parametrize("folder", ["a\nb", os.fsdecode(b"\xff")])
def test_the_folder_above_must_fit_on_the_line_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / folder)
    with pytest.raises(Failure, match="cannot stand on a line"):
        pattern("x")


def test_a_change_needs_a_daemon_that_takes_it(cli: Cli) -> None:
    cli.fails(3, "protect", "add", "keep")
    assert not (cli.home.path / "config" / "never-touch").exists()
    assert cli.json("protect", "list") == []
