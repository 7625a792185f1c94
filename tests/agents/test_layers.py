"""The table of files and signs: whole, of known kinds, and every layer lies where the agent looks for it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from controlroom.agents import copilot_settings, layers, signs, weakening
from controlroom.agents.claude_settings import hooks
from controlroom.agents.command import command
from controlroom.agents.known import PROGRAMS
from controlroom.model.permissions import Mode


def paths(kind: str, **environment: str) -> set[str]:
    return {place.path for place in layers.places(kind, "/h", "/w", environment)}


def test_every_known_agent_has_a_row_and_no_file_twice() -> None:
    assert set(layers.table()) == set(PROGRAMS.values())
    for kind in layers.table():
        found = [place.path for place in layers.places(kind, "/h", "/w")]
        assert len(found) == len(set(found))
        assert any(place.layer.role == "settings" for place in layers.places(kind, "/h", "/w"))


def test_the_files_of_each_agent() -> None:
    claude = {"/h/.claude/settings.json", "/w/.claude/settings.json", "/w/.claude/settings.local.json"}
    assert claude | {"/etc/claude-code/managed-settings.d/*.json", "/h/.claude.json", "/w/.mcp.json"} <= paths("claude-code")
    assert {"/h/.codex/config.toml", "/h/.codex/hooks.json", "/w/AGENTS.md", "/etc/codex/requirements.toml"} <= paths("codex")
    assert {"/h/.gemini/settings.json", "/etc/gemini-cli/policies/*.toml"} <= paths("gemini")
    assert {"/h/.config/opencode/opencode.json", "/w/.opencode/plugin/*"} <= paths("opencode")
    assert {"/h/.openclaw/openclaw.json", "/h/.openclaw/exec-approvals.json"} <= paths("openclaw")
    assert layers.places("process", "/h", "/w") == ()


@pytest.mark.parametrize(
    ("kind", "name", "value", "path"),
    [
        ("claude-code", "CLAUDE_CONFIG_DIR", "/m", "/m/settings.json"),
        ("codex", "CODEX_HOME", "/m", "/m/config.toml"),
        ("opencode", "XDG_CONFIG_HOME", "/m", "/m/opencode/opencode.json"),
        ("openclaw", "OPENCLAW_STATE_DIR", "/m", "/m/openclaw.json"),
    ],
)
@pytest.mark.row("G05")
def test_a_variable_that_moves_the_agents_folder_is_followed(kind: str, name: str, value: str, path: str) -> None:
    assert path in paths(kind, **{name: value})
    assert path not in paths(kind, **{name: "relative"})


def test_a_pattern_gives_what_is_there_also_below_a_folder_with_odd_signs(tmp_path: Path) -> None:
    odd = tmp_path / "w[1]*"
    (odd / ".claude/agents").mkdir(parents=True)
    (odd / ".claude/agents/a.md").touch()
    (place,) = [p for p in layers.places("claude-code", "/h", str(odd)) if p.path.endswith("agents/*.md") and "w[1]" in p.path]
    assert list(layers.present(place)) == [str(odd / ".claude/agents/a.md")]


def weighed(modes: tuple[Mode, ...]) -> set[tuple[str, str, str]]:
    return {(mode.key, mode.value, mode.weight) for mode in modes}


def test_what_settings_say_of_asking() -> None:
    def says(kind: str, given: Mapping[str, object]) -> set[tuple[str, str, str]]:
        return weighed(signs.modes(kind, {"/f": given}))

    loose = {"permissions": {"defaultMode": "bypassPermissions"}}
    assert says("claude-code", loose) == {("permissions.defaultMode", "bypassPermissions", "red")}
    assert says("claude-code", {"permissions": {"defaultMode": "plan"}}) == {("permissions.defaultMode", "plan", "plain")}
    assert says("claude-code", {"disableAllHooks": True}) == {("disableAllHooks", "true", "off")}
    assert says("claude-code", {"disableAllHooks": False}) == {("disableAllHooks", "false", "plain")}
    never = {"approval_policy": "never", "sandbox_mode": "danger-full-access", "features": {"hooks": False}}
    assert {weight for _, _, weight in says("codex", never)} == {"red", "off"}
    assert says("gemini", {"hooksConfig": {"enabled": False}}) == {("hooksConfig.enabled", "false", "off")}
    assert ("permission.bash", "allow", "red") in says("opencode", {"permission": {"bash": "allow"}})
    assert says("opencode", {}) == {("permission", "not set", "red")}
    assert says("opencode", {"permission": {"bash": "ask"}}) == {("permission.bash", "ask", "plain")}
    assert says("openclaw", {"tools": {"exec": {"mode": "full"}}}) == {("tools.exec.mode", "full", "red")}
    assert says("process", {"approval_policy": "never"}) == set()


@pytest.mark.parametrize(
    ("kind", "argv", "weight"),
    [
        ("claude-code", ["claude", "--dangerously-skip-permissions"], "red"),
        ("claude-code", ["claude", "--permission-mode", "bypassPermissions"], "red"),
        ("claude-code", ["claude", "--permission-mode=plan"], "plain"),
        ("claude-code", ["claude", "--bare"], "off"),
        ("codex", ["codex", "-a", "never"], "red"),
        ("codex", ["codex", "exec", "--yolo", "x"], "red"),
        ("codex", ["codex", "--disable", "hooks"], "off"),
        ("gemini", ["gemini", "--approval-mode=yolo"], "red"),
        ("gemini", ["gemini", "-y"], "red"),
        ("opencode", ["opencode", "run", "--auto", "x"], "red"),
        ("copilot", ["copilot", "-p", "x", "--allow-all-tools"], "red"),
    ],
)
def test_what_the_command_line_says_of_asking(kind: str, argv: list[str], weight: str) -> None:
    assert [mode.weight for mode in signs.flags(kind, argv)] == [weight]
    assert signs.flags(kind, [argv[0], "--", *argv[1:]]) == ()


GATE = command(Path("/run/cr"), Path("/usr/bin/python3"), Path("/opt/hook.py"), "claude-code", "PreToolUse")


def hooked(line: str) -> bytes:
    hooks = [{"matcher": "*", "hooks": [{"type": "command", "command": line}]}]
    return json.dumps({"hooks": {"PreToolUse": hooks}}).encode()


@pytest.mark.row("G05")
@pytest.mark.parametrize(
    ("after", "why"),
    [
        (None, "our hook is gone"),
        (b"{}", "our hook is gone"),
        (b"", "our hook is gone"),
        (b"{", "cannot be read any more"),
        (hooked(GATE.replace("/run/cr", "/run/other")), "command of our hook is another one"),
        (hooked(GATE)[:-1] + b', "disableAllHooks": true}', "hooks do not run"),
        (hooked(GATE)[:-1] + b', "permissions": {"defaultMode": "bypassPermissions"}}', "asks for nothing"),
        (
            hooked(GATE).replace(b"]}]}}", b']}, {"hooks": [{"type": "command", "command": "true"}]}]}}'),
            "another PreToolUse hook",
        ),
    ],
)
def test_what_weakens_the_gate_in_settings(after: bytes | None, why: str) -> None:
    (told,) = weakening.weakens("claude-code", "/h/.claude/settings.json", "settings", hooked(GATE), after)
    assert why in told


def test_a_change_that_only_puts_our_gate_in() -> None:
    groups = hooks(Path("/run/cr"), Path("/usr/bin/python3"), Path("/opt/hook.py"))
    ours = {event: [group] for event, group in groups.items()}
    lint = {"hooks": [{"type": "command", "command": "lint"}]}

    def only(before: object, after: object) -> bool:
        old, new = (None if one is None else json.dumps(one).encode() for one in (before, after))
        return weakening.only_gate("/h/.claude/settings.json", old, new, groups, {})

    assert only(None, {"hooks": ours})
    assert only({"model": "opus"}, {"model": "opus", "hooks": ours})
    assert only({"hooks": {"PreToolUse": [lint]}}, {"hooks": {**ours, "PreToolUse": [lint, groups["PreToolUse"]]}})
    assert not only({"hooks": ours}, {"hooks": ours})
    assert not only(None, {"hooks": {**ours, "PreToolUse": [{**groups["PreToolUse"], "matcher": "Read"}]}})
    assert not only(None, {"hooks": ours, "disableAllHooks": True})
    assert not only({"hooks": {"PreToolUse": [lint]}}, {"hooks": ours})
    assert not only({"hooks": "x"}, {"hooks": ours})


def test_what_does_not_weaken() -> None:
    def weakens(before: bytes | None, after: bytes | None, role: str = "settings") -> tuple[str, ...]:
        return weakening.weakens("claude-code", "/h/.claude/settings.json", role, before, after)  # type: ignore[arg-type]

    assert weakens(None, hooked(GATE)) == ()
    assert weakens(hooked(GATE), hooked(GATE)[:-1] + b', "model": "opus"}') == ()
    assert weakens(b'{"permissions": {"defaultMode": "bypassPermissions"}}', b'{"permissions": {"defaultMode": "plan"}}') == ()
    assert weakens(None, b'{"skipDangerousModePermissionPrompt": true}') == ()  # Claude Code sets it at its first start
    assert weakens(b"x", b"y", "instructions") == ()
    assert weakens(b"x", None, "code") == ()
    assert weakens(None, b"x", "code") != ()


@pytest.mark.row("G05")
def test_what_weakens_the_other_agents() -> None:
    def weakens(kind: str, path: str, after: bytes) -> tuple[str, ...]:
        return weakening.weakens(kind, path, "settings", None, after)

    assert weakens("codex", "/h/.codex/config.toml", b'approval_policy = "never"') != ()
    assert weakens("codex", "/h/.codex/config.toml", b"[features]\nhooks = false") != ()
    assert weakens("codex", "/h/.codex/config.toml", b'model = "x"') == ()
    assert weakens("gemini", "/h/.gemini/settings.json", b'{"hooksConfig": {"enabled": false}}') != ()
    assert weakens("opencode", "/w/opencode.jsonc", b'// mine\n{"permission": {"bash": "allow",},}') != ()
    assert weakens("copilot", "/h/.copilot/settings.json", b'{"disableAllHooks": true}') != ()
    other = b'{"version": 1, "hooks": {"preToolUse": [{"type": "command", "bash": "true"}]}}'
    assert weakens("copilot", "/w/.github/hooks/x.json", other) == (
        "another preToolUse hook is set; it can change a call after it was judged here",
    )
    assert weakens("openclaw", "/h/.openclaw/openclaw.json", b"{tools: {exec: {mode: 'full'}}}") != ()


@pytest.mark.row("G05")
def test_our_gate_in_copilots_hook_file_is_known_put_in_and_taken_out() -> None:
    def text(hooks: object) -> bytes:
        return json.dumps({"version": 1, "hooks": hooks}).encode()

    path, hooks = (
        "/h/.copilot/hooks/controlroom.json",
        copilot_settings.hooks(Path("/run/cr"), Path("/usr/bin/python3"), Path("/opt/hook.py")),
    )
    whole = text({event: [hook] for event, hook in hooks.items()})
    assert weakening.gates("copilot", json.loads(whole)) == {event: hook["bash"] for event, hook in hooks.items()}
    assert weakening.weakens("copilot", path, "settings", None, whole) == ()
    assert weakening.only_gate(path, None, whole, hooks, copilot_settings.HEAD)
    assert not weakening.only_gate(path, None, whole[:-1] + b', "disableAllHooks": true}', hooks, copilot_settings.HEAD)
    (told,) = weakening.weakens("copilot", path, "settings", whole, None)
    assert told.startswith("our hook is gone from it (postToolUse, postToolUseFailure, preCompact, preToolUse,")
    other = whole.replace(b"/opt/hook.py", b"/tmp/hook.py")
    (told,) = weakening.weakens("copilot", path, "settings", whole, other)
    assert told.startswith("the command of our hook is another one")
