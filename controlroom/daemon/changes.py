"""The newest changes of files that agents read beside their task: folded from the journal's records, also at a start."""

from collections.abc import Iterable

import msgspec

from controlroom.model.permissions import LayerChange, SeenChange
from controlroom.model.record import Kind, Record
from controlroom.storage.notes import Carried

MOST = 200
MOST_CARRIED = 1 << 20  # bytes of those that a new segment of the journal takes along


class Changes:
    """By id, oldest first."""

    def __init__(self) -> None:
        self._seen: dict[str, SeenChange] = {}

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.LAYER:
            self._add(SeenChange(record.at, msgspec.json.decode(record.body, type=LayerChange)))
        elif record.kind is Kind.CARRIED:
            carried = msgspec.json.decode(record.body, type=Carried).remembered
            for one in carried.changes if carried is not None else ():
                self._add(self._seen.get(one.change.id, one))
        elif record.kind is Kind.LAYER_TAKEN:
            taken = msgspec.json.decode(record.body, type=dict[str, str])
            if seen := self._seen.get(taken["id"]):
                self._seen[taken["id"]] = msgspec.structs.replace(seen, taken=taken["by"])

    def _add(self, seen: SeenChange) -> None:
        self._seen[seen.change.id] = seen
        while len(self._seen) > MOST:
            del self._seen[next(iter(self._seen))]

    def carried(self) -> tuple[SeenChange, ...]:
        """The newest of those that wait, oldest first, as a new segment of the journal takes them along."""
        room, found = MOST_CARRIED, []
        for seen in reversed(self.waiting()):
            room -= len(msgspec.json.encode(seen))
            if room < 0:
                break
            found.append(seen)
        return tuple(reversed(found))

    def all(self) -> tuple[SeenChange, ...]:
        """All that are kept."""
        return tuple(self._seen.values())

    def of(self, paths: Iterable[str]) -> tuple[SeenChange, ...]:
        """The changes of these files."""
        wanted = set(paths)
        return tuple(seen for seen in self._seen.values() if seen.change.path in wanted)

    def waiting(self) -> tuple[SeenChange, ...]:
        """What no operator allowed beforehand or has taken since."""
        return tuple(seen for seen in self._seen.values() if not seen.taken and not seen.change.confirmed)

    def get(self, change: str) -> SeenChange | None:
        """One of them."""
        return self._seen.get(change)
