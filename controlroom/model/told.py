"""What an agent's own log tells, in our words, whichever agent it is. All of it is the agent's claim (S20).

A decoder makes these from the lines of a log; an `Entry` says when it came. Text is raw; only SafeText is drawn.
"""

import msgspec

from controlroom.model.clock import Instant


class Began(msgspec.Struct, frozen=True, tag=True):
    """The log says whose it is: the agent's id of its session, where it works, its version, "" where not told."""

    session: str = ""
    cwd: str = ""
    version: str = ""


class Prompt(msgspec.Struct, frozen=True, tag=True):
    """The agent was told something. `by`: "user", or what else spoke in the user's place."""

    text: str
    by: str = "user"


class Thought(msgspec.Struct, frozen=True, tag=True):
    """The model thinks aloud."""

    text: str


class Said(msgspec.Struct, frozen=True, tag=True):
    """The model speaks."""

    text: str


class ToolUse(msgspec.Struct, frozen=True, tag=True):
    """The model asks for a tool. `call`: the agent's id of it; `input`: JSON text as the agent wrote it, "" where not told."""

    call: str
    tool: str
    input: str = ""


class ToolResult(msgspec.Struct, frozen=True, tag=True):
    """A call is over; `failed` also where it never ran. `refused`: the agent itself says that it did not run."""

    call: str
    failed: bool
    text: str = ""
    refused: bool = False


class Tokens(msgspec.Struct, frozen=True):
    """Tokens of one kind of use. `fresh`: read by the model for the first time; `cached`: read again from a cache;
    `kept`: written to a cache; `out`: made by the model, thinking included.
    """

    fresh: int = 0
    cached: int = 0
    kept: int = 0
    out: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.fresh + self.cached + self.kept + self.out

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.fresh + other.fresh, self.cached + other.cached, self.kept + other.kept, self.out + other.out)

    def __sub__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.fresh - other.fresh, self.cached - other.cached, self.kept - other.kept, self.out - other.out)


class Spent(msgspec.Struct, frozen=True, tag=True):
    """Tokens under a key; a later one of the same key replaces it (a message that grows, a running total).

    `model`: "" = the one that was named last.
    """

    key: str
    tokens: Tokens
    model: str = ""


class Cost(msgspec.Struct, frozen=True, tag=True):
    """Dollars under a key, as the agent reckons them; a later one of the same key replaces it."""

    key: str
    usd: float


class SubagentStarted(msgspec.Struct, frozen=True, tag=True):
    """A subagent begins. `name`: the agent's id of it, "" where not told; `call`: the call that started it."""

    name: str
    call: str = ""
    task: str = ""


class SubagentEnded(msgspec.Struct, frozen=True, tag=True):
    """A subagent is over."""

    name: str
    call: str = ""


class Changed(msgspec.Struct, frozen=True, tag=True):
    """Something about the agent is another one now. `what`: `model`, `mode` (its own permission mode), `title`."""

    what: str
    value: str


class Compacted(msgspec.Struct, frozen=True, tag=True):
    """The agent shortened what it remembers; `text`: its summary, or how it came to that."""

    text: str = ""


class Noted(msgspec.Struct, frozen=True, tag=True):
    """A remark of the agent's program itself: an error, an interruption, a retry."""

    text: str
    bad: bool = False


class Unknown(msgspec.Struct, frozen=True, tag=True):
    """What no decoder of ours knows or can read. `kind`: its type as it stands there; `raw`: its begin; `cut`: bytes after."""

    kind: str
    raw: str
    cut: int = 0


Told = (
    Began
    | Prompt
    | Thought
    | Said
    | ToolUse
    | ToolResult
    | Spent
    | Cost
    | SubagentStarted
    | SubagentEnded
    | Changed
    | Compacted
    | Noted
    | Unknown
)


class Entry(msgspec.Struct, frozen=True):
    """One thing told. `seq` and `came`: its place in the order of arrival, which is the only order there is (R08).

    `claimed`: the time as the agent wrote it beside it, None = none. `subagent`: whose log it stood in, "" = the agent's own.
    `before`: it stood there before we looked for the first time.
    """

    seq: int
    came: Instant
    told: Told
    claimed: str | float | None = None
    subagent: str = ""
    before: bool = False


class Spending(msgspec.Struct, frozen=True):
    """What a session has used, as its log tells. `models`: tokens by model. `usd`: None = the log does not tell it.

    `partial`: the log is older than what was read of it, so there is more.
    """

    models: dict[str, Tokens] = {}
    usd: float | None = None
    partial: bool = False

    @property
    def total(self) -> int:
        """All tokens of all models."""
        return sum(tokens.total for tokens in self.models.values())
