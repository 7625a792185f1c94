"""Whole screens of the running app, cell by cell: what it says, and how each run of cells looks.

CONTROLROOM_GOLDEN=write writes the files again: read the difference.
"""

import os
from itertools import groupby
from pathlib import Path

import pytest
from rich.style import Style

from controlroom.model.view import RoomView
from tests.support import views
from tests.support.stage import Visit, room, story

GOLDEN = Path(__file__).parent / "golden"
SIZES = ((20, 5), (80, 24), (120, 40), (200, 60))
STATES = ("empty", "busy", "pending_t2", "pending_t3", "stopped", "disconnected", "hostile")
SOON = ("not armed yet", "the request is not on screen yet")  # what goes by with time alone


def view_of(state: str) -> RoomView:
    return views.busy() if state == "disconnected" else views.STATES[state]()


async def still(visit: Visit, state: str) -> None:
    """Waits until time alone changes nothing any more."""
    if state == "disconnected":
        visit.line.lose("no daemon answers at /run/user/1000/controlroom/operator.sock")
    await visit.settled()
    await visit.until(lambda: not visit.app.desk.unready().startswith(SOON), "armed, or waiting for a person")
    await visit.settled()


def kept(visit: Visit) -> str:
    """The rows of the screen, the looks of their runs as letters, and what the letters mean."""
    letters: dict[str, str] = {}
    rows = []
    for strip in visit.app.screen._compositor.render_strips():
        looks = [(letters.setdefault(_look(s.style), chr(97 + len(letters))), s.cell_length) for s in strip if s.text]
        runs = [f"{look}{sum(cells for _, cells in run)}" for look, run in groupby(looks, lambda one: one[0])]
        rows.append(f"{''.join(segment.text for segment in strip)}¦{' '.join(runs)}")
    return "\n".join([*rows, *(f"{letter} = {look}" for look, letter in letters.items())]) + "\n"


def _look(style: Style | None) -> str:
    if style is None:
        return "plain"
    names = [name for name in ("bold", "dim", "italic", "underline", "reverse", "strike") if getattr(style, name)]
    ink, paper = (colour.get_truecolor().hex if colour else "none" for colour in (style.color, style.bgcolor))
    return " ".join([f"{ink} on {paper}", *names])


@pytest.mark.row("D09", "D10", "E13")
@pytest.mark.parametrize("state", STATES)
@story
async def test_the_screen_is_as_it_was_looked_at_in_every_size(state: str) -> None:
    wrong = []
    async with room(view_of(state), SIZES[0]) as visit:
        for columns, rows in SIZES:
            await visit.pilot.resize_terminal(columns, rows)
            await still(visit, state)
            now, file = kept(visit), GOLDEN / f"{state}-{columns}x{rows}.txt"
            if os.environ.get("CONTROLROOM_GOLDEN") == "write":
                file.parent.mkdir(exist_ok=True)
                file.write_text(now, encoding="utf-8")
            if now != file.read_text(encoding="utf-8"):
                wrong.append(f"{file.name} reads otherwise now:\n{now}")
    assert not wrong, "\n".join(wrong)
