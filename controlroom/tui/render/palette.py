"""The palette's list: the commands that hold what was typed, best first, and the selected one in sight."""

from collections.abc import Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.keys import Hint
from controlroom.tui.line import Line, Style, clip, gap, pad, quote, say

_LABEL = 16  # cells
_KEYS = 15


def found(hints: Sequence[Hint], text: str) -> list[Hint]:
    """Those that hold every word of the text: called so first, then named so, then told so."""
    wanted = text.casefold().split()
    whole = " ".join(wanted)
    held = [hint for hint in hints if all(word in f"{hint.label} {hint.help}".casefold() for word in wanted)]
    return sorted(held, key=lambda hint: (not hint.label.casefold().startswith(whole), whole not in hint.label.casefold()))


def render(hints: Sequence[Hint], at: int, rows: int, width: int, glyphs: Glyphs) -> list[Line]:
    """At most so many rows, among them the selected one, `at` (-1 = none)."""
    if not hints:
        return [clip((gap(2), say("no command holds this text", "dim")), width, glyphs.cut)]
    first = max(0, min(at - rows // 2, len(hints) - rows))
    shown = list(enumerate(hints))[first : first + max(0, rows)]
    return [clip(_row(hint, number == at, glyphs), width, glyphs.cut) for number, hint in shown]


def _row(hint: Hint, selected: bool, glyphs: Glyphs) -> Line:
    pointer = say(f"{glyphs.pointer} ", "selected") if selected else gap(2)
    style: Style = "dim" if hint.off else "selected" if selected else "text"
    label = pad((say(hint.label, style),), _LABEL)
    keys = pad((say(hint.keys, "dim" if hint.off else "key"),), _KEYS)
    told = quote(f"off: {hint.off}", "dim") if hint.off else say(hint.help, "text")
    return (pointer, *label, gap(1), *keys, gap(1), told)
