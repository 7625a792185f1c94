"""The bar of the tabs: their numbers and names, and on the right what is filtered."""

from collections.abc import Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line, Span, cells, flush, gap, marked, quote, say

_SHORTER = {"Processes": "Procs", "Permissions": "Perms"}


def render(
    names: Sequence[str],
    current: int,
    width: int,
    glyphs: Glyphs,
    *,
    find: str = "",
    found: str = "",
    notes: Sequence[Line] = (),
) -> list[Line]:
    """The one line. `current` counts from 1, as the keys do. `notes`: of our words on the right the first that fits. `found`:
    what a filter has come to so far, where there is room for it.
    """
    right: Line = (say("/ ", "key"), *marked(quote(find, "text", 40))) if find else ()
    state: Line = (say(f"{found}  ", "dim"), *right) if found and right else right
    shorter = [_SHORTER.get(name, name) for name in names]
    bars = [_bar(names, current, 2), _bar(shorter, current, 2), _bar(shorter, current, 1)]
    numbers = _bar([name if at == current else "" for at, name in enumerate(names, 1)], current, 2)
    for beside in (state, right) if find else (*notes, ()):
        room = width - cells(beside) - 1 if beside else width
        for bar in bars:
            if cells(bar) <= room:
                return [flush(bar, beside, width)]
    fitting = (note for note in reversed(notes) if cells(numbers) + 1 + cells(note) <= width)
    return [flush(numbers, right or next(fitting, ()), width)]


def _bar(names: Sequence[str], current: int, between: int) -> Line:
    """All tabs, with so many blanks between them; one without a name has its number only."""
    out: list[Span] = []
    for number, name in enumerate(names, 1):
        here = number == current
        out += [gap(between)] if out else []
        out += [say(str(number), "selected" if here else "key")]
        if name:
            out += [say(f" {name}", "selected" if here else "dim")]
    return tuple(out)
