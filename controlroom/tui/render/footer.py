"""The footer: what the keys do here and now, most important first. Keys that are off are left out: pressed, they say why."""

from collections.abc import Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.keys import Hint
from controlroom.tui.line import Line, Span, Style, cells, clip, gap, say

_LAST = "help"  # always there, where there is room for one thing
_STOP = "estop"


def render(hints: Sequence[Hint], width: int, glyphs: Glyphs, *, stop: bool = True) -> list[Line]:
    """The one line. `stop`: with the stop key, for screens without the status line."""
    on = [hint for hint in hints if not hint.off and (stop or hint.id != _STOP)]
    help_key = [hint for hint in on if hint.id == _LAST]
    first = [hint for hint in on if hint.id == _STOP]
    others = [hint for hint in on if hint.id not in (_LAST, _STOP)]
    shown = [*first, *help_key]
    for hint in others:
        wanted = [*first, *others[: others.index(hint) + 1], *help_key]
        if cells(_joined(wanted)) > width:
            break
        shown = wanted
    return [clip(_joined(shown), width, glyphs.cut)]


def _joined(hints: Sequence[Hint]) -> Line:
    out: list[Span] = [gap(1)]
    for number, hint in enumerate(hints):
        style: Style = "stop" if hint.id == _STOP else "key"
        key = hint.keys.split(", ")[0]
        out += [gap(2)] if number else []
        out += [say(f" {hint.label} {key} ", style)] if hint.id == _STOP else [say(key, style), gap(1), say(hint.label, "dim")]
    return tuple(out)
