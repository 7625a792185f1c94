"""Grants, listings, install, doctor and audit on the real thing."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from controlroom.cli import out
from controlroom.containment import cage
from tests.cli.conftest import CONTROLROOM, Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually


def test_a_grant_is_given_listed_used_up_and_taken_back(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", "--", "sleep", "300")
    cli.ok("grant", "a", "--effect", "delete", "--path", "build", "--uses", "2", "--for", "10m")
    (row,) = cli.json("grants")
    assert (row["agent"], row["effects"], row["uses"], row["path"]) == ("a", ["delete"], 2, str(cli.cwd / "build"))
    assert 590 < row["ttl_s"] <= 600
    cli.ok("revoke", row["id"])
    assert cli.json("grants") == []


@pytest.mark.row("T02")
def test_no_grant_outlives_its_daemon_whatever_the_clocks_say_after_it(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", "--", "sleep", "300")
    cli.ok("grant", "a", "--effect", "delete", "--path", "build", "--for", "1h")
    daemon.kill()
    cli.ok("daemon", "start")
    eventually(lambda: [row["name"] for row in cli.json("agents")] == ["a"], 20, "the session is met again")
    assert cli.json("grants") == cli.json("pending") == []


@pytest.mark.parametrize(
    "words",
    [
        ["--effect", "delete"],
        ["--effect", "delete", "--path", ".", "--argv", "ls"],
        ["--effect", "delete", "--path", ".", "--for", "soon"],
        ["--effect", "exec", "--argv", "'"],
        ["--effect", "exec", "--argv", ""],
    ],
    ids=" ".join,
)
def test_what_is_no_grant_is_a_usage_error(cli: Cli, words: list[str]) -> None:
    cli.fails(2, "grant", "a", *words)


def test_pending_has_all_that_a_script_needs_to_decide(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "x").touch()
    daemon.ask(paths=("x",))
    (row,) = daemon.pending()
    (listed,) = cli.json("pending")
    wanted = {"id", "digest", "tier", "agent", "action", "targets", "undo", "age_s", "ttl_s"}
    assert wanted <= listed.keys() and listed["digest"] == row["digest"]
    assert cli.json("pending", "--agent", "nobody") == []
    said = cli.ok("pending")
    assert f"controlroom allow {row['id']} --digest {row['digest']}" in said
    assert said.index("why ") < said.index("agent says (unverified)")


def test_a_listing_of_less_than_one_row_is_a_usage_error(cli: Cli, daemon: Daemon) -> None:
    daemon.ask(paths=("x",))
    daemon.pending()
    assert len(cli.json("receipts", "--limit", "1")) == 1
    for limit in ("0", "-1"):
        assert "at least 1" in cli.fails(2, "receipts", "--limit", limit)


def test_what_the_system_refuses_names_the_file_and_no_number(cli: Cli, daemon: Daemon) -> None:
    for option in ("--anchor", "--seal-key"):
        assert cli.fails(1, "audit", "verify", option, "gone") == "controlroom: gone: No such file or directory\n"


def test_a_working_folder_that_is_gone_is_said(cli: Cli) -> None:
    line = [
        "sh",
        "-c",
        'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
        "sh",
        *CONTROLROOM,
        "policy",
        "check",
        "--",
        "ls",
    ]
    done = subprocess.run(line, env=cli.home.env, cwd=cli.cwd, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (1, "") and "the folder that you are in is gone" in done.stderr


@pytest.mark.row("D02")
def test_what_an_agent_wrote_is_shown_without_control_characters(cli: Cli, daemon: Daemon) -> None:
    evil = "x\x1b[2J\u202e\x07\x9b31m"
    daemon.ask(paths=(evil,), reason=evil)
    daemon.pending()
    for words in (["pending"], ["pending", "--json"], ["receipts"], ["agents"]):
        said = cli.ok(*words)
        assert not {char for char in said if char != "\n" and not char.isprintable()}, words
    assert json.loads(cli.ok("pending", "--json"))[0]["says"] == evil


def test_a_table_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out.table(("A", "B"), [["short", "y" * 100]])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) == 40 and lines[1].endswith("...")


def test_indentation_of_a_diff_stays_and_hides_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    out.block("+" + " " * 12 + "x\n-" + " " * 200 + "hidden\n")
    first, second = capsys.readouterr().out.splitlines()
    assert first == "  +" + " " * 12 + "x"
    assert len(second) < 80 and "hidden" in second


def test_install_and_uninstall_leave_the_bytes_as_they_were(cli: Cli) -> None:
    settings = cli.home.user / ".claude" / "settings.json"
    settings.parent.mkdir()
    before = b'{ "model": "opus" ,\n\t"env": {}}'
    settings.write_bytes(before)
    assert "--yes" in cli.fails(1, "install", "claude-code")
    assert settings.read_bytes() == before
    assert "PreToolUse" in cli.ok("install", "claude-code", "--yes")
    assert b"claude-code PreToolUse" in settings.read_bytes()
    assert "up to date" in cli.ok("install", "claude-code", "--yes")
    cli.ok("uninstall", "claude-code", "--yes")
    assert settings.read_bytes() == before


def test_a_project_scope_is_this_folder(cli: Cli) -> None:
    cli.ok("install", "claude-code", "--scope", "project", "--yes")
    assert (cli.cwd / ".claude" / "settings.json").exists()
    cli.ok("uninstall", "claude-code", "--scope", "project", "--yes")
    assert not (cli.cwd / ".claude").exists()


def test_copilots_gate_is_a_file_of_its_own_that_goes_again(cli: Cli) -> None:
    assert "installed: " in cli.ok("install", "copilot", "--yes")
    file = cli.home.user / ".copilot" / "hooks" / "controlroom.json"
    assert b"copilot preToolUse" in file.read_bytes()
    rows = [row for row in cli.json("doctor") if row["what"].startswith("copilot preToolUse hook in")]
    assert [(row["grade"], row["text"]) for row in rows] == [("ok", "denies while no daemon answers")]
    assert "--scope user" in cli.fails(1, "install", "copilot", "--scope", "project")
    cli.ok("uninstall", "copilot", "--yes")
    assert not (cli.home.user / ".copilot").exists()


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_codex_needs_no_installation(cli: Cli, command: str) -> None:
    said = " ".join(cli.fails(1, command, "codex").split())
    assert "codex: Codex needs no installation: `controlroom run -- codex` brings its gate along" in said


def test_geminis_gate_comes_into_the_settings_and_goes_again_to_the_byte(cli: Cli) -> None:
    file = cli.home.user / ".gemini" / "settings.json"
    file.parent.mkdir()
    before = '{\n  // mine\n  "ui": {"theme": "Dracula"} // dark\n}\n'
    file.write_text(before)
    assert "note: it holds in folders that Gemini CLI trusts" in cli.run("install", "gemini", "--yes").stderr
    assert "gemini BeforeTool" in file.read_text()
    rows = [row for row in cli.json("doctor") if row["what"].startswith("gemini BeforeTool hook in")]
    assert [(row["grade"], row["text"]) for row in rows] == [("ok", "denies while no daemon answers")]
    assert "--scope user" in cli.fails(1, "install", "gemini", "--scope", "project")
    cli.ok("uninstall", "gemini", "--yes")
    assert file.read_text() == before


@pytest.mark.parametrize("agent", ["opencode", "openclaw"])
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_of_an_agent_without_a_gate_it_is_said_what_can_be_done_instead(cli: Cli, agent: str, command: str) -> None:
    said = " ".join(cli.fails(1, command, agent).split())
    assert f"{agent}: its calls cannot be held yet: " in said
    assert f"controlroom run -- {agent}" in said and "--contain enforced" in said


def test_an_agent_that_is_not_known_cannot_be_installed(cli: Cli) -> None:
    cli.fails(2, "install", "no-such-agent")


@pytest.mark.row("G03")
def test_doctor_tells_of_the_bwrap_that_a_launch_would_take(cli: Cli) -> None:
    """A launch takes none from the caller's PATH."""
    other = cli.cwd / "bwrap"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    rows = json.loads(cli.run("doctor", "--json", PATH=f"{cli.cwd}:{os.environ['PATH']}").stdout)
    (row,) = [row for row in rows if row["what"] == "bwrap"]
    assert row["text"] == (cage.find_bwrap() or "not found: ENFORCED is not possible")


def test_doctor_runs_what_is_installed_and_fails_when_it_does_not_deny(cli: Cli, daemon: Daemon) -> None:
    cli.ok("install", "claude-code", "--yes")
    rows = cli.json("doctor")
    hooks = [row for row in rows if "hook in" in row["what"]]
    assert hooks and all(row["grade"] == "ok" and "the daemon answers" in row["text"] for row in hooks)
    settings = cli.home.user / ".claude" / "settings.json"
    settings.write_text(settings.read_text().replace(str(daemon.places.runtime), str(cli.home.path / "elsewhere")))
    done = cli.run("doctor")
    assert done.returncode == 1 and "FAIL  claude-code PreToolUse hook" in done.stdout


def test_doctor_tells_that_installed_hooks_are_switched_off_also_where_the_agent_is_not_on_the_path(cli: Cli) -> None:
    cli.ok("install", "claude-code", "--yes")
    settings = cli.home.user / ".claude" / "settings.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "disableAllHooks": True}))
    assert '"disableAllHooks": true switches installed hooks off' in cli.run("doctor").stdout


@pytest.mark.row("R14")
def test_doctor_names_the_place_of_a_secret_in_an_agents_log_and_not_the_secret(cli: Cli) -> None:
    token = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"
    log = cli.home.user / ".codex" / "sessions" / "2026" / "11" / "26" / "rollout-x.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text(f"{{}}\n{{}}\nexport X={token}\n")
    (row,) = [row for row in cli.json("doctor") if row["what"] == "secrets in logs"]
    assert row["grade"] == "warn" and f"{log} line 3 (github)" in row["text"] and token not in row["text"]


def test_doctor_without_a_daemon_warns_and_the_gate_is_closed(cli: Cli) -> None:
    cli.ok("install", "claude-code", "--yes")
    said = cli.ok("doctor")
    assert "warn  daemon: no daemon answers" in said and "denies while no daemon answers" in said


def test_a_folder_that_others_may_write_to_fails(cli: Cli) -> None:
    state = cli.home.path / "state"
    state.mkdir()
    state.chmod(0o777)
    done = cli.run("doctor")
    assert done.returncode == 1 and "FAIL  state folder" in done.stdout
    state.chmod(0o700)


def test_the_journal_is_proved_and_exported_without_a_daemon(cli: Cli, daemon: Daemon) -> None:
    daemon.bash("ls").answer()
    eventually(lambda: cli.json("receipts"), 20, "a receipt")
    cli.ok("daemon", "stop")
    assert cli.ok("audit", "verify").startswith("ok: ")
    stored = b"".join(path.read_bytes() for path in sorted(daemon.places.journal.glob("*.jsonl"))).decode()
    assert [json.loads(line)["id"] for line in cli.ok("audit", "export").splitlines()] == [
        f"sha256:{json.loads(line)['sum']}" for line in stored.splitlines()
    ]
    assert len(cli.ok("audit", "export", "--format", "csv").splitlines()) == 2


def test_a_changed_byte_is_found(cli: Cli, daemon: Daemon) -> None:
    daemon.bash("ls").answer()
    cli.ok("daemon", "stop")
    segment: Path = min(daemon.places.journal.glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b'"ls', b'"lz', 1))
    assert "BROKEN at record" in cli.fails(1, "audit", "verify")
    found = json.loads(cli.run("audit", "verify", "--json").stdout)
    assert found["ok"] is False and found["first_bad_seq"] > 0
    assert "audit verify" in cli.fails(1, "audit", "export")
