"""What an agent's own log tells of its calls. All of it is the agent's claim; unknown lines tell nothing and harm nothing."""

from typing import Protocol

import msgspec


class ToolUse(msgspec.Struct, frozen=True):
    """The agent's model asked for a tool: `call` is the agent's id of it."""

    call: str
    tool: str


class ToolResult(msgspec.Struct, frozen=True):
    """A call is over; `failed` also where it never ran."""

    call: str
    failed: bool


class Spent(msgspec.Struct, frozen=True):
    """Tokens of one message, in and out; a later line of the same message replaces it."""

    message: str
    tokens: int


Told = ToolUse | ToolResult | Spent


class Decoder(Protocol):
    """Reads the lines of one agent's log."""

    def decode(self, line: bytes) -> list[Told]:
        """What a line tells; [] where it tells nothing of these. Never raises."""
        ...

    def side_logs(self, path: str) -> str:
        """A pattern for `glob` of the logs that belong to this one (subagents'); "" where there are none."""
        ...

    def memory(self, path: str, workspace: str, home: str) -> tuple[str, ...]:
        """Patterns for `glob` of the files in which the agent keeps what it knows beyond a session."""
        ...
