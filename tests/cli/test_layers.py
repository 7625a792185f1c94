"""A file that switches the gate off comes up beside a running agent of ours: it is paused within two seconds' looks."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually


@pytest.mark.row("G05")
def test_a_supervised_agent_is_paused_when_its_gate_is_weakened_and_goes_on_by_an_operators_word(
    cli: Cli, daemon: Daemon
) -> None:
    agent = cli.cwd / "claude"
    agent.write_text("#!/bin/sh\nsleep 600 & wait\n")
    agent.chmod(0o755)
    cli.ok("run", "--detach", "--", str(agent), "--dangerously-skip-permissions")
    notes = cli.cwd / "CLAUDE.md"
    number = iter(range(10_000))
    eventually(lambda: notes.write_text(str(next(number))) and seen(daemon, notes), 20, "the files are watched")
    assert state(daemon) == "running"  # what an agent is told weakens no gate

    local = cli.cwd / ".claude" / "settings.local.json"
    local.parent.mkdir()
    local.write_text(json.dumps({"disableAllHooks": True}))
    eventually(lambda: state(daemon) == "paused", 20, "it is paused")
    (change,) = eventually(lambda: seen(daemon, local), 20, "it is recorded")
    assert change["weakens"] == ["disableAllHooks is true: hooks do not run"]

    said = cli.ok("show", "claude")
    assert "ASKS NOTHING: command line says --dangerously-skip-permissions" in said
    assert "The gate is closed: the agent denies a call whose hook fails" in said
    assert "The gate is written in command line and not proved" in said and "denied by this gate" in said
    cli.ok("config", "accept", str(local), "--yes")
    assert state(daemon) == "paused"
    cli.ok("resume", "claude")
    assert state(daemon) == "running"


@pytest.mark.row("G05")
def test_that_the_gate_is_put_in_alarms_nobody_and_that_it_is_taken_out_does(cli: Cli, daemon: Daemon) -> None:
    settings = daemon.home.user / ".claude" / "settings.json"
    settings.parent.mkdir()
    note, number = settings.parent / "CLAUDE.md", iter(range(10_000))
    eventually(lambda: note.write_text(str(next(number))) and seen(daemon, note), 20, "the files are watched")
    cli.ok("install", "claude-code", "--yes")
    (change,) = eventually(lambda: seen(daemon, settings), 20, "it is recorded")
    assert change["gate"] and "our gate was put in" in cli.ok("config", "changes")
    cli.ok("uninstall", "claude-code", "--yes")
    eventually(lambda: len(seen(daemon, settings)) == 2 and alarms(daemon, settings), 20, "it is told")
    (told,) = alarms(daemon, settings)
    assert "our hook is gone from it" in told


def alarms(daemon: Daemon, path: Path) -> list[str]:
    found = [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == "config"]
    return [text for text in found if text.startswith(f"{path} ")]


def seen(daemon: Daemon, path: Path) -> list[dict[str, object]]:
    return [r["body"] for r in daemon.records() if r["kind"] == "layer" and r["body"]["path"] == str(path)]


def state(daemon: Daemon) -> str:
    return str(daemon.call("agents")[0]["state"])
