"""The command palette, from the one table: a text finds a command, enter runs what is selected. It never allows anything."""

from textual import events
from textual.widgets import Input

from controlroom.tui import keys
from controlroom.tui.keys import Context, Hint
from controlroom.tui.line import Line
from controlroom.tui.render import palette
from controlroom.tui.scene import Scene
from controlroom.tui.screens.dialogs import TextDialog

MOST_ROWS = 16
STEPS = {"up": -1, "down": 1, "pageup": -MOST_ROWS // 2, "pagedown": MOST_ROWS // 2}
HINT = "type to find one, enter runs what is selected; esc leaves"


class Palette(TextDialog):
    """Over the screen that `context` is of. Nothing is selected before something was typed or the arrows moved."""

    def __init__(self, context: Context) -> None:
        super().__init__("COMMANDS", HINT, self._run)
        self._hints = keys.palette(context)
        self._found: list[Hint] = self._hints
        self._at = -1

    def lines(self, scene: Scene, width: int) -> list[Line]:
        """What it is, and the commands that fit above the field."""
        rows = min(MOST_ROWS, self.size.height - 2 - self.field_rows)  # above it the stop key, and the title
        listed = palette.render(self._found, self._at, rows, width, scene.glyphs) if rows > 0 else []
        return [*super().lines(scene, width)[:1], *listed]

    def key(self, event: events.Key) -> None:
        """The arrows move; the rest is the field's."""
        step = STEPS.get(event.key)
        if step is None:
            super().key(event)
            return
        event.stop()
        event.prevent_default()
        self._at = max(0, min(len(self._found) - 1, self._at + step))
        self._changed()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another text: other commands, the best of them selected."""
        event.stop()
        self._found = palette.found(self._hints, event.value)
        self._at = 0 if event.value.strip() and self._found else -1
        self._changed()

    def _changed(self) -> None:
        self.room.looking.touch()
        self.room.frames.wake()

    def _run(self, text: str) -> None:
        """Enter: it is closed already."""
        if 0 <= self._at < len(self._found):
            self.room.invoke(self._found[self._at].id)
        else:
            self.room.say("no command was selected")
