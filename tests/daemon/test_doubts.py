"""Alarms that nobody has cleared outlive the daemon, and the segment of the journal in which they were written down."""

import msgspec

from controlroom.daemon.doubts import MOST_CARRIED, Doubts
from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage.notes import Carried


def record(kind: Kind, body: object, session: str = "s") -> Record:
    return Record(kind, Instant(1, 1), session, "", msgspec.Raw(msgspec.json.encode(body)))


def alarm(number: int, session: str = "s") -> Record:
    return record(Kind.ALARM, {"kind": "ungated", "text": f"alarm {number}", "call": f"c{number}"}, session)


def carried(doubts: Doubts) -> Record:
    return record(Kind.CARRIED, Carried(standing=doubts.standing()), "")


def test_a_new_segment_takes_along_what_stands() -> None:
    before, after = Doubts(), Doubts()
    for number in range(40):
        before.note(alarm(number))
    before.note(alarm(1, "other"))
    before.note(alarm(1, "cleared"))
    before.note(record(Kind.CLEARED, {"by": "op"}, "cleared"))
    after.note(carried(before))
    assert after.of("s") == (*(f"alarm {n}" for n in range(MOST_CARRIED)), f"and {40 - MOST_CARRIED} more of the kind")
    assert after.of_call("s", "c3") == ("alarm 3",) and after.of("other") == ("alarm 1",)
    assert after.of("cleared") == ()


def test_what_is_read_twice_counts_once() -> None:
    doubts, whole = Doubts(), Doubts()
    for one in (alarm(1), alarm(2)):
        doubts.note(one)
        whole.note(one)
    whole.note(carried(doubts))
    assert whole.of("s") == ("alarm 1", "alarm 2")


def test_a_segment_of_a_version_that_took_none_along_takes_none_away() -> None:
    doubts = Doubts()
    doubts.note(alarm(1))
    doubts.note(record(Kind.CARRIED, {"sessions": [], "open": [], "pins": {}}, ""))
    assert doubts.of("s") == ("alarm 1",)
