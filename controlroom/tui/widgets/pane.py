"""A pane draws lines. It compares before it draws and repaints only the rows that changed."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from controlroom.tui import theme_bridge
from controlroom.tui.colours import Looks
from controlroom.tui.line import Line, cells

MOST_REGIONS = 6  # more changed runs of rows are repainted as one


class Pane(ScrollView, can_focus=False):
    """Lines of text, scrolled by rows. `follow`: it stays at its end while lines come. `filler`: every row below the last line.

    What is wider than the pane is cut at its edge; nothing is drawn outside of it.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Pane {
        scrollbar-size: 0 0;
        overflow-x: hidden;
        overflow-y: auto;
        padding: 0;
    }
    """

    def __init__(self, looks: Looks, *, name: str, filler: Line = ()) -> None:
        super().__init__(name=name, id=name)
        self._looks = looks
        self._lines: Sequence[Line] = ()
        self._filler = filler
        self.follow = False

    @property
    def lines(self) -> Sequence[Line]:
        """What is drawn now."""
        return self._lines

    @property
    def top(self) -> int:
        """The first row that is on screen."""
        return round(self.scroll_y)

    @property
    def fits(self) -> bool:
        """Whether all of it is on screen at once."""
        return bool(self.size.height) and len(self._lines) <= self.size.height

    @property
    def at_end(self) -> bool:
        """Whether the last row is on screen."""
        return bool(self.size.height) and self.top + self.size.height >= len(self._lines)

    def recolour(self, looks: Looks) -> None:
        """Draws the same in other colours."""
        self._looks = looks
        self.refresh()

    def show(self, lines: Sequence[Line]) -> bool:
        """Draws these lines instead; whether anything changed."""
        old, self._lines = self._lines, tuple(lines)
        if old == self._lines:
            return False
        runs = _changed(old, self._lines, max(1, self.size.width))
        if len(old) != len(self._lines):
            self.virtual_size = Size(0, len(self._lines))  # rows only: nothing scrolls sideways
        self._keep_end()
        if len(runs) > MOST_REGIONS:
            runs = [_together(runs)]
        self.refresh(*(Region(r.left, r.first - self.top, r.right - r.left, r.last - r.first) for r in runs))
        return True

    def on_resize(self) -> None:
        """In another size the end is somewhere else."""
        self._keep_end()

    def _keep_end(self) -> None:
        if self.follow:
            self.scroll_to(y=max(0, len(self._lines) - self.size.height), animate=False, force=True)

    def go(self, row: int) -> None:
        """Scrolls so that `row` is on screen, by as little as that takes."""
        height = self.size.height
        if row < self.top:
            self.scroll_to(y=row, animate=False, force=True)
        elif height and row >= self.top + height:
            self.scroll_to(y=row - height + 1, animate=False, force=True)

    def move(self, rows: int) -> None:
        """Scrolls by so many rows; leaves its end, or takes it up again there."""
        self.scroll_to(y=max(0, self.top + rows), animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """One row of the screen."""
        at = self.top + y
        line = self._lines[at] if at < len(self._lines) else self._filler
        return theme_bridge.strip(line, self.size.width, *self._looks)


class _Run(NamedTuple):
    """Rows from `first` to before `last` that changed, in the cells from `left` to before `right`."""

    first: int
    last: int
    left: int
    right: int


def _changed(old: Sequence[Line], new: Sequence[Line], width: int) -> list[_Run]:
    """The runs of rows that differ, and where."""
    runs: list[_Run] = []
    for at in range(max(len(old), len(new))):
        before, after = (lines[at] if at < len(lines) else None for lines in (old, new))
        if before == after:
            continue
        left, right = (0, width) if before is None or after is None else _where(before, after, width)
        run = _Run(at, at + 1, left, right)
        if runs and runs[-1].last == at:
            runs[-1] = _together([runs[-1], run])
        else:
            runs.append(run)
    return runs


def _together(runs: Sequence[_Run]) -> _Run:
    return _Run(runs[0].first, runs[-1].last, min(r.left for r in runs), max(r.right for r in runs))


def _where(before: Line, after: Line, width: int) -> tuple[int, int]:
    """The cells in which two lines differ, from and to before; all of them where the row is selected in only one."""
    if _selected(before) != _selected(after):
        return 0, width
    same = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    left = cells(after[:same])
    rest = 0
    if cells(before) == cells(after):
        for one, other in zip(reversed(before[same:]), reversed(after[same:]), strict=False):
            if one != other:
                break
            rest += cells((one,))
        return min(left, width - 1), max(min(width, cells(after) - rest), min(left, width - 1) + 1)
    return min(left, width - 1), width


def _selected(line: Line) -> bool:
    return any(span.style == "selected" for span in line)
