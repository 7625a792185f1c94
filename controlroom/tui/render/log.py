"""The Log tab: what happened, one line a record, oldest first, with the time of day so that a line never changes."""

from controlroom.model.record import Kind
from controlroom.model.view import LogView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, pad, quote, say
from controlroom.tui.render import rows, words

HEAD = 0  # lines before the first row
_KIND = 9
_AGENT = 12
_NARROW = 48  # in fewer cells the time of day gives way to the text
_WORDS: dict[Kind, str] = {
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
}
_STYLES: dict[Kind, Style] = {
    Kind.INTENT: "text",
    Kind.DECISION: "text",
    Kind.OUTCOME: "unverified",
    Kind.INTERRUPTED: "warn",
    Kind.REFUSED: "warn",
    Kind.UNDELIVERED: "warn",
    Kind.REJECTED: "warn",
    Kind.LATCHED: "warn",
    Kind.ALARM: "alarm",
}


def select(view: RoomView, session: str, find: str = "") -> tuple[LogView, ...]:
    """The rows of a session ("" = of all) that hold `find`."""
    mine = (row for row in view.log if not session or row.session == session)
    return tuple(row for row in mine if rows.holds(find, row.text, row.kind))


def render(view: RoomView, session: str, width: int, glyphs: Glyphs, *, find: str = "", at: int = -1) -> list[Line]:
    """A line for every row of `select`."""
    found = select(view, session, find)
    if not found:
        return rows.nothing("nothing has happened yet", find, width, glyphs)
    names = {} if session else {agent.id: agent.name for agent in view.agents}
    return rows.listed((_row(row, names, not session, width >= _NARROW) for row in found), at, width, glyphs)


def detail(row: LogView, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one row."""
    fields: list[tuple[str, list[Line]]] = [
        ("when", [(say(words.clock(row.at)),)]),
        ("kind", [(say(row.kind), say(f"   record {row.seq}", "dim"))]),
        ("session", rows.value(row.session or "none")),
        ("text", rows.source(row.text)),
    ]
    return rows.page(fields, width, glyphs)


def _row(row: LogView, names: dict[str, str], named: bool, timed: bool) -> Line:
    style = _STYLES.get(row.kind, "dim")
    word = pad((say(_WORDS.get(row.kind, row.kind), style if style in ("warn", "alarm") else "label"),), _KIND)
    who = (*pad(marked(quote(names.get(row.session, row.session), "dim", 30)), _AGENT), gap(1)) if named else ()
    time = (say(f"{words.clock(row.at)}  ", "dim"),) if timed else ()
    return (*time, *who, *word, *marked(quote(row.text, style, 2000)))
