"""The command palette, from the one table. It runs what the keys run, and never allows anything."""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.await_complete import AwaitComplete
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider

from controlroom.tui import keys
from controlroom.tui.keys import Hint

if TYPE_CHECKING:
    from controlroom.tui.app import RoomApp


class RoomPalette(CommandPalette):
    """Textual's palette, but no size, no page key in a list that is not laid out, and no leaving it twice ends the room."""

    DEFAULT_CSS = "RoomPalette CommandList { min-width: 8; }"  # it wraps its text, and a width of zero is an error there
    _left = False

    def dismiss(self, result: None = None) -> AwaitComplete:
        """Leaves it, once."""
        if self._left:
            return AwaitComplete()
        self._left = True
        return super().dismiss(result)

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError):  # the list looks up a line that it has not laid out
            super()._action_command_list(action)


class RoomCommands(Provider):
    """The commands of the screen that the palette was opened on."""

    @property
    def _room(self) -> "RoomApp":
        from controlroom.tui.app import RoomApp

        assert isinstance(self.app, RoomApp)
        return self.app

    async def discover(self) -> Hits:
        """All of them."""
        for hint in keys.palette(self._room.context()):
            yield DiscoveryHit(_title(hint), partial(self._room.invoke, hint.id), text=hint.label, help=_help(hint))

    async def search(self, query: str) -> Hits:
        """Those that hold what was typed."""
        matcher = self.matcher(query)
        for hint in keys.palette(self._room.context()):
            score = matcher.match(f"{hint.label} {hint.help}")
            if score > 0:
                yield Hit(score, _title(hint), partial(self._room.invoke, hint.id), text=hint.label, help=_help(hint))


def _title(hint: Hint) -> Text:
    return Text(f"{hint.label}  {hint.keys}" if hint.keys else hint.label)


def _help(hint: Hint) -> str:
    return f"off: {hint.off}" if hint.off else hint.help
