"""The stories of all sessions, by session. Bounded: of sessions that are long over the oldest go first."""

from collections import OrderedDict
from pathlib import Path

import anyio.to_thread

from controlroom.agents.gated import always
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.runner import Runner
from controlroom.daemon.story import MOST_ROWS, Born, Story
from controlroom.model.agent import OVER
from controlroom.model.record import Record
from controlroom.storage.chain import Stored
from controlroom.storage.newest import newest

MOST_SESSIONS = 256


class Stories:
    """`note` takes every record. `head`: the number of the journal's last record from before this daemon."""

    def __init__(self, ledger: Ledger, head: int) -> None:
        self._ledger, self._head = ledger, head
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
            story.gated = story.hooked or always(kind)
        return story

    async def remember(self, runner: Runner, journal: Path) -> None:
        """Once: what the journal holds of the sessions that an earlier daemon began."""
        sessions = [held.session for held in runner.state.sessions.values() if held.session.state not in OVER]
        if not sessions:
            return
        since = min(session.opened.wall for session in sessions)
        ids = [session.id for session in sessions]
        try:
            found = await anyio.to_thread.run_sync(newest, journal, ids, MOST_ROWS, since, abandon_on_cancel=True)
        except OSError as error:
            runner.alarm("journal", f"what the sessions did before this daemon cannot be read: {error}")
            return
        self._past(found)

    def _past(self, found: list[Stored]) -> None:
        records: dict[str, list[tuple[int, Record]]] = {}
        for stored in found:
            if stored.record is not None and stored.seq <= self._head:
                records.setdefault(stored.record.session, []).append((stored.seq, stored.record))
        for session, past in records.items():
            story = self.of(session)
            story.past(past)
            story.older = story.older or len(past) == MOST_ROWS

    def born(self, session: str, born: list[Born]) -> None:
        """Processes of a session are there that were not at the last look."""
        self.of(session).born(born)

    def note(self, seq: int, record: Record) -> None:
        """A record went into the journal."""
        if record.session:
            self.of(record.session).note(seq, record)
