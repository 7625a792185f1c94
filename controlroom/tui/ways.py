"""Ways from the room to its other screens, and back."""

from typing import TYPE_CHECKING

from controlroom.tui import approval_events as ev
from controlroom.tui import draw
from controlroom.tui.screens.dialogs import GrantDialog, TextDialog
from controlroom.tui.screens.pages import FullView, HelpPage, StopPage, TextPage
from controlroom.tui.screens.palette import Palette
from controlroom.tui.screens.room import RoomScreen

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


def to_help(app: "RoomApp") -> None:
    """Every key, over whatever is open."""
    if not isinstance(app.screen, HelpPage):
        app.push_screen(HelpPage())


def to_view(app: "RoomApp") -> None:
    """The whole request; the same key leads back."""
    request = app.scene().request
    if isinstance(app.screen, FullView):
        app.close(app.screen)
    elif request is not None:
        app.push_screen(FullView(request.id, request.digest))


def to_palette(app: "RoomApp") -> None:
    """Every command by its name."""
    if not isinstance(app.screen, Palette):
        app.push_screen(Palette(app.context()))


def to_stop(app: "RoomApp") -> None:
    """The stop screen, once."""
    if not any(isinstance(screen, StopPage) for screen in app.screen_stack):
        app.push_screen(StopPage())


def to_reset(app: "RoomApp") -> None:
    """The second step of a reset: the stop's id, typed. Anything else leaves the stop on."""
    view = app.contact.view
    latch = view.status.stop_id if view else ""

    def done(text: str) -> None:
        if text.strip() == latch:
            app.order("reset", stop_id=latch)
        else:
            app.say("that is not the stop's id: the emergency stop stays on", wrong=True)

    hint = f"type the stop's id, {latch}, and enter. It resumes nothing; esc leaves the stop on"
    app.push_screen(TextDialog("RESET the emergency stop", hint, done))


def to_filter(app: "RoomApp") -> None:
    """What lines of the tab must hold; an empty text shows all."""

    def done(text: str) -> None:
        app.looking.filters[app.looking.tab] = text
        app.looking.touch()

    hint = "only lines that hold this text, in this tab; enter takes it, empty shows all"
    app.push_screen(TextDialog("Filter", hint, done, app.looking.filter))


def to_undo(app: "RoomApp") -> None:
    """The first step of an undo: the daemon is asked what it would do; `undoing` shows it."""
    receipt = draw.receipt(app.scene())
    if receipt is None:
        app.say("no receipt is selected: tab goes to them", wrong=True)
    else:
        app.order("undo_plan", receipt=receipt.id)


def to_detail(app: "RoomApp") -> None:
    """The selected line of the tab, in full."""
    scene = app.scene()
    make, file = draw.detail(scene), draw.file(scene)
    if file is not None and scene.agent is not None:
        app.facts.compare(scene.agent.id, file.path)
    if make is None:
        app.say("nothing is selected here", wrong=True)
    else:
        app.push_screen(TextPage(make))


def back(app: "RoomApp") -> None:
    """One step back: out of a dialog, off a page, out of a filter."""
    screen = app.screen
    if isinstance(screen, GrantDialog):
        app.feed(ev.Closed(app.clock()))
    if not isinstance(screen, RoomScreen):
        app.close(screen)
    elif app.looking.filter:
        app.looking.filters.pop(app.looking.tab)
        app.looking.touch()
    elif app.looking.tab_first:
        app.looking.tab_first, app.looking.region = False, "agents"
        app.looking.touch()
    else:
        app.looking.say("")
