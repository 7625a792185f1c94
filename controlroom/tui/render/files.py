"""The Files tab: what a session touched, as its calls named it and as the disk showed it; violations first, then the newest."""

from controlroom.model.clock import Instant
from controlroom.model.touched import DiffView, FilesView, FileView, OpenFile
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Style, gap, marked, quote, say
from controlroom.tui.render import pane, rows, table, words
from controlroom.tui.render.source import diff_rows

HEAD = 2  # lines before the first row
NO_CALL = "seen on disk, no call"
COLUMNS = (
    table.Column("path", "Path", 24, 200, 100),
    table.Column("did", "Did", 8, 8, 90),
    table.Column("size", "Size", 5, 5, 60, right=True),
    table.Column("who", "Who", len(NO_CALL), 26, 80),
    table.Column("times", "Times", 5, 5, 40, right=True),
    table.Column("last", "Last", 4, 4, 70, right=True),
)
_STYLES: dict[str, Style] = {"deleted": "warn", "read": "dim"}
Row = FileView | OpenFile


def select(told: FilesView | None, find: str = "") -> tuple[Row, ...]:
    """The files that hold `find`: those that were touched, then what processes have open."""
    found: tuple[Row, ...] = (*told.rows, *told.open) if told else ()
    return tuple(row for row in found if rows.holds(find, row.path, *_words(row)))


def _words(row: Row) -> tuple[str, ...]:
    return ("open", str(row.pid)) if isinstance(row, OpenFile) else (row.did, _who(row))


def render(
    told: FilesView | None, now: Instant, width: int, glyphs: Glyphs, *, find: str = "", at: int = -1, top: str = ""
) -> list[Line]:
    """What is known in general, a head, and a line for every file of `select`. None: they have not been asked for yet.

    `top`: the workspace; paths in it are told from there.
    """
    if told is None:
        return rows.nothing("looking...", "", width, glyphs)
    found = select(told, find)
    general = pane.within([(gap(rows.POINTER), *_general(told))], width, glyphs)
    if not found:
        return [*general, *rows.nothing("no file was touched yet", find, width, glyphs)]
    plan = table.layout(COLUMNS, max(1, width - rows.EDGE))
    return [
        *general,
        *rows.listed((_row(row, top, now, plan, glyphs) for row in found), at, width, glyphs, table.head(plan, glyphs)),
    ]


def _general(told: FilesView) -> Line:
    """How the folder is followed where that is not as it should be, and how fast files vanish."""
    if told.watch:
        return (*marked(quote(told.watch, "warn", 200)), say("   ", "dim"), say(words.some(told.total, "file"), "dim"))
    vanished = "" if not told.deletes else f", {told.deletes} vanished in the last minute"
    kept = f", {told.dropped} older ones not kept" if told.dropped else ""
    return (say(f"{words.some(told.total, 'file')}{vanished}{kept}, {len(told.open)} open now", "dim"),)


def _who(row: FileView) -> str:
    if row.never:
        return "NEVER-TOUCH"
    return row.call or (f"receipt {row.receipt[:8]}" if row.receipt else NO_CALL)


def _row(row: Row, top: str, now: Instant, plan: list[tuple[table.Column, int]], glyphs: Glyphs) -> Line:
    path = row.path.removeprefix(f"{top.rstrip('/')}/") if top else row.path
    if isinstance(row, OpenFile):
        opened: dict[str, Line] = {
            "path": marked(quote(path, "text", 1000)),
            "did": (say("open", "dim"),),
            "who": (say(f"pid {row.pid}{', may write' if row.writes else ''}", "dim"),),
        }
        return table.row(plan, opened, glyphs)
    style: Style = "alarm" if row.never else "warn" if not (row.call or row.receipt) else "dim"
    values: dict[str, Line] = {
        "path": marked(quote(path, "alarm" if row.never else "text", 1000)),
        "did": (say(row.did, "alarm" if row.never else _STYLES.get(row.did, "text")),),
        "size": (say(words.short_size(row.size) if row.size is not None else "", "dim"),),
        "who": marked(quote(_who(row), style, 60)),
        "times": (say(str(row.times) if row.times > 1 else "", "dim"),),
        "last": (say(words.since(row.at, now), "dim"),),
    }
    return table.row(plan, values, glyphs)


def detail(row: Row, diff: DiffView | None, width: int, glyphs: Glyphs) -> list[Line]:
    """All of one file, and how it differs from what it was (None: that has been asked for)."""
    if isinstance(row, OpenFile):
        how = "may be written by" if row.writes else "is open in"
        return rows.page([("file", rows.value(row.path)), ("open", [(say(f"it {how} process {row.pid}"),)])], width, glyphs)
    size = f", {words.size(row.size)}" if row.size is not None else ""
    fields: list[tuple[str, list[Line]]] = [
        ("file", rows.value(row.path)),
        ("did", [(say(f"{row.did} at {words.clock(row.at)}{size}, {words.some(row.times, 'time')} in all"),)]),
        ("who", _named(row)),
        ("known by", [(say("the disk showed it" if row.seen else "the call's own word; the disk has not shown it"),)]),
        ("differs", _differs(diff)),
    ]
    if row.never:
        fields.insert(0, ("NEVER", [(say("a never-touch file was changed past every gate", "alarm"),)]))
    return rows.page(fields, width, glyphs)


def _named(row: FileView) -> list[Line]:
    if row.receipt:
        return [(say("named by call "), *marked(quote(row.call or "?")), say(", receipt ", "dim"), *marked(quote(row.receipt)))]
    told = say(f"{NO_CALL} named it", "warn")
    while_ = (say("; under way was receipt ", "dim"), *marked(quote(row.during))) if row.during else ()
    return [(told, *while_)]


def _differs(diff: DiffView | None) -> list[Line]:
    if diff is None:
        return [(say("looking...", "dim"),)]
    if diff.why:
        return [marked(quote(diff.why, "dim"))]
    head: Line = (say("against ", "dim"), *marked(quote(diff.against, "dim")))
    return [head, *(diff_rows(diff.text) if diff.text else [(say("no difference", "dim"),)])]
