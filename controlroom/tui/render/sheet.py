"""The Log tab on one log: a line about all of it, then its lines with their numbers."""

from controlroom.text.lines import drawn
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, flush, gap, marked, pad, quote, say
from controlroom.tui.render import pane, rows
from controlroom.tui.render.logline import LEVELS
from controlroom.tui.sheet import Sheet, SheetRow

HEAD = 1  # lines before the first row
_NARROW = 60  # in fewer cells the numbers give way to the text
_BAR = 10  # cells
_UNITS = ("bytes", "KB", "MB", "GB", "TB")


def render(sheet: Sheet | None, path: str, width: int, glyphs: Glyphs) -> list[Line]:
    """The head and a line for every row. None: nothing of it was read yet."""
    if sheet is None or sheet.path != path:
        return pane.within([(gap(rows.POINTER), say("being opened", "dim"))], width, glyphs)
    inner = max(0, width - rows.EDGE)
    head = pane.within([(gap(rows.POINTER), *flush(_about(sheet), _progress(sheet, glyphs), inner))], width, glyphs)
    if not sheet.rows:
        why = "" if sheet.note else "still looking" if sheet.doing == "looking" else "nothing is in it"
        return [*head, *rows.nothing(why, "" if sheet.doing == "looking" else sheet.find, width, glyphs)] if why else head
    digits = len(str(sheet.number + len(sheet.rows))) if sheet.number is not None and not sheet.find else 0
    numbered = digits if width >= _NARROW else 0
    lines = [_row(row, (sheet.number or 0) + at, numbered) for at, row in enumerate(sheet.rows, 1)]
    return [*head, *rows.listed(lines, sheet.cursor, width, glyphs)]


def detail(sheet: Sheet, row: SheetRow, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one row that is kept."""
    text, more = drawn(row.raw, torn=row.cut > 0)
    fields: list[tuple[str, list[Line]]] = [
        ("log", rows.value(sheet.path)),
        ("at", [(say(f"byte {row.at:,} of {sheet.size:,}"),)]),
        ("level", [(say(row.level or "none is told", LEVELS.get(row.level, "text")),)]),
        ("text", [(*marked(Span(text)), *_more(row.cut + more))]),
    ]
    return rows.page(fields, width, glyphs)


def _about(sheet: Sheet) -> Line:
    """What is known of the whole log."""
    if sheet.note:
        return marked(quote(sheet.note, "warn", 200))
    told: Line = (say(f"{_count(sheet.lines, sheet.counted)} lines", "label"), say(f"  {_size(sheet.size)}", "dim"))
    if sheet.worse is not None and sheet.worse + sheet.warned:
        told = (*told, say(f"  {sheet.worse:,} errors", "alarm" if sheet.worse else "dim"))
        told = (*told, say(f"  {sheet.warned:,} warnings", "warn" if sheet.warned else "dim"))
    if sheet.find:
        told = (*told, say(f"  {_count(sheet.found, sheet.searched)} hold ", "label"), *marked(quote(sheet.find, "text", 40)))
    return told


def _count(count: int, whole: bool) -> str:
    """Of what is not gone through yet nothing is said."""
    return f"{count:,}" if whole else f"over {count:,}" if count else "?"


def _progress(sheet: Sheet, glyphs: Glyphs) -> Line:
    """How far it is, while there is something left to do in the whole log."""
    if not sheet.doing or not sheet.size:
        return ()
    share = min(1.0, sheet.gone / sheet.size)
    full = round(share * _BAR)
    bar = say(glyphs.full * full + glyphs.empty * (_BAR - full), "label")
    return (say(f"{sheet.doing} ", "dim"), bar, say(f" {share:4.0%}", "dim"))


def _size(count: int) -> str:
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def _row(row: SheetRow, number: int, digits: int) -> Line:
    style = LEVELS.get(row.level, "text")
    lead: Line = pad((say(f"{number:>{digits}}", "dim"),), digits + 2) if digits else ()
    return (*lead, *marked(Span(row.text, style)), *_more(row.cut))


def _more(cut: int) -> Line:
    """What of a line is not shown."""
    return (say(f" ...+{cut:,} bytes", "marker"),) if cut else ()
