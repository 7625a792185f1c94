"""The inbox: a row for every request that waits, highest tier first, then oldest."""

from collections.abc import Iterable

from controlroom.model.clock import Instant
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier
from controlroom.model.view import RequestView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, clip, gap, marked, quote, quote_tokens, say
from controlroom.tui.render import table, words

COLUMNS = (
    table.Column("tier", "Pending", 7, 7, 100),
    table.Column("agent", "Agent", 10, 18, 70),
    table.Column("what", "Wants to", 34, 200, 90),
    table.Column("effect", "Effect", 14, 22, 30),
    table.Column("asked", "Asked", 5, 5, 40, right=True),
    table.Column("left", "Left", 9, 9, 80, right=True),
)
_WHAT = 300  # characters
_WORKING = (RequestState.SAVING, RequestState.CHECKING, RequestState.RECORDING)


def order(pending: Iterable[RequestView]) -> tuple[RequestView, ...]:
    """The requests in the order of the inbox, the same in every room."""
    tiers = list(Tier)
    return tuple(sorted(pending, key=lambda r: (-tiers.index(r.tier), r.asked, r.id)))


def render(view: RoomView, focused: str, width: int, glyphs: Glyphs, marks: frozenset[str] = frozenset()) -> list[Line]:
    """The head, and a row for every request, so that row N of `order` is line N + 1."""
    plan = table.layout(COLUMNS, max(1, width - 2))
    requests = order(view.pending)
    if not requests:
        return [clip((gap(2), say("Pending", "title"), gap(3), say("nothing waits for an answer", "dim")), width, glyphs.cut)]
    rows = [_row(r, view.now, r.id == focused, r.id in marks, plan, glyphs) for r in requests]
    return [clip(line, width, glyphs.cut) for line in ((gap(2), *table.head(plan, glyphs)), *rows)]


def _row(
    request: RequestView, now: Instant, focused: bool, mark: bool, plan: list[tuple[table.Column, int]], glyphs: Glyphs
) -> Line:
    values: dict[str, Line] = {
        "tier": (say(f"{glyphs.ask} {request.tier}", "ask" if request.tier is Tier.T3 else "key"),),
        "agent": marked(quote(request.agent, "selected" if focused else "text", 60)),
        "what": what(request),
        "effect": (say(", ".join(request.effects), "dim"),),
        "asked": (say(words.since(request.asked, now), "dim"),),
        "left": left(request, now),
    }
    pointer = say(glyphs.pointer, "selected") if focused else gap(1)
    return (pointer, say(glyphs.mark, "key") if mark else gap(1), *table.row(plan, values, glyphs))


def what(request: RequestView) -> Line:
    """The act in one line: the command token by token, else the tool and what it was given."""
    if len(request.argv) == 1:
        return quote_tokens([token[:_WHAT] for token in request.argv[0][:40]])
    return marked(quote(f"{request.tool}: {request.text[:_WHAT]}", "text"))


def left(request: RequestView, now: Instant) -> Line:
    """The time left, or what is being done with an answered request."""
    if request.state in _WORKING:
        return (say(request.state, "label"),)
    time = words.left(request.deadline, now)
    style: Style = "warn" if time in ("<1m", "1m", "over") else "dim"
    return (say(f"{time} left" if time != "over" else "over", style),)
