"""Facts that are asked for only while their tab is open: story, processes, files, permissions and settings of an agent."""

from typing import Any, NamedTuple

import msgspec

from controlroom.model.permissions import Permissions
from controlroom.model.touched import DiffView, FilesView
from controlroom.model.view import LayerView, ProcessesView, StoryView
from controlroom.tui.keys import CONFIG, FILES, LOG, PERMISSIONS, PROCESSES
from controlroom.tui.link import HasContact, Outcome
from controlroom.tui.looking import Looking
from controlroom.tui.scene import Scene

WAIT_SECONDS = 1.0  # that the daemon keeps a question for newer files
MOST_ROWS = 200  # processes of one answer
SHOWN_ROWS = 60  # of them, from the first on screen on, with all that is known of each


class _Way(NamedTuple):
    """How a tab is kept new: the method, and the least seconds between two questions."""

    method: str
    seconds: float


WAYS = {
    LOG: _Way("story", 2.0),
    PROCESSES: _Way("processes", 1.0),
    FILES: _Way("files", 0.1),
    PERMISSIONS: _Way("permissions", 2.0),
    CONFIG: _Way("layers", 2.0),
}

LIVE = (PROCESSES, FILES)  # tabs that move by themselves


class Facts:
    """Asks one question at a time of each sort, and puts what comes back where the operator looks."""

    def __init__(self, link: HasContact, looking: Looking) -> None:
        self._link = link
        self._looking = looking
        self._under_way: set[tuple[str, str]] = set()  # method and session
        self._asked: tuple[tuple[object, ...], float] = ((), 0.0)

    def ask(self, scene: Scene, at: float, top: int = 0) -> None:
        """Asks for what the open tab shows, where that is due. `at`: now, in seconds; `top`: the first row on screen."""
        looking, way = scene.looking, WAYS.get(scene.looking.tab)
        if way is None or scene.agent is None or scene.contact.state != "live":
            return
        session = scene.agent.id
        what = (way.method, session, looking.filter)
        key = (way.method, session)
        if key in self._under_way or (self._asked[0] == what and at - self._asked[1] < way.seconds):
            return
        self._asked = (what, at)
        self._under_way.add(key)
        if not self._link.order(way.method, self._take, session=session, **self._more(way.method, session, top)):
            self._under_way.discard(key)

    def compare(self, session: str, path: str) -> None:
        """Asks how this file differs from what it was."""
        self._looking.diffs = {}
        self._link.order("diff", self._take, session=session, path=path)

    def _more(self, method: str, session: str, top: int) -> dict[str, Any]:
        looking = self._looking
        if method == "story":
            known = looking.stories.get(session)
            return {"seq": known.seq} if known else {}
        if method == "files":
            seen = looking.files.get(session)
            return {"seq": seen.seq, "wait": WAIT_SECONDS} if seen else {}
        if method == "processes":
            there = looking.processes.get(session)
            rows = there.rows[max(0, top - 1) : top + SHOWN_ROWS] if there else ()
            whole = {"whole": [row.pid for row in rows]} if rows and top else {}
            return {"find": looking.filter, "limit": MOST_ROWS, **whole}
        return {}

    def _take(self, outcome: Outcome) -> None:
        """Runs in the order's thread: whole values are put in place of old ones."""
        session = str(outcome.params["session"])
        try:
            if not outcome.code and outcome.result is not None and self._put(session, outcome):
                self._looking.touch()
        finally:
            self._under_way.discard((outcome.method, session))

    def _put(self, session: str, outcome: Outcome) -> bool:
        """Whether what is shown is another now."""
        looking = self._looking
        match outcome.method:
            case "story":
                story = {session: msgspec.convert(outcome.result, StoryView)}
                looking.stories, before = story, looking.stories
                return story != before
            case "processes":
                found = {session: msgspec.convert(outcome.result, ProcessesView)}
                looking.processes, old = found, looking.processes
                return found != old
            case "files":
                files = {session: msgspec.convert(outcome.result, FilesView)}
                looking.files, was = files, looking.files
                return files != was
            case "diff":
                looking.diffs = {str(outcome.params["path"]): msgspec.convert(outcome.result, DiffView)}
            case "permissions":
                permissions = {session: msgspec.convert(outcome.result, Permissions)}
                looking.permissions, known = permissions, looking.permissions
                return permissions != known
            case _:
                layers = {session: msgspec.convert(outcome.result, tuple[LayerView, ...])}
                looking.layers, those = layers, looking.layers
                return layers != those
        return True
