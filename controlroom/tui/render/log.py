"""The Log tab: what happened, oldest first, with the time of day: the journal's records, and what the agent's own log tells.

What the log tells is a claim and drawn as one; only the gate's record of a call, in front of it, is ours (R07).
"""

from collections.abc import Sequence

from controlroom.model.record import Kind
from controlroom.model.stream import Row, same, stream, word
from controlroom.model.view import LineView, LogSource, LogView, RoomView, StoryView, merged
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, pad, quote, say
from controlroom.tui.render import logline, rows, words

HEAD = 0  # lines before the first row
_KIND = 9
_AGENT = 12
_NARROW = 48  # in fewer cells the time of day gives way to the text
_STYLES: dict[str, Style] = {
    Kind.INTENT: "text",
    Kind.DECISION: "text",
    Kind.OUTCOME: "unverified",
    Kind.INTERRUPTED: "warn",
    Kind.REFUSED: "warn",
    Kind.UNDELIVERED: "warn",
    Kind.REJECTED: "warn",
    Kind.LATCHED: "warn",
    Kind.ALARM: "alarm",
    "trouble": "warn",
    "unknown": "warn",
}


def select(
    view: RoomView,
    session: str,
    find: str = "",
    story: StoryView | None = None,
    lines: Sequence[LineView] = (),
    past: Sequence[LogView] = (),
) -> tuple[Row, ...]:
    """The rows of a session ("" = of all) that hold `find`; its story, where it is known, has what its own log tells too.

    `lines` of its other logs stand among them, in the order in which all of it came. What a search has found in the `past` of
    the story stands before them.
    """
    mine = story.rows if story else [row for row in view.log if not session or row.session == session]
    known = {same(row) for row in mine} if past else set()
    older = (row for row in past if same(row) not in known)
    return (*older, *(row for row in stream(mine, lines) if holds(find, row)))


def holds(find: str, row: Row) -> bool:
    """Whether a row is one that a filter is for."""
    return rows.holds(find, *_texts(row))


def _texts(row: Row) -> tuple[str, ...]:
    return (row.text, row.name) if isinstance(row, LineView) else (row.text, row.kind, row.gate, row.outcome)


def figures(story: StoryView, more: str) -> str:
    """What the agent used, by its own log; dollars only where it tells them."""
    spent = story.spending
    dollars = "" if spent.usd is None else words.dollars(spent.usd)
    tokens = f"{'over ' if spent.partial else ''}{words.thousands(spent.total)} tokens" if spent.total else ""
    odd = sum(story.unknown.values())
    parts = (tokens, dollars, words.some(odd, "unknown line") if odd else "", more)
    return "  ".join(part for part in parts if part)


def lacks(logs: Sequence[LogSource]) -> list[Line]:
    """What the stream of these logs does not show, and why it is late, in more and in fewer words; [] = neither."""
    dropped = sum(source.dropped for source in merged(logs))
    polled = next((source.polled for source in logs if source.polled), "")
    more, fewer = (f"{dropped:,} older lines dropped", f"{dropped:,} dropped") if dropped else ("", "")
    every = say("looked at every second", "warn")
    late: list[Line] = [(every, say(": ", "warn"), *marked(quote(polled, "warn", 60))), (every,), (say("polled", "warn"),)]
    if not polled:
        return [(say(text, "dim"),) for text in (more, fewer) if text]
    return [(*((say(f"{text}  ", "dim"),) if text else ()), *why) for text, why in zip((more, more, fewer), late, strict=True)]


def render(
    view: RoomView,
    session: str,
    width: int,
    glyphs: Glyphs,
    *,
    find: str = "",
    at: int = -1,
    story: StoryView | None = None,
    lines: Sequence[LineView] = (),
    past: Sequence[LogView] = (),
) -> list[Line]:
    """A line for every row of `select`."""
    found = select(view, session, find, story, lines, past)
    if not found:
        return rows.nothing("nothing has happened yet", find, width, glyphs)
    names = {} if session else {agent.id: agent.name for agent in view.agents}
    return rows.listed((_row(row, names, not session, width >= _NARROW) for row in found), at, width, glyphs)


def detail(row: Row, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one row."""
    if isinstance(row, LineView):
        return rows.page(logline.fields(row), width, glyphs)
    number = f"   line {row.seq} of its log, by arrival" if row.told else f"   record {row.seq}"
    fields: list[tuple[str, list[Line]]] = [
        ("when", [(say(words.clock(row.at)),)]),
        ("kind", [(say(row.kind), say(number, "dim"))]),
        ("session", rows.value(row.session or "none")),
    ]
    if row.told:
        claimed = words.stamp(row.claimed) if row.claimed is not None else "none"
        fields.append(("its time", [(say("unverified: ", "label"), say(claimed, "unverified"))]))
    if row.call:
        fields += _call(row)
    fields.append(("text", [*_claimed(row), *rows.source(row.more or row.text)]))
    return rows.page(fields, width, glyphs)


def _call(row: LogView) -> list[tuple[str, list[Line]]]:
    """A tool call: our record of it, and what its log says came of it."""
    gate = row.gate or "nothing has come to the gate"
    outcome = (say("unverified: ", "label"), *marked(quote(row.outcome or "not told", "unverified")))
    return [
        ("gate", [(quote(gate, "alarm" if row.doubt else "text", 300),)]),
        ("receipt", rows.value(row.receipt or "none")),
        ("outcome", [outcome]),
        ("call", rows.value(row.call)),
        ("files", [line for path in row.files for line in rows.value(path)] or [(say("none named", "dim"),)]),
        ("started", _born(row)),
    ]


def _born(row: LogView) -> list[Line]:
    seen: list[Line] = [(say("seen while it was under way:", "label"),)]
    names = [line for name in row.processes for line in rows.value(name)]
    return [*seen, *names] if names else [(say("none seen while it was under way", "dim"),)]


def _claimed(row: LogView) -> list[Line]:
    return [(say("unverified, from the agent's own log:", "label"),)] if row.told else []


def _row(row: Row, names: dict[str, str], named: bool, timed: bool) -> Line:
    time = (say(f"{words.clock(row.at)}  ", "dim"),) if timed else ()
    if isinstance(row, LineView):
        return (*time, *logline.row(row, _KIND))
    style = "unverified" if row.told else _STYLES.get(row.kind, "dim")
    loud = "alarm" if row.doubt else _STYLES.get(row.kind, "dim")
    kind = pad((say(word(row), loud if loud in ("warn", "alarm") else "label"),), _KIND)
    who = (*pad(marked(quote(names.get(row.session, row.session), "dim", 30)), _AGENT), gap(1)) if named else ()
    sub = (say("sub ", "dim"),) if row.subagent else ()
    gate = (quote(row.gate, "alarm" if row.doubt else "dim", 80), say(": ", "dim")) if row.gate else ()
    end = (say("  "), quote(row.outcome, "warn" if row.outcome == "failed" else "dim", 40)) if row.outcome else ()
    return (*time, *who, *kind, *sub, *gate, *marked(quote(row.text, style, 2000)), *end)
