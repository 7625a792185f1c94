"""What the walls of ENFORCED hold read-only: the lists as they are here, less what the agent itself writes in normal work."""

import os
from pathlib import Path

import pytest

from controlroom.agents import layers
from controlroom.daemon import members
from controlroom.policy import Context, Manifest

CODEX = (
    "config.toml",
    "rules/a.rules",
    "AGENTS.md",
    "auth.json",
    "sessions/1.jsonl",
    "history.jsonl",
    "state.db",
    "memories/m.md",
)


def home_with(top: Path, *names: str) -> Path:
    home = top / "home"
    for name in names:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (top / "w").mkdir()
    return home


def held(top: Path, home: Path, kind: str, user: str = "") -> set[str]:
    manifest = Manifest.parse(user, "never-touch", "/")
    found = members.find(Context(str(top / "w"), str(home), manifest), kind)
    return {path.removeprefix(f"{home}/") for path in found.readonly if path.startswith(f"{home}/")}


@pytest.mark.row("N10", "G05")
def test_of_its_own_folder_an_agent_finds_its_settings_held_and_nothing_else(tmp_path: Path) -> None:
    home = home_with(tmp_path, *(f".codex/{name}" for name in CODEX))
    assert held(tmp_path, home, "codex") == {".codex/config.toml", ".codex/rules", ".codex/AGENTS.md"}


@pytest.mark.row("N10")
@pytest.mark.parametrize("kind", ["claude-code", "gemini", "process"])
def test_for_any_other_agent_the_whole_folder_is_held(tmp_path: Path, kind: str) -> None:
    home = home_with(tmp_path, *(f".codex/{name}" for name in CODEX))
    assert ".codex" in held(tmp_path, home, kind)


@pytest.mark.row("N10")
def test_what_the_user_lists_is_held_whoever_writes_it(tmp_path: Path) -> None:
    home = home_with(tmp_path, ".codex/sessions/1.jsonl", ".claude/projects/p/1.jsonl")
    assert ".codex/sessions" in held(tmp_path, home, "codex", "~/.codex/sessions/\n")
    assert ".claude/projects" in held(tmp_path, home, "claude-code", "~/.claude/projects/\n")
    assert ".claude/projects" not in held(tmp_path, home, "claude-code")


@pytest.mark.row("N10")
def test_what_cannot_be_told_by_its_name_is_not_left_without_a_wall(tmp_path: Path) -> None:
    """A launch is told in JSON what to wall off: a name that is not UTF-8 would be another one there."""
    home = home_with(tmp_path, os.fsdecode(b".ssh/key-\xff"), ".ssh/id_rsa")
    with pytest.raises(members.NotWalled, match=r"\.ssh/key-\\xff is protected, and its name is not UTF-8: rename it"):
        held(tmp_path, home, "process")


@pytest.mark.row("G05")
def test_a_folder_that_a_variable_moved_has_its_settings_held(tmp_path: Path) -> None:
    moved = home_with(tmp_path, "config.toml", "rules/a.rules", "sessions/1.jsonl", "memories/m.md")
    found = layers.held("codex", "/nobody", {"CODEX_HOME": str(moved)})
    assert sorted(Path(path).relative_to(moved).as_posix() for path in found) == ["config.toml", "rules"]
    assert list(layers.held("process", "/nobody", {})) == []
