"""The Files tab: what the acts of a session were about, the file touched last on top."""

import msgspec

from controlroom.model.view import ReceiptView, RoomView
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, marked, quote, say
from controlroom.tui.render import receipts, rows, table, words

HEAD = 1  # lines before the first row
COLUMNS = (
    table.Column("path", "Path", 24, 200, 100),
    table.Column("effect", "Effect", 12, 22, 60),
    table.Column("stage", "Last act", 13, 13, 80),
    table.Column("acts", "Acts", 4, 4, 40, right=True),
    table.Column("last", "Last", 4, 4, 90, right=True),
)


class Touched(msgspec.Struct, frozen=True):
    """A path, how many acts named it, and the newest of them."""

    path: str
    acts: int
    last: ReceiptView


def select(view: RoomView, session: str, find: str = "") -> tuple[Touched, ...]:
    """The paths that acts of a session ("" = of all) named and that hold `find`, newest act first."""
    found: dict[str, Touched] = {}
    for receipt in reversed(view.receipts):
        if session and receipt.session != session:
            continue
        for path in dict.fromkeys(receipt.targets):
            known = found.get(path)
            found[path] = Touched(path, known.acts + 1, known.last) if known else Touched(path, 1, receipt)
    return tuple(touched for touched in found.values() if rows.holds(find, touched.path))


def render(view: RoomView, session: str, width: int, glyphs: Glyphs, *, find: str = "", at: int = -1) -> list[Line]:
    """A head, and a line for every path of `select`."""
    found = select(view, session, find)
    if not found:
        return rows.nothing("no act has named a file yet", find, width, glyphs)
    plan = table.layout(COLUMNS, max(1, width - rows.EDGE))
    return rows.listed((_row(t, view, plan, glyphs) for t in found), at, width, glyphs, table.head(plan, glyphs))


def detail(found: Touched, width: int, glyphs: Glyphs) -> list[Line]:
    """All of the newest act on the path."""
    return receipts.detail(found.last, width, glyphs)


def _row(touched: Touched, view: RoomView, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    values: dict[str, Line] = {
        "path": marked(quote(touched.path, "text", 1000)),
        "effect": (say(", ".join(touched.last.effects), "dim"),),
        "stage": receipts.stage(touched.last, glyphs),
        "acts": (say(str(touched.acts), "dim"),),
        "last": (say(words.since(touched.last.at, view.now), "dim"),),
    }
    return table.row(plan, values, glyphs)
