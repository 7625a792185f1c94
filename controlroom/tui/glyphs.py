"""The signs beside the words: each one cell wide in every terminal, and each with an ASCII stand-in.

None of the Unicode ones is of ambiguous width (East Asian Width A), so that a column never shifts.
"""

import msgspec

from controlroom.model.agent import SessionState
from controlroom.model.record import Stage


class Glyphs(msgspec.Struct, frozen=True, eq=False):
    """One set of signs."""

    name: str
    states: dict[SessionState, str]
    stages: dict[Stage, str]
    ok: str
    warn: str
    alarm: str
    ask: str  # waits for an answer
    pointer: str  # the selected row
    mark: str  # a marked row
    bullet: str
    gutter: str  # the left edge of every pane with data of agents
    border: str  # the left edge of what is to be approved; nowhere else
    rule: str
    cut: str  # here something is not shown
    full: str  # of a progress bar
    empty: str

    def all(self) -> tuple[str, ...]:
        """Every sign, for tests of width."""
        own = (self.ok, self.warn, self.alarm, self.ask, self.pointer, self.mark, self.bullet, self.gutter, self.border)
        return (*self.states.values(), *self.stages.values(), *own, self.rule, self.cut, self.full, self.empty)


UNICODE = Glyphs(
    name="unicode",
    states={
        SessionState.RUNNING: "▸",
        SessionState.PAUSING: "▹",
        SessionState.PAUSED: "ǁ",
        SessionState.STOPPING: "▿",
        SessionState.STOPPED: "▪",
        SessionState.ENDED: "◦",
        SessionState.UNCONFIRMED: "!",
        SessionState.LOST: "?",
    },
    stages={
        Stage.INTENT: "◦",
        Stage.DENIED: "✕",
        Stage.ALLOWED: "▹",
        Stage.STARTED: "▸",
        Stage.DONE: "✓",
        Stage.FAILED: "✗",
        Stage.INTERRUPTED: "!",
        Stage.UNDELIVERED: "?",
    },
    ok="✓",
    warn="!",
    alarm="⚑",
    ask="?",
    pointer="❯",  # noqa: RUF001 - meant
    mark="*",
    bullet="‣",
    gutter="╎",
    border="▐",
    rule="╌",
    cut="›",  # noqa: RUF001 - meant
    full="▰",
    empty="▱",
)

ASCII = Glyphs(
    name="ascii",
    states={
        SessionState.RUNNING: ">",
        SessionState.PAUSING: "(",
        SessionState.PAUSED: "=",
        SessionState.STOPPING: "v",
        SessionState.STOPPED: "#",
        SessionState.ENDED: "o",
        SessionState.UNCONFIRMED: "!",
        SessionState.LOST: "?",
    },
    stages={
        Stage.INTENT: "o",
        Stage.DENIED: "x",
        Stage.ALLOWED: "(",
        Stage.STARTED: ">",
        Stage.DONE: "+",
        Stage.FAILED: "-",
        Stage.INTERRUPTED: "!",
        Stage.UNDELIVERED: "?",
    },
    ok="+",
    warn="!",
    alarm="!",
    ask="?",
    pointer=">",
    mark="*",
    bullet="-",
    gutter="|",
    border="#",
    rule="-",
    cut="~",
    full="#",
    empty=".",
)
