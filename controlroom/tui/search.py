"""The Log tab's filter on all of an agent's story, in a thread of its own: the room holds only the newest rows of it."""

import threading
from collections.abc import Callable
from typing import NamedTuple

from controlroom.model.ready import ready_for_threads
from controlroom.model.view import LogView
from controlroom.storage.paths import Places
from controlroom.tui.keys import LOG
from controlroom.tui.looking import Looking, Past
from controlroom.tui.scene import Scene

MOST = 400  # rows that are shown of what was found
SETTLED_SECONDS = 0.3  # without another letter, until a search begins
NEWS = 50  # steps between two tellings


class _Wanted(NamedTuple):
    session: str
    find: str


class Search:
    """One at a time, for the agent and the filter that are looked at. `news` is called in its thread."""

    def __init__(self, places: Places, looking: Looking, news: Callable[[], object]) -> None:
        self._places, self._looking, self._news = places, looking, news
        self._wanted: _Wanted | None = None
        self._over = threading.Event()

    def look(self, scene: Scene) -> None:
        """Begin, where the story has more than the room was told; what is not wanted any more is given up."""
        agent, looking = scene.agent, scene.looking
        story = looking.stories.get(agent.id) if agent is not None else None
        merged = looking.tab == LOG and not looking.source(agent) and looking.filter
        wanted = _Wanted(agent.id, looking.filter) if agent is not None and merged and story and story.older else None
        if wanted == self._wanted:
            return
        self.close()
        self._wanted = wanted
        if wanted is not None:
            self._over = threading.Event()
            threading.Thread(target=self._run, args=(wanted, self._over), name="controlroom-search", daemon=True).start()

    def close(self) -> None:
        """Nothing is looked for any more."""
        self._over.set()
        self._wanted = None
        self._looking.searched(None)

    def _run(self, wanted: _Wanted, over: threading.Event) -> None:
        if over.wait(SETTLED_SECONDS):
            return
        from controlroom.client import past  # by the first search: the first paint does not wait for it
        from controlroom.storage import logbook
        from controlroom.tui.render.log import holds

        ready_for_threads()  # what came with these; a search that is given up, and a log's reader, may run beside this one
        listed = next((one for one in logbook.load(self._places.agents)[0] if one.session == wanted.session), None)
        if listed is None:
            return

        def found(row: LogView) -> bool:
            return holds(wanted.find, row)

        search = past.Past(listed, self._places.journal, found, MOST)
        step, more = 0, True
        while more and not over.is_set():
            more, step = search.go_on(), step + 1
            if not over.is_set() and (not more or step % NEWS == 0):
                share = search.done / search.size if more and search.size else 1.0
                wrong = "; ".join(search.wrong)
                self._looking.searched(Past(wanted.session, wanted.find, tuple(search.rows), search.found, share, wrong))
                self._news()
