"""The configuration layers of an agent, the strongest last, and what in them weakens the gate. Blocking."""

from pathlib import Path

from controlroom.agents import claude_settings
from controlroom.agents.claude_install import MANAGED
from controlroom.agents.command import is_ours
from controlroom.model.view import LayerView


def of_claude(home: str, workspace: str) -> list[LayerView]:
    """Every settings file that Claude Code would read in this workspace, also those that do not exist (yet)."""
    top, project = Path(home), Path(workspace)
    managed = sorted(MANAGED.glob("managed-settings.d/*.json"))
    found, troubles = claude_settings.layers(top, project, [MANAGED / "managed-settings.json", *managed])
    warned = [*claude_settings.warnings(found), *troubles]
    names = [top / ".claude/settings.json", project / ".claude/settings.json", project / ".claude/settings.local.json"]
    names += [MANAGED / "managed-settings.json", *managed]
    return [_layer(str(n), found.get(str(n)), warned) for n in names]


def _layer(path: str, settings: dict[str, object] | None, warned: list[str]) -> LayerView:
    warning = "; ".join(w.removeprefix(f"{path}: ") for w in warned if w.startswith(f"{path}:"))
    gate = "our gate" if settings is not None and _gated(settings) else ("no gate" if settings is not None else "")
    return LayerView(path, settings is not None, gate, warning)


def _gated(settings: dict[str, object]) -> bool:
    hooks = settings.get("hooks")
    groups = hooks.get("PreToolUse") if isinstance(hooks, dict) else None
    for group in groups if isinstance(groups, list) else []:
        for hook in group.get("hooks", []) if isinstance(group, dict) else []:
            line = hook.get("command") if isinstance(hook, dict) else None
            if isinstance(line, str) and is_ours(line, "claude-code", "PreToolUse"):
                return True
    return False
