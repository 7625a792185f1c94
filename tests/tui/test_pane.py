"""What a pane repaints: the rows that changed, and of them no more than the cells that did."""

from hypothesis import given
from hypothesis import strategies as st

from controlroom.tui.line import Line, cells, pad, plain, say
from controlroom.tui.widgets.pane import _changed

WIDTH = 12
SPANS = st.lists(st.tuples(st.sampled_from(["ab", "c", "界", "   "]), st.sampled_from(["text", "dim", "selected"])), max_size=4)


def line(parts: list[tuple[str, str]]) -> Line:
    return tuple(say(text, style) for text, style in parts)  # type: ignore[arg-type]


LINES = st.lists(SPANS.map(line), max_size=6)


def _cells(row: Line | None) -> list[tuple[str, str]]:
    """What stands in each cell of a row: character and style, with blanks to its end; the whole row looks selected or none."""
    chosen = any(span.style == "selected" for span in row or ())
    found = [
        (char, f"{span.style} {chosen}")
        for span in pad(row or (), WIDTH)
        for char in span.text
        for _ in range(cells((say(char),)))
    ]
    return found[:WIDTH]


@given(LINES, LINES)
def test_every_cell_that_differs_is_repainted(old: list[Line], new: list[Line]) -> None:
    runs = _changed(old, new, WIDTH)
    for at in range(max(len(old), len(new))):
        before, after = (_cells(rows[at]) if at < len(rows) else _cells(None) for rows in (old, new))
        for cell in range(WIDTH):
            painted = any(run.first <= at < run.last and run.left <= cell < run.right for run in runs)
            differs = before[cell] != after[cell]
            assert painted or not differs, (at, cell, plain(new[at]) if at < len(new) else "")


def test_a_figure_in_a_row_repaints_that_figure_alone() -> None:
    old = [(say("name  "), say("12%"), say("  now"))]
    new = [(say("name  "), say("13%"), say("  now"))]
    assert [tuple(run) for run in _changed(old, new, 40)] == [(0, 1, 6, 9)]


def test_nothing_is_repainted_where_nothing_changed() -> None:
    rows = [(say("name"),), (say("other"),)]
    assert _changed(rows, list(rows), 40) == []
