"""What all screens share: keys go to the app's one table, and a frame is drawn from a scene."""

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.screen import Screen

from controlroom.tui.keys import Scope
from controlroom.tui.scene import Scene
from controlroom.tui.widgets.pane import Pane

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


class OurScreen(Screen[None], inherit_bindings=False):
    """A screen of ours. `scope`: which keys mean something on it. `away`: why nothing can be answered on it, "" = it can."""

    scope: ClassVar[Scope] = "room"
    away: ClassVar[str] = ""
    made = False  # its panes are there

    @property
    def room(self) -> "RoomApp":
        """The app."""
        from controlroom.tui.app import RoomApp

        assert isinstance(self.app, RoomApp)
        return self.app

    def on_mount(self) -> None:
        """Its first paint is whole: it is drawn before textual lays it out."""
        self.made = True
        self.room.frames.draw()

    def pane(self, name: str) -> Pane:
        """One part of it."""
        return self.query_one(f"#{name}", Pane)

    def draw(self, scene: Scene) -> None:
        """Draws a frame; called when anything in the scene is new."""
        raise NotImplementedError

    def judge(self, scene: Scene) -> None:
        """Tells the app when a focused request has come to the screen; called at every frame."""

    def move(self, command: str) -> None:
        """One of the commands of the group Moving."""

    def on_key(self, event: events.Key) -> None:
        """A key that no text field took."""
        self.key(event)

    def on_paste(self, event: events.Paste) -> None:
        """A paste that no text field took."""
        event.stop()
        self.room.pasted(event)

    def key(self, event: events.Key) -> None:
        """Every key goes through the one table. (Textual calls the `on_key` of every class; this one is overridden.)"""
        event.stop()
        event.prevent_default()
        top = self.room.top
        if top is self:
            self.room.press(event)
        else:  # it was handed to this screen just before another one covered it
            top.key(event)

    def on_resize(self) -> None:
        """Another size is another layout: nothing counts as shown any more."""
        self.room.relaid()
