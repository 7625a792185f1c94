"""What an agent's module must offer."""

from typing import Protocol

from controlroom.agents.call import Call
from controlroom.model.action import Action


class Adapter(Protocol):
    """How an agent's hook speaks. A module with these functions is one."""

    def gates(self, event: str) -> bool:
        """Whether the agent waits for an answer at `event`; False = it only tells."""

    def parse(self, event: str, payload: bytes, cut: bool = False) -> Call:
        """What the hook's JSON means. Raises BadJson."""

    def allow_body(self, event: str, by: str, reason: str, action: Action) -> bytes:
        """What the hook prints for an allow of `action`; never empty. `by` as in a Decision: `operator:NAME`, `grant:ID`,
        `policy`.
        """

    def start_body(self, context: str) -> bytes:
        """What the hook prints at a session's start to tell the agent `context`; empty for an empty context."""
