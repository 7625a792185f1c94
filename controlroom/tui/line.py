"""Lines of safe text with the names of styles: what renderers make and panes draw; how they are measured, cut and wrapped.

Widths are in terminal cells, measured with the very library that draws (rich), so that no line is wider than it was said to be.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from typing import Literal, NamedTuple, get_args

from rich.cells import cell_len, get_character_cell_size

from controlroom.text.redact import redact
from controlroom.text.safe import SafeText, again, show, show_tokens

# Kept apart (a test holds it): only approvals use "ask", only the emergency stop uses "stop".
Style = Literal[
    "text", "dim", "title", "label", "ok", "warn", "alarm", "stop", "ask", "key",
    "selected", "added", "removed", "unverified", "marker",
]  # fmt: skip
STYLES: tuple[Style, ...] = get_args(Style)


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: SafeText
    style: Style = "text"


Line = tuple[Span, ...]

# A token of SafeText, a run of ASCII, a run of anything else.
_PIECE = re.compile(r"\\(?:u|x|sp|cut)\{[0-9a-f]+\}|[ -~](?:(?!\\(?:u|x|sp|cut)\{)[ -~])*|[^ -~]+")
_TOKEN = re.compile(r"\\(?:u|x|sp|cut)\{[0-9a-f]+\}")
_UNIT = re.compile(r"\\(?:u|x|sp|cut)\{[0-9a-f]+\}|.", re.DOTALL)
_BREAKS = " /,;:=&|"  # a row may end behind these
_SHORT = 512  # characters; longer texts are not kept in the cache


def gap(count: int) -> Span:
    """So many blank cells of ours."""
    return _gap(count)


@lru_cache(maxsize=512)
def _gap(count: int) -> Span:
    return Span(SafeText(" " * max(0, count)), "text")


def say(text: str, style: Style = "text") -> Span:
    """Words of ours, which hold nothing of others."""
    return _say(text, style)


@lru_cache(maxsize=4096)
def _say(text: str, style: Style) -> Span:
    return Span(show(text), style)


def quote(text: object, style: Style = "text", limit: int | None = None) -> Span:
    """Words of others: without secrets, and safe. With `limit`, at most so many characters and a marker of the cut."""
    whole = str(text)
    return Span(_short_quote(whole, limit) if len(whole) <= _SHORT else show(redact(whole), limit), style)


@lru_cache(maxsize=4096)
def _short_quote(text: str, limit: int | None) -> SafeText:
    return show(redact(text), limit)


def requote(text: str, style: Style = "text", more: int = 0) -> Line:
    """Words of others that were made safe before they came, odd characters marked. `more`: bytes of them that did not come."""
    return (*marked(Span(again(text), style)), *((say(f" ...+{more:,} bytes", "marker"),) if more else ()))


def quote_tokens(argv: Iterable[str], style: Style = "text") -> Line:
    """A command of others token by token (see `show_tokens`), odd characters marked."""
    return marked(Span(show_tokens([redact(token) for token in argv]), style))


def marked(span: Span) -> Line:
    """The same text, with tokens of SafeText, characters beyond ASCII and trailing blanks in the style "marker"."""
    text = span.text
    body = text.rstrip(" ")
    if body.isascii() and "\\" not in body and body == text:
        return (span,) if text else ()
    out = [Span(SafeText(piece), "marker" if _odd(piece) else span.style) for piece in _PIECE.findall(body)]
    if len(body) < len(text):
        out.append(Span(SafeText(text[len(body) :]), "marker"))
    return tuple(out)


def _odd(piece: str) -> bool:
    return not piece.isascii() or _TOKEN.fullmatch(piece) is not None


def plain(line: Line) -> str:
    """The text of a line, without its styles."""
    return "".join(span.text for span in line)


def cells(line: Line) -> int:
    """How many cells a line takes."""
    total = 0
    for span in line:
        text = span.text
        total += len(text) if text.isascii() else cell_len(text)
    return total


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def clip(line: Line, width: int, cut: str = "~") -> Line:
    """The line in at most `width` cells; where something is gone, the last cell is `cut` (one cell wide)."""
    if cells(line) <= width:
        return line
    if width <= 0:
        return ()
    kept: list[Span] = []
    room = width - 1
    for span in line:
        if room <= 0:
            break
        text = span.text if _width(span.text) <= room else _head(span.text, room)
        kept.append(Span(SafeText(text), span.style))
        room -= _width(span.text)
    return (*(span for span in kept if span.text), Span(show(cut), "dim"))


def _head(text: str, width: int) -> str:
    """As much of the text from its start as takes at most `width` cells, no token split."""
    end = used = 0
    for unit in _UNIT.finditer(text):
        used += _width(unit[0])
        if used > width:
            break
        end = unit.end()
    return text[:end]


def pad(line: Line, width: int) -> Line:
    """The line in exactly `width` cells: clipped, or filled with blanks."""
    short = clip(line, width)
    missing = width - cells(short)
    return (*short, gap(missing)) if missing > 0 else short


def flush(left: Line, right: Line, width: int) -> Line:
    """`left`, and `right` at the right edge; `left` gives way first."""
    right = clip(right, width)
    taken = cells(right)
    if not taken:
        return clip(left, width)
    return (*pad(left, width - taken), *right) if taken == width else (*pad(left, width - taken - 1), gap(1), *right)


def wrap(line: Line, width: int, less: int = 0) -> list[Line]:
    """The line in rows of at most `width` cells, those after the first of `less` cells less (room for an indent).

    The rows put together are the line again: nothing is added or dropped. Rows end behind a blank or a separator where one is
    in their second half, never inside a token that fits a row. Where a row has one cell only, a wide character stands alone.
    """
    if cells(line) <= width:
        return [line]
    rows: list[Line] = []
    row: list[_Unit] = []
    used, room = 0, max(1, width)
    for unit in _units(line, max(1, width - less)):
        while row and used + unit.width > room:
            kept, row = _broken(row, room)
            rows.append(_spans(kept))
            used, room = sum(u.width for u in row), max(1, width - less)
        row.append(unit)
        used += unit.width
    return [*rows, _spans(row)] if row else rows


def prose(text: str, width: int, style: Style = "text") -> list[Line]:
    """A sentence of ours in rows of at most `width` cells; blanks at the ends of rows are dropped."""
    return [(say(row, style),) for row in textwrap.wrap(text, max(1, width))] or [()]


class _Unit(NamedTuple):
    text: str
    width: int
    style: Style


def _units(line: Line, width: int) -> Iterator[_Unit]:
    """Tokens that fit a row, and else single characters (a mark of no width stays with its letter)."""
    for span in line:
        for found in _UNIT.finditer(span.text):
            text = found[0]
            if len(text) > width:
                yield from (_Unit(char, 1, span.style) for char in text)
            else:
                yield _Unit(text, len(text) if text.isascii() else get_character_cell_size(text), span.style)


def _broken(row: list[_Unit], width: int) -> tuple[list[_Unit], list[_Unit]]:
    """The row up to its last good place to break, and the rest; all of it where there is none in its second half."""
    room = sum(unit.width for unit in row)
    for at in range(len(row) - 1, 0, -1):
        if room <= width // 2:
            break
        if row[at].text in _BREAKS:
            return row[: at + 1], row[at + 1 :]
        room -= row[at].width
    return row, []


def _spans(row: list[_Unit]) -> Line:
    return tuple(Span(SafeText("".join(u.text for u in group)), style) for style, group in groupby(row, lambda u: u.style))
