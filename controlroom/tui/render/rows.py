"""What the tabs with rows share: the filter, the row that is selected, and the whole of a row on a page of its own."""

from collections.abc import Iterable, Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, quote, say
from controlroom.tui.render import pane
from controlroom.tui.render.source import text_rows

POINTER = 2  # cells: the sign of the selected row and a blank
EDGE = pane.GUTTER + POINTER  # cells that a row of a tab has in front


def holds(find: str, *texts: str) -> bool:
    """Whether one of the texts holds `find`, whatever the case; "" is in everything."""
    wanted = find.casefold()
    return not wanted or any(wanted in text.casefold() for text in texts)


def listed(rows: Iterable[Line], at: int, width: int, glyphs: Glyphs, head: Line = ()) -> list[Line]:
    """Rows behind gutter and pointer, `at` the selected one (-1 = none); the head, where there is one, is line 0."""
    pointer: Line = (say(f"{glyphs.pointer} ", "selected"),)
    lines = [(*(pointer if number == at else (gap(POINTER),)), *row) for number, row in enumerate(rows)]
    return pane.within([(gap(POINTER), *head), *lines] if head else lines, width, glyphs)


def nothing(why: str, find: str, width: int, glyphs: Glyphs) -> list[Line]:
    """The one line of a tab without rows; a filter that hides everything is named."""
    if not find:
        return pane.within([(gap(POINTER), say(why, "dim"))], width, glyphs)
    line = (
        gap(POINTER),
        say("nothing here holds ", "dim"),
        *marked(quote(find, "text", 60)),
        say("   esc shows all again", "dim"),
    )
    return pane.within([line], width, glyphs)


def page(fields: Sequence[tuple[str, Sequence[Line]]], width: int, glyphs: Glyphs) -> list[Line]:
    """Labels and their rows in full, wrapped, on a page of their own."""
    inner = width - pane.GUTTER
    return pane.within([line for label, rows in fields for line in pane.field(label, rows, inner)], width, glyphs)


def value(text: object, style: Style = "text") -> list[Line]:
    """A text of others as the rows of a field."""
    return [marked(quote(text, style))]


def source(text: str) -> list[Line]:
    """A text of others of several lines as the rows of a field."""
    return text_rows(text)
