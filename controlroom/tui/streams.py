"""Lines of the selected agent's logs for the merged stream of its Log tab: asked for only while that is open, as they come."""

import time
from collections.abc import Callable

import msgspec

from controlroom.model.view import LineView, LogSource
from controlroom.tui.keys import LOG
from controlroom.tui.link import HasContact, Outcome
from controlroom.tui.looking import Looking
from controlroom.tui.scene import Scene

MOST = 500  # lines that are kept
WAIT_SECONDS = 10.0  # that the daemon holds a question back until there is something new
LEAST_SECONDS = 1.0  # that an answer without lines takes
NO_EVENT = 1 << 62  # events come with the snapshots


class _Told(msgspec.Struct):
    lines: tuple[LineView, ...] = ()
    logs: tuple[LogSource, ...] = ()
    open: tuple[LineView, ...] = ()
    opens: int = 0


class Streams:
    """One question at a time is under way for the agent that is looked at; what comes for another one is dropped."""

    def __init__(self, link: HasContact, looking: Looking, news: Callable[[], object]) -> None:
        self._link, self._looking, self._news = link, looking, news
        self._session = ""  # whose lines are kept
        self._opens = 0  # the number of the lines without an end that were told last
        self._asking = ""  # the session that is asked about
        self._asked = 0.0  # when
        self._failed = -1  # the snapshot on which a question was refused: it is asked again on a newer one

    def look(self, scene: Scene) -> None:
        """Ask for what comes next, where the stream of an agent with logs is open and nobody asks already."""
        agent, view, looking = scene.agent, scene.view, scene.looking
        open_ = looking.tab == LOG and not looking.source(agent) and scene.contact.state == "live"
        if (
            agent is None
            or view is None
            or not open_
            or not agent.stream
            or self._asking == agent.id
            or self._failed == view.seq
        ):
            return
        if self._session != agent.id:
            self._session, self._opens, looking.lines, looking.open = agent.id, 0, {}, {}
        kept = looking.lines.get(agent.id, ())
        self._asking, self._failed, self._asked = agent.id, view.seq, time.monotonic()
        asked = {"session": agent.id, "paths": agent.stream, "event": NO_EVENT, "wait": WAIT_SECONDS}
        self._link.order("log_lines", self._take, after=kept[-1].seq if kept else 0, opens=self._opens, **asked)

    def _take(self, outcome: Outcome) -> None:
        """Runs in the order's thread: a whole tuple is put in place of the old one, and the next frame asks again."""
        session = str(outcome.params["session"])
        if self._asking == session:
            self._asking = ""
        if outcome.code or session != self._session:
            return
        told, looking = msgspec.convert(outcome.result, _Told), self._looking
        lines = told.lines
        others = told.opens != self._opens
        self._opens = told.opens
        if lines or others or looking.logs.get(session) != told.logs:
            looking.lines = {session: (*looking.lines.get(session, ()), *lines)[-MOST:]}
            looking.open = {session: told.open}
            looking.logs = {session: told.logs}
            looking.touch()
        if (
            lines or others or time.monotonic() - self._asked >= LEAST_SECONDS
        ):  # else it does not wait: asked again on a new snapshot
            self._failed = -1
            self._news()
