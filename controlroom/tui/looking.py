"""Where the operator looks: the selected agent, the tab, filters, marks. Nothing of it matters to anybody but this screen."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from controlroom.model.agent import OVER
from controlroom.model.permissions import Permissions
from controlroom.model.touched import DiffView, FilesView
from controlroom.model.view import AgentView, LayerView, LineView, LogSource, LogView, ProcessesView, RoomView, StoryView
from controlroom.tui.keys import LOG
from controlroom.tui.sheet import Sheet

Region = Literal["agents", "request", "tab"]
REGIONS: tuple[Region, ...] = ("agents", "request", "tab")


class Past(NamedTuple):
    """What a search through all of a story has found: its newest rows, and how many there are; `share` of it is looked at."""

    session: str
    find: str
    rows: tuple[LogView, ...]
    total: int
    share: float
    wrong: str = ""


@dataclass
class Looking:
    """Changed by the keys that only look; `version` grows with every change, so that a frame knows whether to draw."""

    agent: str = ""
    tab: int = 1
    region: Region = "agents"
    tab_first: bool = False
    follow: bool = True
    row: int = 0
    filters: dict[int, str] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    files: dict[str, FilesView] = field(default_factory=dict)
    diffs: dict[str, DiffView] = field(default_factory=dict)  # by path
    processes: dict[str, ProcessesView] = field(default_factory=dict)
    layers: dict[str, tuple[LayerView, ...]] = field(default_factory=dict)
    stories: dict[str, StoryView] = field(default_factory=dict)
    permissions: dict[str, Permissions] = field(default_factory=dict)
    lines: dict[str, tuple[LineView, ...]] = field(default_factory=dict)
    open: dict[str, tuple[LineView, ...]] = field(default_factory=dict)  # of its logs, lines without an end yet
    logs: dict[str, tuple[LogSource, ...]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    sheet: Sheet | None = None
    past: Past | None = None
    notice: str = ""
    wrong: bool = False
    until: float = 0.0
    later: list[str] = field(default_factory=list)
    version: int = 0

    def touch(self) -> None:
        """Something changed that is drawn."""
        self.version += 1

    def say(self, text: str, *, wrong: bool = False, seconds: float = 0.0, at: float = 0.0) -> None:
        """The remark under the room; "" takes it away. With `seconds` it goes by itself so long after `at`."""
        if not text and self.later:
            text, wrong = self.later.pop(0), True
        self.until = at + seconds if seconds else float("inf")
        if (text, wrong) != (self.notice, self.wrong):
            self.notice, self.wrong = text, wrong
            self.touch()

    def say_all(self, problems: Sequence[str]) -> None:
        """What is wrong, one remark after another: a key takes the first away, and the next one comes."""
        count = len(problems)
        self.later = [f"{number} of {count}: {text}" if count > 1 else text for number, text in enumerate(problems, 1)]
        self.say("")

    def fade(self, at: float) -> None:
        """Takes a remark away whose time is over."""
        if self.notice and at >= self.until:
            self.say("")

    def selected(self, view: RoomView | None) -> AgentView | None:
        """The selected agent; where none is, or it is gone from the view, the first that is not over."""
        agents = view.agents if view else ()
        alive = next((a for a in agents if a.state not in OVER), agents[0] if agents else None)
        return next((a for a in agents if a.id == self.agent), alive)

    def select(self, view: RoomView, by: int) -> None:
        """Goes so many agents down or up, not beyond the ends."""
        ids = [a.id for a in view.agents]
        if not ids:
            return
        now = self.selected(view)
        at = ids.index(now.id) if now else 0
        self.agent = ids[max(0, min(len(ids) - 1, at + by))]
        self.row = 0
        self.touch()

    def go_tab(self, tab: int) -> None:
        """Shows this tab."""
        self.tab, self.row, self.tab_first, self.region = tab, 0, True, "tab"
        self.touch()

    def move(self, command: str, count: int, page: int) -> None:
        """Goes to another of `count` rows; whoever moves does not follow, but for the way to the end of the Log tab."""
        last = max(0, count - 1)
        follows = self.tab == LOG and self.follow
        at = last if follows else min(self.row, last)
        by = {"up": -1, "down": 1, "page-up": -page, "page-down": page, "first": -count, "last": count}[command]
        self.row = max(0, min(last, at + by))
        if self.tab == LOG:
            self.follow = command == "last" or (follows and by > 0)
        self.touch()

    def stay(self, count: int) -> None:
        """Follows the Log tab's newest line, or stays at it while newer ones come."""
        self.follow = not self.follow
        self.row = self.row if self.follow else max(0, count - 1)
        self.touch()

    def source(self, agent: AgentView | None) -> str:
        """The path of the agent's log that the Log tab shows by itself, "" = the merged stream."""
        chosen = self.sources.get(agent.id, "") if agent is not None else ""
        return chosen if agent is not None and any(log.path == chosen for log in agent.logs) else ""

    def next_source(self, agent: AgentView | None) -> None:
        """The Log tab shows the next log of the agent by itself; after the last one the merged stream again."""
        if agent is None:
            return
        paths = ["", *(log.path for log in agent.logs)]
        self.sources[agent.id] = paths[(paths.index(self.source(agent)) + 1) % len(paths)]
        self.follow, self.row = True, 0
        self.touch()

    def read(self, sheet: Sheet | None) -> None:
        """What was read of the log that is shown by itself; whoever moved in it does not follow any more."""
        if sheet is not self.sheet:
            self.sheet = sheet
            self.follow = sheet.follow if sheet is not None else self.follow
            self.touch()

    def came(self, session: str) -> tuple[LineView, ...]:
        """The lines of a session's logs, those that have no end yet last."""
        return (*self.lines.get(session, ()), *self.open.get(session, ()))

    def searched(self, past: Past | None) -> None:
        """What the search for the Log tab's filter has found so far; None = there is none."""
        if past is not self.past:
            self.past = past
            self.touch()

    def found(self, session: str) -> Past | None:
        """What is found of this session with the filter as it is now."""
        past = self.past
        return past if past is not None and (past.session, past.find) == (session, self.filter) else None

    def go_region(self, by: int) -> None:
        """Goes to another part of the screen."""
        self.region = REGIONS[(REGIONS.index(self.region) + by) % len(REGIONS)]
        self.tab_first = self.region == "tab"
        self.touch()

    def mark(self, wanted: str) -> None:
        """Marks it, or takes the mark away."""
        self.marks = self.marks ^ {wanted}
        self.touch()

    @property
    def filter(self) -> str:
        """What lines of this tab must hold."""
        return self.filters.get(self.tab, "")
