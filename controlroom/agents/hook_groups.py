"""Hooks in groups, as most agents write them: `{"matcher": ..., "hooks": [{"type": "command", "command": ...}]}`."""

from collections.abc import Mapping

from controlroom.agents.command import is_ours


def ours(agent: str, event: str, group: object) -> bool:
    """Whether a group of an event's array is one that we made for this agent."""
    handlers = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(handlers, list) or len(handlers) != 1 or not isinstance(handlers[0], dict):
        return False
    line = handlers[0].get("command")
    return isinstance(line, str) and is_ours(line, agent, event)


def line_of(group: Mapping[str, object]) -> str:
    """The command of a group of ours."""
    handlers = group["hooks"]
    return str(handlers[0]["command"]) if isinstance(handlers, list) else ""
