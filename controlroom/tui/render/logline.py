"""A line of a log among the rows of the merged stream, and in full."""

from controlroom.model.view import LineView
from controlroom.tui.line import Line, Style, gap, marked, pad, quote, requote, say
from controlroom.tui.render import rows, words

LEVELS: dict[str, Style] = {"fatal": "alarm", "error": "alarm", "warn": "warn", "debug": "dim", "trace": "dim"}


def row(line: LineView, column: int) -> Line:
    """Its log in a column of so many cells, and what it says."""
    name: Line = (*pad(marked(quote(line.name, "dim", 30)), column - 1), gap(1))
    mark: Line = (say("no end yet: ", "warn"),) if line.open else ()
    return (*name, *mark, *requote(line.text, LEVELS.get(line.level, "dim"), line.cut))


def fields(line: LineView) -> list[tuple[str, list[Line]]]:
    """All of it."""
    return [
        ("came", [(say(words.clock(line.at)),)]),
        ("log", rows.value(line.path)),
        (
            "at",
            [(say(f"byte {line.offset:,}{'; no end yet' if line.open else ''}" if line.offset >= 0 else "a remark of ours"),)],
        ),
        ("level", [(say(line.level or "none is told", LEVELS.get(line.level, "text")),)]),
        ("text", [requote(line.text, more=line.cut)]),
    ]
