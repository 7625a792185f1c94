"""The stories of all sessions, by session. Bounded: of sessions that are long over the oldest go first."""

from collections import OrderedDict

from controlroom.agents import AGENTS
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.story import Born, Story
from controlroom.model.record import Record

MOST_SESSIONS = 256


class Stories:
    """`note` takes every record."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._stories: OrderedDict[str, Story] = OrderedDict()

    def of(self, session: str, kind: str = "") -> Story:
        """The story of a session; a new one knows the receipts of its calls. `kind`: of its agent, where that is known."""
        story = self._stories.get(session)
        if story is None:
            story = self._stories[session] = Story(session)
            for receipt in self._ledger.all():
                if receipt.session == session:
                    story.recall(receipt)
            while len(self._stories) > MOST_SESSIONS:
                self._stories.popitem(last=False)
        if kind:
            story.gated = kind in AGENTS
        return story

    def born(self, session: str, born: list[Born]) -> None:
        """Processes of a session are there that were not at the last look."""
        self.of(session).born(born)

    def note(self, seq: int, record: Record) -> None:
        """A record went into the journal."""
        if record.session:
            self.of(record.session).note(seq, record)
