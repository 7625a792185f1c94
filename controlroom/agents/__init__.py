"""One module an agent: how its hook speaks and how the gate is put into its configuration."""

from controlroom.agents import claude_code
from controlroom.agents.adapter import Adapter
from controlroom.agents.call import Call, CallKind
from controlroom.agents.strict import BadJson

AGENTS: dict[str, Adapter] = {"claude-code": claude_code}

__all__ = ["AGENTS", "Adapter", "BadJson", "Call", "CallKind"]
