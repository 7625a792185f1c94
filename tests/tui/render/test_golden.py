"""What is drawn, letter by letter and style by style. CONTROLROOM_GOLDEN=write writes the files again: read the difference."""

import os
from pathlib import Path

import pytest

from controlroom.tui.glyphs import ASCII, UNICODE, Glyphs
from controlroom.tui.line import Line, plain
from tests.support import views
from tests.tui.render.drawn import DRAWN, KEYED

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (20, 80, 120)
# Which states say something new about a part; parts that are not named are drawn from "busy" alone.
STATES = {
    "status": tuple(views.STATES),
    "status_lost": ("busy",),
    "status_none": ("busy",),
    "status_advisory": ("empty", "busy", "pending_t2", "stopped", "hostile"),
    "agents": ("empty", "busy", "pending_t3", "stopped", "hostile"),
    "pending": ("empty", "pending_t2", "pending_t3", "hostile"),
    "request": ("pending_t2", "pending_t3", "hostile"),
    "stop": ("busy", "stopped"),
    "log": ("empty", "busy", "hostile"),
    "story": ("busy", "hostile"),
    "receipts": ("empty", "busy"),
    "permissions": ("empty", "busy"),
}
NOT_KEPT = ("request_full", "pages", "filtered")  # the same lines again, or too many: held by the properties
NAMES = [name for name in DRAWN if name not in NOT_KEPT]


def kept(name: str, width: int, glyphs: Glyphs) -> str:
    """A part in all its states: each line's text, and beside it the runs of its styles."""
    out = []
    for state in STATES.get(name, ("busy",)):
        if name not in KEYED:
            out.append(f"==== {state}")
        lines = DRAWN[name](views.STATES[state](), width, glyphs)
        out += [f"{plain(line)}¦{_styles(line)}" for line in lines]
    return "\n".join(out) + "\n"


def _styles(line: Line) -> str:
    return " ".join(f"{span.style}:{len(span.text)}" for span in line)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
def test_is_drawn_as_it_was_looked_at(name: str, width: int) -> None:
    _same(GOLDEN / f"{name}-{width}.txt", kept(name, width, UNICODE))


@pytest.mark.parametrize("name", ["agents", "pending", "request", "receipts", "receipt", "log"])
def test_is_drawn_in_ascii_as_it_was_looked_at(name: str) -> None:
    _same(GOLDEN / f"{name}-80-ascii.txt", kept(name, 80, ASCII))


def _same(file: Path, now: str) -> None:
    if os.environ.get("CONTROLROOM_GOLDEN") == "write":
        file.write_text(now, encoding="utf-8")
    assert now == file.read_text(encoding="utf-8"), f"{file.name} reads otherwise now"
