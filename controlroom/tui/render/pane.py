"""What all panes with data of agents share: the gutter on every line, and fields of a label and wrapped rows."""

from collections.abc import Iterable

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, clip, gap, plain, say, wrap

GUTTER = 2  # cells: the sign and a blank
LABEL = 9  # cells of a field's label and the blank behind it
HANG = 4  # cells by which the further rows of one wrapped row are set in, where there is room
NARROW = 44  # in fewer cells a label stands above its rows


def within(lines: Iterable[Line], width: int, glyphs: Glyphs) -> list[Line]:
    """The lines behind a gutter, clipped to the width. What agents wrote can never stand in the gutter's place (D10)."""
    edge = say(glyphs.gutter, "dim")
    return [clip((edge, gap(1), *line), width, glyphs.cut) for line in lines]


def field(label: str, rows: Iterable[Line], width: int) -> list[Line]:
    """A label and its rows beside it, nothing left out: longer rows are wrapped, and rows after the first are indented."""
    narrow = width < NARROW
    room = max(1, width - (1 if narrow else LABEL))
    wrapped = [part for row in rows for part in _hanging(row, room)]
    if narrow:
        return [(say(label, "label"),), *((gap(1), *part) for part in wrapped)]
    first: Line = (Span(say(label).text, "label"), gap(LABEL - len(label)))
    return [(*(first if at == 0 else (gap(LABEL),)), *part) for at, part in enumerate(wrapped)]


def beside(row: Line, tail: Line, width: int) -> list[Line]:
    """Rows of a field in `width` cells: `tail` right behind `row` where it is not torn there, else below it."""
    room = max(1, width - (1 if width < NARROW else LABEL))
    together = (*row, gap(2), *tail)
    if plain(_hanging(together, room)[-1]).endswith(plain(tail)):
        return [together]
    return [row, (gap(min(HANG, room // 6)), *tail)]


def _hanging(row: Line, room: int) -> list[Line]:
    """The row wrapped; what follows its first part is set in."""
    inset = min(HANG, room // 6)
    first, *rest = wrap(row, room, inset)
    return [first, *((gap(inset), *part) if inset else part for part in rest)]
