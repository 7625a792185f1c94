"""The help: every key, what it does, and why it is off where it is."""

from collections import Counter
from collections.abc import Sequence

from controlroom.tui.glyphs import Glyphs
from controlroom.tui.keys import Hint
from controlroom.tui.line import Line, Style, cells, clip, gap, pad, prose, say

WIDE = 116  # cells from which there are two columns
_KEYS = 14
_BETWEEN = 4
_MARGIN = 2


def render(sections: Sequence[tuple[str, Sequence[Hint]]], width: int, glyphs: Glyphs) -> list[Line]:
    """All groups, in one column or two."""
    inner = max(1, width - 2 * _MARGIN)
    column = (inner - _BETWEEN) // 2 if width >= WIDE else inner
    blocks = [_block(title, hints, column) for title, hints in sections]
    lines = _beside(blocks, column) if width >= WIDE else [line for block in blocks for line in block]
    return [clip((gap(_MARGIN), *line), width, glyphs.cut) for line in lines]


def _block(title: str, hints: Sequence[Hint], width: int) -> list[Line]:
    """A group. The reason that most of its dimmed keys share stands once, beside the title."""
    shared, count = next(iter(Counter(_reason(hint) for hint in hints if hint.off).most_common(1)), ("", 0))
    shared = shared if count > 1 else ""
    head: list[Line] = [(say(title, "title"),)]
    if shared:
        note = say(f"dimmed: {shared}", "dim")
        head = (
            [(*head[0], gap(3), note)] if cells((*head[0], gap(3), note)) <= width else [*head, *prose(note.text, width, "dim")]
        )
    return [*head, *(line for hint in hints for line in _entry(hint, shared, width)), ()]


def _reason(hint: Hint) -> str:
    return hint.off.removeprefix(f"{hint.label} ")


def _entry(hint: Hint, shared: str, width: int) -> list[Line]:
    """Keys and what they do; beneath it why they are off, unless the title tells."""
    key: Style = "stop" if hint.id == "estop" else "dim" if hint.off else "key"
    left = _KEYS if width >= 2 * _KEYS else 2
    room = max(1, width - left)
    said = prose(hint.help, room, "dim" if hint.off else "text")
    if hint.off and _reason(hint) != shared:
        said += prose(f"off: {hint.off}", room, "dim")
    keys: Line = (say(hint.keys, key),)
    if len(hint.keys) >= left:
        return [keys, *((gap(left), *row) for row in said)]
    return [(*pad(keys, left), *said[0]), *((gap(left), *row) for row in said[1:])]


def _beside(blocks: list[list[Line]], column: int) -> list[Line]:
    """The blocks in two columns of about the same height, in reading order."""
    total = sum(len(block) for block in blocks)
    left: list[Line] = []
    right: list[Line] = []
    for block in blocks:
        side = left if not right and len(left) + len(block) // 2 <= total // 2 else right
        side += block
    height = max(len(left), len(right))
    left += [()] * (height - len(left))
    right += [()] * (height - len(right))
    return [(*pad(a, column), gap(_BETWEEN), *b) for a, b in zip(left, right, strict=True)]
