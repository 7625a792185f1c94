"""The bar of the tabs: their numbers and names, and on the right what is filtered."""

from collections.abc import Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, cells, flush, gap, marked, quote, say

_WHOLE = 100  # letters: all of a name
_SHORT = 4


def render(names: Sequence[str], current: int, width: int, glyphs: Glyphs, *, find: str = "", note: str = "") -> list[Line]:
    """The one line. `current` counts from 1, as the keys do. `note`: a word of ours on the right ("following")."""
    right: Line = (say("/ ", "key"), *marked(quote(find, "text", 40))) if find else ((say(note, "dim"),) if note else ())
    room = width - cells(right) - 1 if right else width
    bars = [_bar(names, current, letters) for letters in (_WHOLE, _SHORT, 0)]
    return [flush(next((bar for bar in bars if cells(bar) <= room), bars[-1]), right, width)]


def _bar(names: Sequence[str], current: int, letters: int) -> Line:
    """All tabs; the current one with its whole name, the others with so many letters of theirs."""
    out: list[Span] = []
    for number, name in enumerate(names, 1):
        here = number == current
        out += [gap(2)] if out else []
        out += [say(str(number), "selected" if here else "key")]
        if here or letters:
            out += [say(f" {name if here else name[:letters]}", "selected" if here else "dim")]
    return tuple(out)
