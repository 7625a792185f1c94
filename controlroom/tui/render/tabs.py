"""The bar of the tabs: their numbers and names, and on the right what is filtered."""

from collections.abc import Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, cells, flush, gap, marked, quote, say


def render(names: Sequence[str], current: int, width: int, glyphs: Glyphs, *, find: str = "", note: str = "") -> list[Line]:
    """The one line. `current` counts from 1, as the keys do. `note`: a word of ours on the right ("following")."""
    right: Line = (say("/ ", "key"), *marked(quote(find, "text", 40))) if find else ((say(note, "dim"),) if note else ())
    long = _bar(names, current, set(range(1, len(names) + 1)))
    room = width - cells(right) - 1 if right else width
    return [flush(long if cells(long) <= room else _bar(names, current, {current}), right, width)]


def _bar(names: Sequence[str], current: int, named: set[int]) -> Line:
    out: list[Span] = []
    for number, name in enumerate(names, 1):
        here = number == current
        out += [gap(2)] if out else []
        out += [say(str(number), "selected" if here else "key")]
        if number in named:
            out += [say(f" {name}", "selected" if here else "dim")]
    return tuple(out)
