"""What the containment of each session was seen to hold at its start: folded from the journal's records."""

from collections import OrderedDict
from collections.abc import Collection

import msgspec

from controlroom.model.record import Kind, Record
from controlroom.storage.notes import Carried

MOST_SESSIONS = 512


class Proved:
    """By session."""

    def __init__(self) -> None:
        self._walls: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.WALLS:
            self._walls[record.session] = tuple(msgspec.json.decode(record.body, type=dict[str, list[str]])["held"])
        elif record.kind is Kind.CARRIED:
            carried = msgspec.json.decode(record.body, type=Carried).remembered
            self._walls.update(carried.walls if carried is not None else {})
        while len(self._walls) > MOST_SESSIONS:
            self._walls.popitem(last=False)

    def carried(self, sessions: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Those of these sessions, as a new segment of the journal takes them along."""
        return {session: walls for session, walls in self._walls.items() if session in sessions}

    def walls(self, session: str) -> tuple[str, ...]:
        """What was tried against its walls in vain, in words; () = it has none, or nobody looked."""
        return self._walls.get(session, ())
