"""One module an agent: how its hook speaks and how the gate is put into its configuration."""

from controlroom.agents import claude_code, claude_transcript
from controlroom.agents.adapter import Adapter
from controlroom.agents.call import Call, CallKind
from controlroom.agents.strict import BadJson
from controlroom.agents.transcript import Decoder

AGENTS: dict[str, Adapter] = {"claude-code": claude_code}
TRANSCRIPTS: dict[str, Decoder] = {"claude-code": claude_transcript}

__all__ = ["AGENTS", "TRANSCRIPTS", "Adapter", "BadJson", "Call", "CallKind"]
