"""Our hooks in Claude Code's settings: for one launch, beside the user's own, and what would weaken them."""

import json
from pathlib import Path

import pytest

from controlroom.agents.claude_code import KINDS, gates
from controlroom.agents.claude_settings import EVENTS, hooks, layers, ours, settings_json, warnings, with_settings
from controlroom.agents.command import Ungated
from controlroom.agents.strict import read_object

PATHS = (Path("/run/a b"), Path("/usr/bin/python3"), Path("/lib/hook.py"))
OURS = settings_json(*PATHS)
OTHER = {"hooks": [{"type": "command", "command": "lint"}]}


def test_every_event_of_ours_is_hooked_and_gates_fail_closed() -> None:
    settings = json.loads(OURS)
    assert settings["disableAllHooks"] is False
    assert set(settings["hooks"]) == set(EVENTS) == set(KINDS)
    for event, groups in settings["hooks"].items():
        (group,) = groups
        (handler,) = group["hooks"]
        assert handler["type"] == "command"
        assert ours(event, group)
        assert (handler.get("onFailure") == "block") is gates(event)
        assert handler["timeout"] == (900 if gates(event) else 30)
    gate = settings["hooks"]["PreToolUse"][0]
    assert gate["matcher"] == "*"
    assert gate["hooks"][0]["statusMessage"] == "waiting for operator"
    assert "'/run/a b'" in gate["hooks"][0]["command"]


def test_a_group_that_holds_more_than_ours_is_not_ours() -> None:
    group = hooks(*PATHS)["PreToolUse"]
    handlers = group["hooks"]
    assert isinstance(handlers, list)
    assert not ours("PreToolUse", {"hooks": [*handlers, *OTHER["hooks"]]})
    odds: tuple[object, ...] = (
        None,
        [],
        {},
        {"hooks": {}},
        {"hooks": []},
        {"hooks": ["x"]},
        {"hooks": [{"command": 1}]},
        OTHER,
    )
    for odd in odds:
        assert not ours("PreToolUse", odd)


@pytest.mark.parametrize(
    "argv", [["claude"], ["/opt/claude", "-p", "hello"], ["claude", "--continue", "--", "--bare", "--settings"]]
)
def test_the_settings_go_in_front(argv: list[str]) -> None:
    assert with_settings(argv, OURS) == [argv[0], "--settings", OURS, *argv[1:]]


def test_the_users_own_settings_stay_under_ours(tmp_path: Path) -> None:
    user = {"model": "x", "disableAllHooks": True, "hooks": {"PreToolUse": [OTHER], "Stop": [OTHER]}}
    (tmp_path / "s.json").write_text(json.dumps(user))
    for argv in (
        ["claude", "-p", "--settings", json.dumps(user), "hi"],
        ["claude", "-p", f"--settings={json.dumps(user)}", "hi"],
        ["claude", "-p", "--settings", "s.json", "hi"],
        ["claude", "-p", "--settings", str(tmp_path / "s.json"), "hi"],
    ):
        command = with_settings(argv, OURS, tmp_path)
        assert [*command[:2], *command[3:]] == ["claude", "--settings", "-p", "hi"]
        merged = json.loads(command[2])
        assert (merged["model"], merged["disableAllHooks"]) == ("x", False)
        assert merged["hooks"]["Stop"] == [OTHER]
        assert merged["hooks"]["PreToolUse"] == [OTHER, *json.loads(OURS)["hooks"]["PreToolUse"]]


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        ([], "no command"),
        (["claude", "--bare"], "--bare switches every hook off"),
        (["claude", "-p", "x", "--safe-mode"], "start it without --safe-mode"),
        (["claude", "--bare=true"], "--bare"),
        (["claude", "--settings"], "cannot be read"),
        (["claude", "--settings", "{"], "line 1 column 2"),
        (["claude", "--settings", '{"a":1,"a":2}'], "twice"),
        (["claude", "--settings", "/nowhere/s.json"], "No such file"),
        (["claude", "--settings", '{"hooks":[]}'], "hooks must be an object"),
        (["claude", "--settings", '{"hooks":{"PreToolUse":{}}}'], "PreToolUse must be an array"),
        (["claude", "--settings", "{}", "--settings", "{}"], "more than once"),
    ],
)
def test_a_start_without_the_gate_is_refused(argv: list[str], what: str) -> None:
    with pytest.raises(Ungated, match=what):
        with_settings(argv, OURS)


def test_every_layer_is_read_and_a_broken_one_is_named(tmp_path: Path) -> None:
    home, project, managed = tmp_path / "home", tmp_path / "project", tmp_path / "managed.json"
    for folder in (home, project):
        (folder / ".claude").mkdir(parents=True)
    (home / ".claude/settings.json").write_text("{}")
    (project / ".claude/settings.local.json").write_text('{"a":}')
    managed.write_text('{"disableAllHooks":true}')
    found, troubles = layers(home, project, [managed])
    assert found == {str(home / ".claude/settings.json"): {}, str(managed): {"disableAllHooks": True}}
    assert len(troubles) == 1 and "settings.local.json" in troubles[0] and "line 1 column 6" in troubles[0]


def test_what_weakens_the_gate_is_said() -> None:
    strong = "2.1.330 (Claude Code)"
    assert warnings({"user": read_object(OURS.encode())}, strong) == []
    assert "a: " in warnings({"a": {"disableAllHooks": True}}, strong)[0]
    assert "--scope managed" in warnings({"a": {"allowManagedHooksOnly": True}}, strong)[0]
    assert "another PreToolUse hook" in warnings({"a": {"hooks": {"PreToolUse": [OTHER]}}}, strong)[0]
    assert warnings({"a": {"hooks": {"Stop": [OTHER]}, "disableAllHooks": False}}, strong) == []


@pytest.mark.parametrize(
    ("version", "ok"), [("2.1.295", True), ("2.1.294 (Claude Code)", False), ("1.9.999", False), ("3.0.0", True)]
)
@pytest.mark.row("G16")
def test_a_version_that_fails_open_is_said(version: str, ok: bool) -> None:
    assert (warnings({}, version) == []) is ok


@pytest.mark.row("G16")
def test_an_unknown_version_is_said() -> None:
    assert "not known" in warnings({})[0]
