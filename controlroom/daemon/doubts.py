"""The doubts about sessions that no operator has cleared yet: folded from the journal, so they outlive the daemon."""

from collections import OrderedDict
from typing import get_args

import msgspec

from controlroom.model.event import DoubtKind
from controlroom.model.record import Kind, Record

MOST_SESSIONS = 512
MOST_KEPT = 32  # texts of one session; the others are counted
KINDS = get_args(DoubtKind)


class _Alarm(msgspec.Struct, frozen=True):
    kind: str
    text: str
    call: str = ""


class Doubts:
    """`note` takes every record."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, list[_Alarm]] = OrderedDict()
        self._more: dict[str, int] = {}

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.CLEARED:
            self._open.pop(record.session, None)
            self._more.pop(record.session, None)
        elif record.kind is Kind.ALARM and record.session:
            alarm = msgspec.json.decode(record.body, type=_Alarm)
            if alarm.kind in KINDS:
                self._add(record.session, alarm)

    def _add(self, session: str, alarm: _Alarm) -> None:
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
