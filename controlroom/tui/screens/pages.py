"""Pages over the room: the emergency stop, the help, a text in full, and the full view of a request."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult

from controlroom.tui import draw
from controlroom.tui.keys import Scope
from controlroom.tui.line import Line
from controlroom.tui.scene import Scene
from controlroom.tui.screens.base import OurScreen
from controlroom.tui.screens.room import judged, scroll
from controlroom.tui.widgets.pane import Pane

Maker = Callable[[Scene, int], list[Line]]
AIRY = 20  # rows from which a page stands apart from the status line


class Page(OurScreen):
    """The status line, one pane, a remark and a footer."""

    scope: ClassVar[Scope] = "help"
    away: ClassVar[str] = "another screen lies over the requests: esc leads back"
    air: ClassVar[int] = 1  # blank rows above the lines
    answered: ClassVar[bool] = False  # the keys that answer stand in the place of remarks
    DEFAULT_CSS = """
    Page { layout: vertical; overflow: hidden; }
    Page #status, Page #notice, Page #footer { height: 1; }
    Page #page { height: 1fr; }
    """

    def __init__(self, make: Maker) -> None:
        super().__init__()
        self._make = make

    def compose(self) -> ComposeResult:
        """The panes."""
        for name in ("status", "page", "notice", "footer"):
            yield Pane(self.room.looks(name), name=name)

    def draw(self, scene: Scene) -> None:
        """All of it; low screens do without remark and footer."""
        width, height = self.room.size
        notice, footer = height >= 10, height >= 3
        self.pane("notice").display, self.pane("footer").display = notice, footer
        air: list[Line] = [()] * (self.air if height >= AIRY else 0)
        page = self.pane("page")
        page.show([*air, *self._make(scene, width)])
        more = page.top + height - 1 - notice - footer < len(page.lines)  # counted: a new size is not laid out yet
        for name, lines in draw.around(scene, width, answer=self.answered, more=more, remark=notice).items():
            self.pane(name).show(lines)

    def move(self, command: str) -> None:
        """Scrolls the page."""
        scroll(self.pane("page"), command)
        self.room.looking.touch()


class HelpPage(Page):
    """Every key."""

    def __init__(self) -> None:
        super().__init__(draw.help_page)


class TextPage(Page):
    """One thing in full."""


class StopPage(Page):
    """The emergency stop: who is frozen or dead, with proof, and what is not covered."""

    scope: ClassVar[Scope] = "stop"
    away: ClassVar[str] = "an emergency stop is in force: esc leads back to the room"

    def __init__(self) -> None:
        super().__init__(draw.stop_page)


class FullView(Page):
    """The whole focused request, every target listed. It can be answered here like in the room."""

    scope: ClassVar[Scope] = "full"
    away: ClassVar[str] = ""
    air: ClassVar[int] = 0  # its rows are counted: all of them must be seen
    answered: ClassVar[bool] = True

    def __init__(self, request: str, digest: str) -> None:
        super().__init__(draw.full_view)
        self._drawn = (request, digest)

    def draw(self, scene: Scene) -> None:
        """The request; closes itself when it is no longer the focused one."""
        if scene.approval.focus != self._drawn[0]:
            self.room.close(self)
            return
        super().draw(scene)
        if not scene.looking.notice:
            self.pane("notice").show(draw.answer(scene, self.room.size.width))

    def judge(self, scene: Scene) -> None:
        """As in the room, on this surface."""
        request = scene.request
        if request is not None and (request.id, request.digest) == self._drawn:
            self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        if self.room.screen is self and (page := self.pane("page")).size.height:
            judged(self, page, self._drawn, "full")
