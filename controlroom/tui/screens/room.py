"""The room: status, agents, what waits for an answer, tabs, and a footer."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from controlroom.tui import draw
from controlroom.tui.approval_events import Surface
from controlroom.tui.keys import LOG, Scope
from controlroom.tui.line import Line, say
from controlroom.tui.render import request as request_lines
from controlroom.tui.render import sheet as sheet_lines
from controlroom.tui.scene import Scene
from controlroom.tui.screens.base import OurScreen
from controlroom.tui.screens.plan import Plan, plan
from controlroom.tui.widgets.pane import Pane

LEAST_ROWS = 3  # of a request; in fewer nobody can judge anything
PARTS = ("status", "agents", "inbox", "request", "answer", "tabbar", "tab", "notice", "footer")


class RoomScreen(OurScreen):
    """Draws the parts where the plan puts them; knows which request it drew, and how much of it was seen."""

    scope: ClassVar[Scope] = "room"
    DEFAULT_CSS = """
    RoomScreen { layout: vertical; overflow: hidden; }
    RoomScreen #body { height: 1fr; overflow: hidden; }
    RoomScreen #asks, RoomScreen #tabs { width: 100%; height: auto; overflow: hidden; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._plan: Plan | None = None
        self._drawn: tuple[str, str] = ("", "")  # id and digest of the request in the panel
        self._tab: tuple[int, str, str] = (0, "", "")  # the tab that was drawn last, whose it was, and of which log

    def compose(self) -> ComposeResult:
        """The panes, in reading order."""
        edge = (say(self.room.glyphs.gutter, "dim"),)
        made = {name: Pane(self.room.looks(name), name=name, filler=edge if name == "tab" else ()) for name in PARTS}
        yield made["status"]
        yield made["agents"]
        with Container(id="body"):
            with Vertical(id="asks"):
                yield from (made[name] for name in ("inbox", "request", "answer"))
            with Vertical(id="tabs"):
                yield from (made[name] for name in ("tabbar", "tab"))
        yield made["notice"]
        yield made["footer"]

    def draw(self, scene: Scene) -> None:
        """All parts; those that did not change are not repainted."""
        width, height = self.room.size
        wanted = self._wanted(scene, width, height)
        if wanted != self._plan:
            self._lay_out(wanted)
        self.room.read(draw.shown_log(scene), wanted.tabs - 1 - sheet_lines.HEAD)
        room = draw.room(scene, wanted, width)
        self._draw_request(scene, room.pop("request"))
        for name, lines in room.items():
            self.pane(name).show(lines)
        for name, at in (("agents", draw.agent_row(scene)), ("inbox", draw.inbox_row(scene))):
            if at is not None:
                self.pane(name).go(at)
        self._scroll_tab(scene)

    def _wanted(self, scene: Scene, width: int, height: int) -> Plan:
        """Where everything goes; the request is measured first, so that its keys stand right below it."""
        view = scene.view
        agents, waiting = (len(view.agents) or 3, len(view.pending)) if view else (4, 0)
        whole = plan(width, height, agents=agents, waiting=waiting, tab_first=scene.looking.tab_first)
        if scene.request is None or not whole.request:
            return whole
        asked = len(draw.request_lines(scene, whole.left or width))
        return plan(width, height, agents=agents, waiting=waiting, tab_first=scene.looking.tab_first, asked=asked)

    def _draw_request(self, scene: Scene, lines: list[Line]) -> None:
        request, panel = scene.request, self.pane("request")
        drawn = (request.id, request.digest) if request else ("", "")
        panel.show(lines)
        if drawn != self._drawn:
            self._drawn = drawn
            panel.scroll_to(y=0, animate=False, force=True)

    def _scroll_tab(self, scene: Scene) -> None:
        tab, by_itself = self.pane("tab"), draw.shown_log(scene)  # its rows are all that is there: the reader scrolls
        shown = (scene.looking.tab, scene.agent.id if scene.agent else "", by_itself)
        tab.follow = scene.looking.tab == LOG and scene.looking.follow and not by_itself
        if shown != self._tab:
            self._tab = shown
            tab.scroll_to(y=len(tab.lines) if tab.follow else 0, animate=False, force=True)
        if (at := draw.tab_row(scene)) is not None:
            tab.go(at)

    def _lay_out(self, wanted: Plan) -> None:
        self._plan = wanted
        for name, rows in zip(
            PARTS,
            (1, wanted.agents, wanted.inbox, wanted.request, wanted.answer, 1, wanted.tabs - 1, wanted.notice, wanted.footer),
            strict=True,
        ):
            pane = self.pane(name)
            pane.display = rows > 0
            pane.styles.height = max(0, rows)
        body, asks, tabs = (self.query_one(f"#{name}") for name in ("body", "asks", "tabs"))
        tabs.display = wanted.tabs > 1
        asks.display = wanted.inbox + wanted.request > 0
        body.display = tabs.display or asks.display
        body.styles.layout = "horizontal" if wanted.left else "vertical"
        asks.styles.width = wanted.left or "100%"
        tabs.styles.width = "1fr" if wanted.left else "100%"
        self.room.relaid()

    def judge(self, scene: Scene) -> None:
        """Asks to be called back when this frame is on the terminal, and says then what of the request was in it."""
        request = scene.request
        if request is None or (request.id, request.digest) != self._drawn or not self._plan or not self._plan.request:
            return
        self.call_after_refresh(self._painted, self.pane("request").lines)

    def _painted(self, lines: list[Line]) -> None:
        if self.room.screen is not self:
            return
        panel = self.pane("request")
        if panel.lines is not lines or not panel.size.height:
            return
        judged(self, panel, self._drawn, "panel")

    def move(self, command: str) -> None:
        """Moves in the region that the operator is in; where a request waits, pages are the request's."""
        looking, view = self.room.looking, self.room.contact.view
        reading = bool(self._plan and self._plan.request and self.room.desk.now.focus)
        if looking.region == "agents" and command in ("up", "down"):
            if view:
                looking.select(view, -1 if command == "up" else 1)
            return
        in_tab = looking.region == "tab" or not reading
        if in_tab and draw.shown_log(self.room.scene()):
            self.room.reader.move(command)
            return
        if looking.region == "tab" and draw.has_rows(looking.tab):
            looking.move(command, draw.count(self.room.scene()), max(1, self.pane("tab").size.height - 1))
            return
        scroll(self.pane("tab" if in_tab else "request"), command)
        if in_tab:
            looking.follow = command == "last" or (looking.follow and self.pane("tab").at_end)
        looking.touch()


def judged(screen: OurScreen, panel: Pane, drawn: tuple[str, str], surface: Surface) -> None:
    """What of the request was in the frame that is on the terminal now."""
    lines = list(panel.lines)
    bound = sum(1 for line in lines if line and line[0].style == "ask")
    whole = panel.top == 0 and request_lines.fits(lines, panel.size.height)
    too_small = panel.size.width < request_lines.LEAST or panel.size.height < LEAST_ROWS
    end = bool(bound) and panel.top + panel.size.height >= bound
    screen.room.shown(drawn, whole=whole, too_small=too_small, end=end, surface=surface)


def scroll(pane: Pane, command: str) -> None:
    """Scrolls a pane by a command of the group Moving."""
    page = max(1, pane.size.height - 1)
    far = len(pane.lines)
    pane.move({"up": -1, "down": 1, "page-up": -page, "page-down": page, "first": -far, "last": far}[command])
