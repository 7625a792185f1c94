"""`controlroom` without a command: the room on screen."""

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from controlroom.cli import opening, room
from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure

# Leave the alternate screen, wrap lines (7), show the cursor; off: mouse (1000, 1002, 1003, 1006, 1015, 1016), focus (1004),
# bracketed paste (2004), synchronized output (2026), in-band resize (2048); keyboard protocol and attributes back.
# For a terminal after kill -9.
RESET = (
    "\x1b[?2026l\x1b[<u\x1b[=0;1u\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m"
)


def open_room(
    *,
    read_only: Annotated[bool, Parameter(help="look only; EMERGENCY STOP works all the same")] = False,
    ascii_only: Annotated[bool, Parameter(name="--ascii", help="signs of plain ASCII only")] = False,
    theme: Annotated[str, Parameter(help="night, day, high-contrast, mono, or one of your own")] = "",
    no_mouse: Annotated[bool, Parameter(help="leave the mouse to the terminal; so it is over SSH")] = False,
    reset_terminal: Annotated[bool, Parameter(help="repair a terminal that a killed room left behind, and end")] = False,
) -> int:
    """Opens the room: see, decide, pause, stop. Starts the daemon when none runs."""
    if reset_terminal:
        return _reset()
    if not opening.on_terminal():
        kind = os.environ.get("TERM")
        why = f" (TERM={kind} is none to draw on)" if kind in opening.BLIND else ""
        raise Failure(
            f"the room needs a terminal{why}; without one use: controlroom pending, allow, deny, estop (--help)", USAGE
        )
    room.outsider("the room")
    return opening.show(room.places(), read_only=read_only, ascii_only=ascii_only, theme=theme, mouse=not no_mouse)


def _reset() -> int:
    with open("/dev/tty", "w", encoding="ascii") as terminal:
        terminal.write(RESET)
    return os.spawnlp(os.P_WAIT, "stty", "stty", "sane") if sys.stdin.isatty() else 0
