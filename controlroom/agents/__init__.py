"""One module an agent: how its hook speaks, how the gate is put into its configuration, and how its own log reads."""

from controlroom.agents import claude_transcript, codex_transcript, copilot_transcript, gemini_transcript
from controlroom.agents.adapter import Adapter
from controlroom.agents.call import Call, CallKind
from controlroom.agents.gated import GATED
from controlroom.agents.strict import BadJson
from controlroom.agents.transcript import Transcript

AGENTS: dict[str, Adapter] = {kind: agent.speaks for kind, agent in GATED.items()}
TRANSCRIPTS: dict[str, Transcript] = {
    "claude-code": claude_transcript,
    "codex": codex_transcript,
    "gemini": gemini_transcript,
    "copilot": copilot_transcript,
}

__all__ = ["AGENTS", "TRANSCRIPTS", "Adapter", "BadJson", "Call", "CallKind"]
