"""What each command does to the app. Orders go to the daemon; nothing is decided here."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from controlroom.tui import draw, ways
from controlroom.tui.keys import LOG, TABS

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp

Act = Callable[["RoomApp"], object]
MOVES = ("up", "down", "page-up", "page-down", "first", "last")
STEERS = ("pause", "resume", "stop", "kill", "clear")


def _steer(act: str) -> Act:
    def run(app: "RoomApp") -> None:
        agent = app.scene().agent
        if agent is not None:
            app.order(act, name=agent.id)

    return run


def _tab(number: int) -> Act:
    return lambda app: app.looking.go_tab(number)


def _log(app: "RoomApp") -> None:
    """The Log tab; where it is open already, the next of the agent's logs."""
    if app.looking.tab == LOG and app.looking.region == "tab":
        app.looking.next_source(app.scene().agent)
    else:
        app.looking.go_tab(LOG)


def _move(command: str) -> Act:
    """In a screen that is still being made there is nothing to move."""
    return lambda app: app.top.move(command) if app.top.is_mounted else None


def _region(by: int) -> Act:
    return lambda app: app.looking.go_region(by)


def _mark(app: "RoomApp") -> None:
    wanted = app.desk.now.focus
    if wanted:
        app.looking.mark(wanted)


def _follow(app: "RoomApp") -> None:
    app.looking.stay(draw.count(app.scene()))
    app.reader.stay(app.looking.follow)
    app.say("the log stays at its newest line" if app.looking.follow else "the log stays where it is")


def _take_change(app: "RoomApp") -> None:
    change = draw.change(app.scene())
    if change:
        app.order("take_change", id=change)
    else:
        app.say("no change of the selected file waits to be looked at", wrong=True)


ACTS: dict[str, Act] = {
    "estop": lambda app: app.action_estop(),
    "reset": lambda app: ways.to_reset(app),
    "kill-all": lambda app: app.order("kill", name="all"),
    "undo": lambda app: ways.to_undo(app),
    "view": lambda app: ways.to_view(app),
    "next": lambda app: app.move_focus(1),
    "previous": lambda app: app.move_focus(-1),
    "mark": _mark,
    "filter": lambda app: ways.to_filter(app),
    "follow": _follow,
    "take-change": _take_change,
    "detail": ways.to_detail,
    "region": _region(1),
    "region-back": _region(-1),
    "help": lambda app: ways.to_help(app),
    "palette": lambda app: ways.to_palette(app),
    "theme": lambda app: app.next_theme(),
    "back": lambda app: ways.back(app),
    "leave": lambda app: app.leave(),
    "uses-more": lambda app: app.change_uses(1),
    "uses-fewer": lambda app: app.change_uses(-1),
    **{act: _steer(act) for act in STEERS},
    **{command.id: _tab(number) for number, command in enumerate(TABS, 1)},
    **{command: _move(command) for command in MOVES},
    "tab-log": _log,
}
DECIDES = frozenset(
    ("allow", "allow-t3", "deny", "deny-why", "grant", "lease-minutes", "lease-session", "lease-uses")
)  # approval's alone
