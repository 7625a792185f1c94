"""The doubts about sessions that no operator has cleared yet: folded from the journal, so they outlive the daemon."""

from collections import OrderedDict
from typing import get_args

import msgspec

from controlroom.model.event import DoubtKind
from controlroom.model.record import Kind, Record
from controlroom.storage.notes import Carried, Standing, StandingAlarm

MOST_SESSIONS = 512
MOST_KEPT = 32  # texts of one session; the others are counted
MOST_CARRIED = 8  # of them that a new segment of the journal takes along
MOST_TEXT = 500  # characters of each of those
KINDS = get_args(DoubtKind)


class Doubts:
    """`note` takes every record."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, list[StandingAlarm]] = OrderedDict()
        self._more: dict[str, int] = {}

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.CLEARED:
            self._open.pop(record.session, None)
            self._more.pop(record.session, None)
        elif record.kind is Kind.ALARM and record.session:
            alarm = msgspec.json.decode(record.body, type=StandingAlarm)
            if alarm.kind in KINDS:
                self._add(record.session, alarm)
        elif record.kind is Kind.CARRIED:
            standing = msgspec.json.decode(record.body, type=Carried).standing
            if standing is not None:
                self._open = OrderedDict((one.session, list(one.alarms)) for one in standing)
                self._more = {one.session: one.more for one in standing if one.more}

    def standing(self) -> tuple[Standing, ...]:
        """Those of all sessions, as a new segment of the journal takes them along."""
        return tuple(Standing(session, *self._carried(session, alarms)) for session, alarms in self._open.items())

    def _carried(self, session: str, alarms: list[StandingAlarm]) -> tuple[tuple[StandingAlarm, ...], int]:
        first = tuple(msgspec.structs.replace(alarm, text=alarm.text[:MOST_TEXT]) for alarm in alarms[:MOST_CARRIED])
        return first, len(alarms) - len(first) + self._more.get(session, 0)

    def _add(self, session: str, alarm: StandingAlarm) -> None:
        kept = self._open.setdefault(session, [])
        if len(kept) < MOST_KEPT:
            kept.append(alarm)
        else:
            self._more[session] = self._more.get(session, 0) + 1
        while len(self._open) > MOST_SESSIONS:
            self._more.pop(self._open.popitem(last=False)[0], None)

    def of(self, session: str) -> tuple[str, ...]:
        """The texts, oldest first; the last one counts what is not kept."""
        texts = tuple(alarm.text for alarm in self._open.get(session, ()))
        more = self._more.get(session, 0)
        return (*texts, f"and {more} more of the kind") if more else texts

    def of_call(self, session: str, call: str) -> tuple[str, ...]:
        """Those about one call."""
        return tuple(alarm.text for alarm in self._open.get(session, ()) if call and alarm.call == call)
