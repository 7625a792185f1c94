"""The theme of a room: the one that was asked for or remembered, switched while it is open."""

from typing import NamedTuple

from textual.app import App

from controlroom.storage.paths import Places
from controlroom.tui import theme, theme_bridge
from controlroom.tui.theme import Surface, Theme
from controlroom.tui.theme_bridge import Palette


class Looks(NamedTuple):
    """What styles look like on a surface, and on the row that is selected there."""

    plain: Palette
    row: Palette


class Colours:
    """All themes that can be used, and the current one. `problems` says which files cannot, and why."""

    def __init__(self, places: Places, wanted: str) -> None:
        found = theme.find(places.config)
        self._found = found
        self.problems = list(found.problems)
        if wanted and wanted not in found.themes:
            self.problems.append(f"there is no theme {wanted}: {', '.join(sorted(found.themes))}")
        self.name = wanted if wanted in found.themes else theme.DEFAULT

    @property
    def theme(self) -> Theme:
        """The current one."""
        return self._found.themes[self.name]

    def looks(self, surface: Surface = "ground") -> Looks:
        """What to draw with."""
        return Looks(theme_bridge.palette(self.theme, surface), theme_bridge.palette(self.theme, "row"))

    def apply(self, app: App[int]) -> None:
        """Gives the app the current theme for textual's own widgets."""
        app.register_theme(theme_bridge.textual_theme(self.theme))
        app.theme = self.name

    def next(self, app: App[int]) -> None:
        """Goes on to the next theme."""
        self.name = self._found.after(self.name)
        self.apply(app)
