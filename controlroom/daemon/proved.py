"""What the containment of each session was seen to hold at its start: folded from the journal's records."""

from collections import OrderedDict

import msgspec

from controlroom.model.record import Kind, Record

MOST_SESSIONS = 512


class Proved:
    """By session."""

    def __init__(self) -> None:
        self._walls: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.WALLS:
            self._walls[record.session] = tuple(msgspec.json.decode(record.body, type=dict[str, list[str]])["held"])
            while len(self._walls) > MOST_SESSIONS:
                self._walls.popitem(last=False)

    def walls(self, session: str) -> tuple[str, ...]:
        """What was tried against its walls in vain, in words; () = it has none, or nobody looked."""
        return self._walls.get(session, ())
