"""Files that agents read beside their task: a change is told with who did it, its difference and what it weakens."""

import base64
import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from controlroom.agents import layers
from controlroom.agents.command import command, hook_file, interpreter
from controlroom.daemon.layer_watch import narrowed
from controlroom.sensing.watched import Content, Seen
from tests.support import daemon as daemons
from tests.support.daemon import Daemon, header
from tests.support.waiting import eventually

SECRET = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"


@pytest.fixture
def settings(daemon: Daemon) -> Path:
    """The user's settings of an agent that has spoken at the gate; they are watched by now."""
    path = daemon.home.user / ".claude" / "settings.json"
    path.parent.mkdir()
    path.write_text('{"model": "opus"}')
    assert daemon.bash("ls").answer()[0] == "allow"
    mark = daemon.workspace / ".claude" / "commands" / "mark.md"
    mark.parent.mkdir(parents=True)
    numbers = itertools.count()
    eventually(lambda: mark.write_text(f"{next(numbers)}\n") and told(daemon, mark), 20, "the daemon looks at the files")
    return path


def changes(daemon: Daemon) -> list[dict[str, Any]]:
    return [r["body"] for r in daemon.records() if r["kind"] == "layer"]


def told(daemon: Daemon, path: Path) -> list[dict[str, Any]]:
    return [change for change in changes(daemon) if change["path"] == str(path)]


def one(daemon: Daemon, path: Path) -> dict[str, Any]:
    """The first change of this file that is told."""
    return eventually(lambda: told(daemon, path), 20, f"{path.name} is told")[0]


def alarms(daemon: Daemon) -> str:
    return "\n".join(r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == "config")


@pytest.mark.row("G05", "R14")
def test_what_changed_who_did_it_and_what_it_weakens(daemon: Daemon, settings: Path) -> None:
    state, note = daemon.home.user / ".claude.json", settings.parent / "agent-memory" / "a" / "n.md"
    local = daemon.workspace / ".claude" / "settings.local.json"
    state.write_text('{"numStartups": 1}')
    note.parent.mkdir(parents=True)
    note.write_text("I was here")
    wanted = {"model": "opus", "env": {"GITHUB_TOKEN": SECRET}, "permissions": {"allow": ["Bash(rm:*)"]}}
    settings.write_text(json.dumps(wanted, indent=1))
    assert one(daemon, note)["role"] == "memory"
    changed = one(daemon, settings)
    assert changed["what"] == "changed" and "no call" in changed["who"] and not changed["confirmed"]
    assert "GITHUB_TOKEN" in changed["diff"] and SECRET not in json.dumps(changed)
    assert changed["declares"] == ["it declares now: allow exec rm"] and changed["weakens"] == []

    state.write_text('{"numStartups": 2, "mcpServers": {"x": {"command": "npx"}}}')
    local.write_text('{"disableAllHooks": true, "permissions": {"defaultMode": "bypassPermissions"}}')
    servers, made = one(daemon, state), one(daemon, local)
    assert "npx" in servers["diff"] and "numStartups" not in servers["diff"]  # what it writes all the time is not told
    assert made["what"] == "made" and {text.split(" ")[0] for text in made["weakens"]} == {
        "disableAllHooks",
        "permissions.defaultMode",
    }
    eventually(lambda: str(local) in alarms(daemon), 20, "the last change is told")
    assert f"controlroom config rollback {settings}" in alarms(daemon)
    assert f"{note} was" not in alarms(daemon)
    copies = ("snapshots", "config-history", "agents-files")  # whole files, for an operator who wants the earlier one back
    written = [p for p in daemon.home.path.rglob("*") if p.is_file() and not set(copies) & set(p.parts)]
    assert [p.name for p in written if SECRET.encode() in p.read_bytes()] == []


def test_who_did_it_is_the_call_that_an_operator_allowed_and_all_is_there_after_a_restart(
    daemon: Daemon, settings: Path
) -> None:
    new = '{"model": "haiku"}'
    body = {
        "session_id": "s", "transcript_path": "/t", "cwd": str(daemon.workspace), "hook_event_name": "PreToolUse",
        "tool_name": "Write", "tool_input": {"file_path": str(settings), "content": new}, "tool_use_id": "toolu_w",
    }  # fmt: skip
    asker = daemon.connect().say(header("hook", agent="claude-code", event="PreToolUse"), json.dumps(body).encode())
    (row,) = daemon.pending()
    daemon.call("allow", id=row["id"], digest=row["digest"])
    assert asker.answer()[0] == "allow"
    settings.write_text(new)
    change = one(daemon, settings)
    assert change["confirmed"] and change["receipt"] == row["id"] and "Write" in change["who"]

    mark = daemon.workspace / ".claude" / "commands" / "mark.md"
    waits = next(c["change"]["id"] for c in daemon.call("changes") if c["change"]["path"] == str(mark))
    daemon.call("take_change", id=waits)
    daemons.stop(daemon)
    assert f"{settings} was" not in alarms(daemon)
    after = daemons.start(daemon.home)
    try:
        seen = {c["change"]["id"]: c["taken"] for c in after.call("changes")}
        assert seen[waits].startswith("operator:") and seen[change["id"]] == ""
    finally:
        daemons.stop(after)


@pytest.mark.row("G05")
def test_what_changed_while_no_daemon_looked_is_told_by_the_next_one(daemon: Daemon, settings: Path) -> None:
    state, mark = daemon.home.user / ".claude.json", daemon.workspace / ".claude" / "commands" / "mark.md"
    state.write_text('{"numStartups": 1, "oauth": "its login", "mcpServers": {"x": {"command": "npx"}}}')
    one(daemon, state)
    kept = daemon.places.state / "agents-files"
    eventually(lambda: b"npx" in b"".join(texts(kept)), 20, "what was seen is kept")
    assert b"its login" not in b"".join(texts(kept))  # a part of a file is all that matters of it, and all that is kept
    daemons.stop(daemon)
    before = len(changes(daemon))
    settings.write_text('{"disableAllHooks": true}')
    mark.unlink()
    state.write_text('{"numStartups": 2, "mcpServers": {"x": {"command": "npx"}}}')
    after = daemons.start(daemon.home)
    try:
        eventually(lambda: len(changes(after)) >= before + 2, 20, "both are told")
        settled(after)
        new = {change["path"]: change for change in reversed(changes(after)[before:])}  # the first of each
        assert {path: change["what"] for path, change in new.items()} == {
            str(settings): "changed", str(mark): "removed", str(after.home.user / ".claude" / "CLAUDE.md"): "made",
        }  # fmt: skip
        changed = new[str(settings)]
        assert "since a daemon looked last" in changed["who"] and not changed["confirmed"]
        assert changed["weakens"] == ["disableAllHooks is true: hooks do not run"] and "opus" in changed["diff"]
        assert f"controlroom config rollback {settings}" in alarms(after)
        daemons.stop(after)
        kept.unlink()
        last = daemons.start(daemon.home)
        eventually(lambda: "agents-files is gone" in alarms(last), 20, "it is said that changes cannot be told")
        daemons.stop(last)
    finally:
        daemons.stop(after)


@pytest.mark.row("G05")
def test_what_the_user_set_for_an_agent_is_watched_while_none_runs(daemon: Daemon) -> None:
    settings = daemon.home.user / ".codex" / "config.toml"
    settings.parent.mkdir()
    numbers = itertools.count()
    eventually(lambda: settings.write_text(f"model = '{next(numbers)}'\n") and told(daemon, settings), 20, "it is looked at")
    hooks = settings.parent / "hooks.json"
    hooks.write_text("{}")
    assert one(daemon, hooks)["who"] == "on disk, no call"


def texts(kept: Path) -> list[bytes]:
    """All contents that are kept."""
    groups = json.loads(kept.read_bytes()).values()
    files = [content for group in groups for content in group["files"].values() if content]
    return [base64.b64decode(content["data"]) for content in files]


def settled(daemon: Daemon) -> None:
    """Wait until a change that was made now is told: what came before it is told by then."""
    note = daemon.home.user / ".claude" / "CLAUDE.md"
    numbers = itertools.count()
    eventually(lambda: note.write_text(f"{next(numbers)}\n") and told(daemon, note), 20, "a later change is told")


@pytest.mark.row("G19")
def test_a_written_hook_that_is_not_this_gates_is_told_and_not_run(daemon: Daemon) -> None:
    settings = daemon.home.user / ".claude" / "settings.json"
    settings.parent.mkdir()
    other = command(daemon.home.user / "elsewhere", interpreter(), hook_file(), "claude-code", "PreToolUse")
    hooks = {"PreToolUse": [{"matcher": "*", "hooks": [{"type": "command", "command": other}]}]}
    settings.write_text(json.dumps({"hooks": hooks}))
    assert daemon.bash("ls").answer()[0] == "allow"

    def hook_alarms() -> list[str]:
        return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == "hooks"]

    (text,) = eventually(hook_alarms, 20, "the hook is probed")
    assert str(settings) in text and "not the one that this installation writes" in text


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('model = "x"', 'model = "x"\n[tui]\nseen = 1', False),
        ('model = "x"\n[tui]\nseen = 1', 'model = "y"\n[tui]\nseen = 1', True),
        ('model = "x"', "model = [", True),
        ("model = [", "model = [[", True),
        (None, "[tui]\nseen = 1", True),
    ],
)
def test_what_an_agent_counts_in_its_settings_is_not_told_and_all_else_is(before: str | None, after: str, told: bool) -> None:
    def content(text: str | None) -> Content | None:
        return None if text is None else Content(text.encode(), text, 0o600, 0, (1, 1))

    (layer,) = [one for one in layers.table()["codex"].layer if one.path == "@/config.toml"]
    seen = Seen("/h/.codex/config.toml", content(before), content(after))
    assert narrowed(seen, layer) == (seen if told else None)
