"""`controlroom` without a command: the room on screen. What textual reads from the environment is set before it is imported."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from controlroom.cli import daemon, estop, room, stops
from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure
from controlroom.client.rpc import RpcError
from controlroom.storage.paths import Insecure, Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlroom.model.view import RoomView
    from controlroom.tui.ports import Report

# Leave the alternate screen, wrap lines (7), show the cursor; off: mouse (1000, 1002, 1003, 1006, 1015, 1016), focus (1004),
# bracketed paste (2004), synchronized output (2026), in-band resize (2048); keyboard protocol and attributes back.
# For a terminal after kill -9.
RESET = (
    "\x1b[?2026l\x1b[<u\x1b[=0;1u\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"
    "\x1b[?1004l\x1b[?2004l\x1b[?2048l\x1b[?1049l\x1b[?7h\x1b[?25h\x1b[0m"
)
REMOTE = {"TEXTUAL_FPS": "15", "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
LOCAL = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}

Flag = Parameter(negative="")


def open_room(
    *,
    read_only: Annotated[bool, Flag, Parameter(help="look only; EMERGENCY STOP works all the same")] = False,
    ascii_only: Annotated[bool, Flag, Parameter(name="--ascii", help="signs of plain ASCII only")] = False,
    theme: Annotated[str, Parameter(help="night, day, high-contrast, mono, or one of your own")] = "",
    no_mouse: Annotated[bool, Flag, Parameter(help="leave the mouse to the terminal; so it is over SSH")] = False,
    reset_terminal: Annotated[bool, Flag, Parameter(help="repair a terminal that a killed room left behind, and end")] = False,
) -> int:
    """Opens the room: see, decide, pause, stop. Starts the daemon when none runs."""
    if reset_terminal:
        return _reset()
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # textual draws on standard error
        raise Failure("the room needs a terminal; without one use: controlroom pending, allow, deny, estop (--help)", USAGE)
    room.outsider("the room")
    return show(room.places(), read_only=read_only, ascii_only=ascii_only, theme=theme, mouse=not no_mouse)


def show(
    places: Places,
    *,
    read_only: bool = False,
    ascii_only: bool = False,
    theme: str = "",
    mouse: bool = True,
    coach: "Callable[[RoomView], str] | None" = None,
) -> int:
    """The room over these places, to its end. 0 when the operator left, 128 + n when signal n or a lost terminal ended it.

    `coach` says what a newcomer may do now.
    """
    remote = bool(os.environ.get("SSH_CONNECTION"))
    for name, value in (REMOTE if remote else LOCAL).items():
        os.environ.setdefault(name, value)
    from controlroom.tui import app, ports, reach  # only now: textual reads its settings when it is imported

    options = ports.Options(
        read_only=read_only,
        theme=theme,
        ascii=ascii_only,
        mouse=mouse and not remote,
        remote=remote,
        badge=reach.badge(),
        coach=coach,
    )
    return app.run(ports.Ports(places, _start, _estop), options)


def _reset() -> int:
    with open("/dev/tty", "w", encoding="ascii") as terminal:
        terminal.write(RESET)
    return os.spawnlp(os.P_WAIT, "stty", "stty", "sane") if sys.stdin.isatty() else 0


def _start() -> None:
    from controlroom.tui.link import CannotStart

    try:
        daemon.ensure()
    except (Failure, RpcError, Insecure, OSError) as error:
        raise CannotStart(str(error)) from None


def _estop() -> "Report":
    from controlroom.tui.ports import Report

    said: list[str] = []
    stop_id, written = estop.latch(said.append, said.append)
    rows, complete = estop.everything(stop_id, said.append)
    for row in rows:
        said.extend(stops.lines(row, "estop"))
    return Report(stop_id, written and complete and stops.confirmed(rows, "estop"), tuple(said))
