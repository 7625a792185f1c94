"""What an agent did among the lines of its logs: one stream, one order and one word a row, whoever shows it."""

from collections.abc import Sequence

from controlroom.model.record import Kind
from controlroom.model.view import LineView, LogView

WORDS: dict[str, str] = {
    Kind.INTENT: "asks",
    Kind.DECISION: "answer",
    Kind.STARTED: "starts",
    Kind.OUTCOME: "says",
    Kind.SEEN: "seen",
    Kind.INTERRUPTED: "cut off",
    Kind.REFUSED: "refused",
    Kind.UNDELIVERED: "unheard",
    Kind.REJECTED: "rejected",
    Kind.OBSERVED: "hook",
    Kind.GRANT: "grant",
    Kind.REVOKED: "revoked",
    Kind.PROOF: "proof",
    Kind.DRILL: "drill",
    Kind.LATCHED: "STOP",
    Kind.SNAPSHOT: "saved",
    Kind.CHECKPOINT: "saved",
    Kind.CLEARED: "cleared",
    Kind.LAYER: "file",
    Kind.LAYER_TAKEN: "taken",
    Kind.LEAK: "secret",
}

Row = LogView | LineView


def same(row: LogView) -> tuple[object, ...]:
    """What tells a row of a story from others, whoever made it."""
    return (row.kind, row.claimed, row.text, row.call) if row.told else (row.seq,)


def stream(rows: Sequence[LogView], lines: Sequence[LineView]) -> Sequence[Row]:
    """The rows of a story and the lines of logs in the order in which the daemon saw them come."""
    return sorted([*rows, *lines], key=lambda row: row.at.boot) if lines else rows


def word(row: Row) -> str:
    """What a row is: the name of its log, or what happened."""
    return row.name if isinstance(row, LineView) else WORDS.get(row.kind, row.kind)
