"""Opens the room. What textual reads from the environment is set before it is imported; cyclopts is not imported at all."""

import gc
import os
import sys
from typing import TYPE_CHECKING

from controlroom.cli import estop, room, stops
from controlroom.cli.room import Failure
from controlroom.client.rpc import RpcError
from controlroom.storage.paths import Insecure, Places

if TYPE_CHECKING:
    from collections.abc import Callable

    from controlroom.model.view import RoomView
    from controlroom.tui.ports import Report

REMOTE = {"TEXTUAL_FPS": "15", "TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}
BLIND = ("dumb", "unknown")  # kinds of terminal that nothing can be drawn on
LOCAL = {"TEXTUAL_ANIMATIONS": "none", "TEXTUAL_SMOOTH_SCROLL": "0"}


def on_terminal() -> bool:
    """Whether there is a terminal to draw on (textual draws on standard error)."""
    return os.environ.get("TERM") not in BLIND and all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def plain() -> int | None:
    """The room without any option; None where it cannot open, and the command line has to say why."""
    try:
        room.outsider("the room")
        where = room.places()
    except (Failure, Insecure):
        return None
    return show(where) if on_terminal() else None


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
    if remote and "256color" in os.environ.get("TERM", ""):
        os.environ.setdefault("TEXTUAL_COLOR_SYSTEM", "256")  # half the bytes of true colours
    from controlroom.tui.link import Link

    gc.disable()  # nothing of a start is garbage; the room takes it up again after its first paint
    link = Link(places, _start)
    link.connect()  # while textual is imported, which takes longer than a snapshot
    from controlroom.tui import app, ports, reach  # only now: textual reads its settings when it is imported

    options = ports.Options(
        read_only=read_only,
        theme=theme,
        no_color="NO_COLOR" in os.environ,
        ascii=ascii_only,
        mouse=mouse and not remote,
        remote=remote,
        badge=reach.badge(),
        coach=coach,
    )
    return app.run(ports.Ports(places, _estop), options, link)


def _start() -> None:
    from controlroom.cli import daemon
    from controlroom.model.ready import ready_for_threads
    from controlroom.tui.link import CannotStart

    ready_for_threads()  # this is the line's thread
    try:
        daemon.ensure()
    except (Failure, RpcError, Insecure, OSError) as error:
        raise CannotStart(" ".join(str(error).split())) from None


def _estop() -> "Report":
    from controlroom.tui.ports import Report

    said: list[str] = []
    stop_id, written = estop.latch(said.append, said.append)
    rows, complete = estop.everything(stop_id, said.append)
    for row in rows:
        said.extend(stops.lines(row, "estop"))
    return Report(stop_id, written and complete and stops.confirmed(rows, "estop"), tuple(said))
