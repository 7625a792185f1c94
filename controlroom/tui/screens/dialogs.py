"""Dialogs at the foot of the screen: a denial's text, a grant, the reset of a stop, a filter. The stop key works in all."""

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from controlroom.tui import draw, keys
from controlroom.tui.keys import Scope
from controlroom.tui.line import Line
from controlroom.tui.scene import Scene
from controlroom.tui.screens.base import OurScreen
from controlroom.tui.widgets.field import Field
from controlroom.tui.widgets.pane import Pane

MOST = 2000  # characters of a text
MOST_USES = 20
# What lies above a dialog stays as readable as it was: it is what is decided about, and the stop key (E13).
FOOT = """
    $NAME { align: left bottom; background: transparent; }
    $NAME > Vertical { height: auto; width: 100%; background: $bar; }
    $NAME Pane { height: auto; }
    $NAME Input { border: none; height: 1; background: $row; }
"""


class Dialog(ModalScreen[None], OurScreen):
    """Lines at the foot of the screen, over what lies below. `field_rows`: rows under them that the field takes."""

    field_rows: ClassVar[int] = 0
    _rows = -1

    def __init_subclass__(cls, **more: Any) -> None:
        """Textual reads the style of a screen under the name of its own class only: each dialog has it under its name."""
        super().__init_subclass__(**more)
        cls.CSS = FOOT.replace("$NAME", cls.__name__)

    def compose(self) -> ComposeResult:
        """The lines, and the field where there is one."""
        with Vertical():
            yield Pane(self.room.looks("lines"), name="lines")
            yield from self.fields()

    def fields(self) -> ComposeResult:
        """Nothing but the lines."""
        yield from ()

    def lines(self, scene: Scene, width: int) -> list[Line]:
        """What stands above the field."""
        raise NotImplementedError

    def draw(self, scene: Scene) -> None:
        """The lines; the room below goes on by itself. They leave room for the field, and for the stop key above (E13)."""
        pane = self.query_one("#lines", Pane)
        made = self.lines(scene, self.room.size.width)
        pane.show(made)
        rows = max(0, min(len(made), self.room.size.height - 1 - self.field_rows))
        if rows != self._rows:
            self._rows = rows
            pane.display = rows > 0
            pane.styles.height = rows


class TextDialog(Dialog):
    """Asks for a text. `done` gets it; escape leaves without."""

    scope: ClassVar[Scope] = "text"
    field_rows: ClassVar[int] = 1
    away: ClassVar[str] = "a text field has the keyboard: esc leaves it"

    def __init__(self, title: str, hint: str, done: Callable[[str], object], value: str = "") -> None:
        super().__init__()
        self._title, self._hint, self._done, self._value = title, hint, done, value

    def fields(self) -> ComposeResult:
        """The field. Textual gives it the keyboard, being the only one that can have it."""
        yield Field(self._value, max_length=MOST, select_on_focus=False, id="text")

    def lines(self, scene: Scene, width: int) -> list[Line]:
        """The title and what the text is for."""
        return draw.dialog(self._title, self._hint, width, scene)

    def key(self, event: events.Key) -> None:
        """Only what leaves the field is a command; everything else is the field's."""
        command = keys.command_of(event.key, "text")
        if command is not None and command.id == "back":
            super().key(event)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter: the text is done."""
        event.stop()
        self.room.close(self)
        self._done(event.value)


class GrantDialog(Dialog):
    """Allow, and for how long the same without asking: each by a key of its own (`approval.LEASES`)."""

    scope: ClassVar[Scope] = "grant"

    def __init__(self, request: str, digest: str) -> None:
        super().__init__()
        self._drawn = (request, digest)
        self.uses = 3

    def change(self, by: int) -> None:
        """One use more or less."""
        self.uses = max(1, min(MOST_USES, self.uses + by))

    def lines(self, scene: Scene, width: int) -> list[Line]:
        """The act again, and the choices."""
        return draw.grant_dialog(scene, self.uses, width)

    def draw(self, scene: Scene) -> None:
        """Closes itself when the request is no longer there."""
        if scene.approval.focus != self._drawn[0] or not scene.approval.granting:
            self.room.close(self)
            return
        super().draw(scene)

    def judge(self, scene: Scene) -> None:
        """Armed like the panel, once all of it is on screen."""
        if scene.request is not None:
            self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        if self.room.screen is self and (pane := self.query_one("#lines", Pane)).size.height:
            whole = pane.fits
            self.room.shown(self._drawn, whole=whole, too_small=not whole, end=False, surface="dialog")
