"""Facts that are asked for only while their tab is open: story, processes, permissions and settings of the selected agent."""

import msgspec

from controlroom.model.permissions import Permissions
from controlroom.model.view import LayerView, ProcessView, StoryView
from controlroom.tui.link import HasContact, Outcome
from controlroom.tui.looking import Looking
from controlroom.tui.scene import Scene

LOG_TAB = 1
PROCESSES_TAB = 3
PERMISSIONS_TAB = 5
CONFIG_TAB = 6


class Facts:
    """Asks at most once at a time, and puts what comes back where the operator looks."""

    def __init__(self, link: HasContact, looking: Looking) -> None:
        self._link = link
        self._looking = looking
        self._asking = False

    def ask(self, scene: Scene) -> None:
        """Asks for what the open tab shows."""
        tabs = {LOG_TAB: "story", PROCESSES_TAB: "processes", PERMISSIONS_TAB: "permissions", CONFIG_TAB: "layers"}
        method = tabs.get(scene.looking.tab)
        if method is None or scene.agent is None or self._asking or scene.contact.state != "live":
            return
        known = self._looking.stories.get(scene.agent.id) if method == "story" else None
        newer = {"seq": known.seq} if known else {}
        self._asking = self._link.order(method, self._take, session=scene.agent.id, **newer)

    def _take(self, outcome: Outcome) -> None:
        """Runs in the order's thread: whole tuples are put in place of old ones."""
        session = str(outcome.params["session"])
        try:
            if outcome.method == "story":
                self._tell(session, outcome)
            elif outcome.method == "processes" and not outcome.code:
                self._looking.processes = {session: msgspec.convert(outcome.result, tuple[ProcessView, ...])}
            elif outcome.method == "permissions" and not outcome.code:
                self._looking.permissions = {session: msgspec.convert(outcome.result, Permissions)}
            elif not outcome.code:
                self._looking.layers = {session: msgspec.convert(outcome.result, tuple[LayerView, ...])}
        finally:
            if outcome.method != "story" or outcome.result is not None:
                self._looking.touch()
            self._asking = False

    def _tell(self, session: str, outcome: Outcome) -> None:
        """A story that is as it was stays."""
        if not outcome.code and outcome.result is not None:
            self._looking.stories = {session: msgspec.convert(outcome.result, StoryView)}
