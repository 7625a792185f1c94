"""Journal records in the words of the Log tab."""

import msgspec
import pytest

from controlroom.daemon import words
from controlroom.model.agent import StopResult
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.record import Kind, Record
from controlroom.model.request import Decision, Grant
from controlroom.model.tier import Verdict
from tests.support import core_make as make

AT = Instant(1, 2)
GRANT = Grant("g1", "s1", (EffectKind.DELETE,), 3, AT, "operator:ada", ("rm", "-rf", "build"))


@pytest.mark.parametrize(
    ("kind", "body", "line"),
    [
        (Kind.SESSION, make.session(), "s1 begins, SUPERVISED, held by cgroup"),
        (Kind.SESSION, {"state": "paused", "note": "by ada"}, "paused: by ada"),
        (Kind.SESSION, {"state": "ended", "note": ""}, "ended"),
        (Kind.GRANT, GRANT, "rm -rf build, 3 uses, by operator:ada"),
        (Kind.STOP, {"act": "freeze", "by": "operator:ada"}, "freeze, by operator:ada"),
        (Kind.PROOF, StopResult("s1", "kill", "ECHILD", 12), "kill: ECHILD after 12 ms"),
        (Kind.PROOF, StopResult("s1", "kill", "", 2000, why="one is left"), "kill: NOT CONFIRMED after 2000 ms; one is left"),
        (Kind.ALARM, {"kind": "journal", "text": "no space"}, "kind journal, text no space"),
    ],
)
def test_a_record_is_one_line_that_can_be_read(kind: Kind, body: object, line: str) -> None:
    assert words.of(Record(kind, AT, body=msgspec.Raw(msgspec.json.encode(body)))) == line


@pytest.mark.parametrize(("reason", "line"), [("", "allow by operator:ada"), ("go", "allow by operator:ada: go")])
def test_a_decision_ends_with_its_last_word(reason: str, line: str) -> None:
    decision = Decision("r1", "digest", Verdict.ALLOW, "operator:ada", reason, AT)
    assert words.of(Record(Kind.DECISION, AT, body=msgspec.Raw(msgspec.json.encode(decision)))) == line


def test_a_record_of_another_shape_is_shown_raw_and_never_dropped() -> None:
    assert words.of(Record(Kind.GRANT, AT, body=msgspec.Raw(b'{"newer":1}'))) == '{"newer":1}'
    assert words.of(Record(Kind.SESSION, AT, body=msgspec.Raw(b'{"state":"newer"}'))) == "newer"
