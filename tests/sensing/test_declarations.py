"""The files in which agents declare what they may: read in our words, and never an error."""

import json
from pathlib import Path

import pytest

from controlroom.sensing.declarations import read


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def rows(kind: str, tmp_path: Path) -> set[tuple[str, str, str, str]]:
    found = read(kind, str(tmp_path / "home"), str(tmp_path / "work"))
    return {(row.verb, row.kind.value, row.scope, row.by) for row in found}


def test_claude_code(tmp_path: Path) -> None:
    rules = {"allow": ["Bash(git:*)", 3, "Task"], "deny": ["Read(./.env)"], "ask": ["WebFetch"]}
    put(tmp_path / "work/.claude/settings.json", json.dumps({"permissions": rules}))
    put(tmp_path / "home/.claude/skills/pdf/SKILL.md", "---\nname: pdf\nallowed-tools: Read, Bash(pdftotext:*)\n---\n")
    put(tmp_path / "work/.claude/agents/reviewer.md", "---\ntools: Grep\n---\n")
    assert rows("claude-code", tmp_path) == {
        ("allow", "exec", "git", ""),
        ("deny", "fs.read", "./.env", ""),
        ("ask", "net", "*", ""),
        ("allow", "fs.read", "*", "pdf"),
        ("allow", "exec", "pdftotext", "pdf"),
        ("allow", "fs.read", "*", "reviewer"),
    }


def test_a_bypass_declares_everything(tmp_path: Path) -> None:
    put(tmp_path / "home/.claude/settings.json", '{"permissions": {"defaultMode": "bypassPermissions"}}')
    assert ("allow", "secrets", "*", "") in rows("claude-code", tmp_path)


def test_codex_and_gemini(tmp_path: Path) -> None:
    put(
        tmp_path / "home/.codex/config.toml",
        'sandbox_mode = "workspace-write"\n[sandbox_workspace_write]\nnetwork_access = true\n',
    )
    assert {("allow", "fs.write", ".", ""), ("allow", "net", "*", "")} <= rows("codex", tmp_path)
    put(tmp_path / "work/.gemini/settings.json", '{"tools": {"core": ["run_shell_command(git)"], "exclude": ["write_file"]}}')
    assert rows("gemini", tmp_path) == {("allow", "exec", "git", ""), ("deny", "fs.write", "*", "")}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"permissions": 3}', '{"permissions": {"allow": "x"}}', "[" * 50_000, "\0"])
def test_a_broken_file_declares_nothing(tmp_path: Path, text: str) -> None:
    for name in (".claude/settings.json", ".gemini/settings.json", ".codex/config.toml", ".claude/skills/x/SKILL.md"):
        put(tmp_path / "home" / name, text)
    for kind in ("claude-code", "codex", "gemini", "process"):
        assert rows(kind, tmp_path) == set()
