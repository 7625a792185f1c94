"""All that there is of a session, row by row as its story tells it, oldest first: for a search through everything.

It belongs to whoever searches, not to the daemon: whoever holds agents must not be held up by a look at years of logs. What is
read is forgotten but for the newest rows that are looked for.
"""

import glob
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path

from controlroom.agents import TRANSCRIPTS
from controlroom.agents.gated import always
from controlroom.agents.transcript import Heard, Transcript, moment
from controlroom.daemon.following import MOST_LOGS, size_of, whole
from controlroom.daemon.story import Story
from controlroom.model.clock import Instant
from controlroom.model.view import LogView
from controlroom.storage.chain import Damaged, Stored
from controlroom.storage.logbook import Listed
from controlroom.storage.newest import every
from controlroom.storage.port import KernelStorage
from controlroom.storage.segments import segments

STEP = 500  # rows of logs and journal at once

_Item = tuple[int, Heard | Stored | None]  # None: nothing but work was done


class Past:
    """`rows`: the newest `most` that `holds` says yes to; `found`: how many there were. `done` of `size` bytes: gone through.

    `wrong`: what could not be read, in words.
    """

    def __init__(self, listed: Listed, journal: Path, holds: Callable[[LogView], bool], most: int) -> None:
        self._listed, self._journal, self._holds = listed, journal, holds
        self.rows: deque[LogView] = deque(maxlen=most)
        self.found = self.done = self.size = 0
        self.wrong: list[str] = []
        self._story = Story(listed.session, gated=always(listed.kind), gone=self._take)
        self._items = heapq.merge(*self._sources(), key=itemgetter(0))

    def go_on(self) -> bool:
        """Look at some more; whether there is more. Blocking."""
        came = 0
        for at, item in itertools.islice(self._items, STEP):
            came += 1
            if isinstance(item, Heard):
                self._story.entry(Instant(0, at), item.told, item.claimed, item.subagent, True)
            elif item is not None and item.record is not None:
                self._story.note(item.seq, item.record)
        if came == STEP:
            return True
        for row in self._story.rows():
            self._take(row)
        self.done = self.size
        return False

    def _take(self, row: LogView) -> None:
        if self._holds(row):
            self.rows.append(row)
            self.found += 1

    def _sources(self) -> Iterator[Iterator[_Item]]:
        """Each gives what it has with the time of it, which never goes back."""
        transcript = TRANSCRIPTS.get(self._listed.kind)
        if transcript is not None:
            named = [log.path for log in self._listed.logs if log.origin == "transcript"]
            beside = [path for log in named if (pattern := transcript.side_logs(log)) for path in glob.iglob(pattern)]
            for path in itertools.islice(dict.fromkeys([*named, *beside]), MOST_LOGS):
                self.size += size_of(path)
                yield self._told(transcript, path)
        self.size += sum(size_of(str(segment)) for segment in segments(KernelStorage(), self._journal))
        yield self._noted()

    def _told(self, transcript: Transcript, path: str) -> Iterator[_Item]:
        at = 0
        for size, heard in whole(transcript, path):
            self.done += size
            yield at, None
            for one in heard:
                at = max(at, moment(one.claimed) or 0)
                yield at, one

    def _noted(self) -> Iterator[_Item]:
        at = 0
        try:
            for size, records in every(self._journal, self._listed.session):
                self.done += size
                yield at, None
                for stored in records:
                    at = max(at, stored.record.at.wall if stored.record is not None else 0)
                    yield at, stored
        except Damaged as error:
            self.wrong.append(f"the journal is damaged at record {error.seq}: {error.why}. See: controlroom audit verify")
        except OSError as error:
            self.wrong.append(f"the journal cannot be read: {error}")
