"""Everything that is drawn, by name: the one list that golden tests and property tests go through."""

from collections.abc import Callable

from msgspec.structs import replace

from controlroom.model.agent import SessionState
from controlroom.model.tier import Tier
from controlroom.model.touched import DiffView, FilesView, FileView, OpenFile
from controlroom.model.view import LayerView, LogSource, ProcessesView, ProcessView, RoomView
from controlroom.tui import keys
from controlroom.tui.glyphs import Glyphs
from controlroom.tui.line import Line
from controlroom.tui.render import (
    agents,
    config,
    files,
    footer,
    log,
    pending,
    permissions,
    processes,
    receipts,
    request,
    status,
    stop,
    tabs,
)
from controlroom.tui.render import help as help_page
from tests.support import views

Draw = Callable[[RoomView, int, Glyphs], list[Line]]
ALL = ""  # of the sessions
ASKED = keys.Context(pending=2, tier=Tier.T2, agent=SessionState.RUNNING)


def _requests(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    return [line for r in pending.order(view.pending) for line in request.render(r, view.now, width, glyphs)]


def _full(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    return [line for r in pending.order(view.pending) for line in request.render(r, view.now, width, glyphs, full=True)]


def _inbox(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    first = next(iter(pending.order(view.pending)), None)
    return pending.render(view, first.id if first else "", width, glyphs, frozenset(r.id for r in view.pending[1:]))


def _agents(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    return agents.render(view, view.agents[0].id if view.agents else "", width, glyphs)


def _tree(view: RoomView) -> ProcessesView:
    """Processes that are called as the agents are."""
    others = [
        ProcessView(
            7, 1, a.name[:1], (a.name, a.tool), 1.0, 9, 1, 70.0, a.name, whole=True, cwd=a.name, waits=a.tool,
            listening=(a.name,), connected=(a.tool,),
        )
        for a in view.agents
    ]  # fmt: skip
    told = views.processes()
    return replace(told, rows=(*told.rows, *others))


def _files(view: RoomView) -> FilesView:
    """Files that are called as the agents are."""
    told = views.files()
    others = [FileView(a.name, "written", view.now, 1, a.tool, a.kind) for a in view.agents]
    opened = [OpenFile(a.name, 7, True) for a in view.agents]
    return replace(told, rows=(*told.rows, *others), open=(*told.open, *opened))


def _differences(view: RoomView) -> list[DiffView | None]:
    """None yet, none to be had, and one that says what the host is called."""
    text = f"--- a\n+++ a\n@@ -1 +1 @@\n-old\n+{view.status.host}\n"
    return [None, DiffView(why=view.status.host), DiffView(view.status.host, text), DiffView("git HEAD")]


def _story(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    """A story, its head figures, and every row of it on a page of its own; the hostile name stands in all of its texts."""
    told = views.story()
    name = view.agents[0].name if view.agents else ""
    if not name.isascii():
        told = replace(
            told, rows=tuple(replace(r, text=name, more=name, gate=name, outcome=name, call=name) for r in told.rows)
        )
    found = log.render(view, "s-claude-1", width, glyphs, at=2, story=told)
    return [*found, *(line for row in told.rows for line in log.detail(row, width, glyphs))]


def _layers(view: RoomView) -> tuple[LayerView, ...]:
    return (*views.layers(), *(LayerView(a.name, True, a.tool, a.kind) for a in view.agents))


def _permissions(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    agent = view.agents[0] if view.agents else None
    known = views.permissions(agent.name) if agent else None
    return permissions.render(view, agent, known, width, glyphs)


def _config(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    return config.render(_layers(view), view.agents[0] if view.agents else None, width, glyphs, now=view.now)


def _pages(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    """The detail of every row there is."""
    found: list[Line] = []
    for receipt in view.receipts:
        found += receipts.detail(receipt, width, glyphs)
    for row in view.log:
        found += log.detail(row, width, glyphs)
    for touched in files.select(_files(view)):
        for diff in _differences(view):
            found += files.detail(touched, diff, width, glyphs)
    for layer in _layers(view):
        found += config.detail(layer, view.now, width, glyphs)
    for process in _tree(view).rows:
        found += processes.detail(process, width, glyphs)
    return found


def _receipt(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    """The whole of three: one that is over, one denied, one cut off under a grant and without an undo."""
    return [line for receipt in view.receipts[0:5:2] for line in receipts.detail(receipt, width, glyphs)]


def _lacks(view: RoomView, width: int, glyphs: Glyphs) -> list[Line]:
    """The bar of the tabs where lines are dropped, where logs are looked at every second, and where both."""
    name = view.agents[0].name if view.agents else ""
    told = ((4_200, ""), (0, f"the watch limit {name}"), (999, f"the watch limit {name}"))
    logs = [LogSource("/w/app.log", "run", 5_000, dropped, "", polled) for dropped, polled in told]
    return [
        line for one in logs for line in tabs.render([c.label for c in keys.TABS], 1, width, glyphs, notes=log.lacks((one,)))
    ]


# Panes with data of agents: every line of theirs stands behind the gutter.
DATA: dict[str, Draw] = {
    "log": lambda v, w, g: log.render(v, ALL, w, g, at=1),
    "story": lambda v, w, g: _story(v, w, g),
    "receipts": lambda v, w, g: receipts.render(v, ALL, w, g, at=0),
    "receipt": _receipt,
    "processes": lambda v, w, g: processes.render(_tree(v), w, g),
    "files": lambda v, w, g: files.render(_files(v), v.now, w, g, at=0, top=views.PROJECT),
    "permissions": _permissions,
    "config": _config,
    "pages": _pages,
    "filtered": lambda v, w, g: log.render(v, ALL, w, g, find=v.status.host + "never"),
}
OTHERS: dict[str, Draw] = {
    "status": lambda v, w, g: status.render(v, status.Link(), w, g),
    "status_lost": lambda v, w, g: status.render(v, status.Link(v.status.host, 400, True), w, g),
    "status_advisory": lambda v, w, g: status.render(v, status.Link(advisory=True), w, g),
    "status_none": lambda v, w, g: status.render(None, status.Link(v.status.host), w, g),
    "agents": _agents,
    "pending": _inbox,
    "request": _requests,
    "request_full": _full,
    "stop": lambda v, w, g: stop.render(v, (v.status.host,), w, g),
    "stop_none": lambda v, w, g: stop.render(None, (v.status.host,), w, g),
    "tabs": lambda v, w, g: tabs.render([c.label for c in keys.TABS], 2, w, g, find=v.status.host),
    "tabs_lacks": _lacks,
}
# Drawn from the key table alone.
KEYED: dict[str, Draw] = {
    "footer": lambda _, w, g: footer.render(keys.hints(ASKED), w, g),
    "footer_stop": lambda _, w, g: footer.render(keys.hints(keys.Context(scope="stop", latch="5f3a")), w, g),
    "help": lambda _, w, g: help_page.render(keys.sections(ASKED), w, g),
}
DRAWN: dict[str, Draw] = {**DATA, **OTHERS, **KEYED}
