"""Rows and columns: which columns a width has room for, and how wide each is. Widths depend on nothing that is shown, so
that a change in one cell moves no other.
"""

from collections.abc import Mapping, Sequence

import msgspec

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, cells, clip, gap, say

GAP = 2  # blank cells between columns


class Column(msgspec.Struct, frozen=True):
    """A column of `least` to `most` cells. Where there is no room the one with the lowest `keep` goes first."""

    key: str
    head: str
    least: int
    most: int
    keep: int
    right: bool = False


def layout(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit and their widths. The first to be kept is always there, whatever the width."""
    kept = list(columns)
    while len(kept) > 1 and _needed(kept) > width:
        kept.remove(min(kept, key=lambda column: column.keep))
    room = max(0, width - _needed(kept))
    sizes = {column.key: column.least for column in kept}
    for column in sorted(kept, key=lambda column: -column.keep):
        more = min(room, column.most - column.least)
        sizes[column.key] += more
        room -= more
    return [(column, min(width, sizes[column.key])) for column in kept]


def _needed(columns: Sequence[Column]) -> int:
    return sum(column.least for column in columns) + GAP * (len(columns) - 1)


def row(plan: Sequence[tuple[Column, int]], values: Mapping[str, Line], glyphs: Glyphs) -> Line:
    """One row of a table by its plan; a column without a value is blank."""
    out: list[Span] = []
    for number, (column, width) in enumerate(plan):
        if number:
            out.append(gap(GAP))
        value = values.get(column.key, ())
        if (taken := cells(value)) > width:
            value = clip(value, width, glyphs.cut)
            taken = cells(value)
        blank = gap(width - taken)
        out += (blank, *value) if column.right else (*value, blank)
    return tuple(span for span in out if span.text)


def head(plan: Sequence[tuple[Column, int]], glyphs: Glyphs) -> Line:
    """The names of the columns. The first one names the whole table, and stands out."""
    named = plan[0][0].key
    return row(plan, {c.key: (say(c.head, "title" if c.key == named else "dim"),) for c, _ in plan}, glyphs)
