"""Journal records in the words of the Log tab."""

import msgspec
import pytest

from controlroom.daemon import words
from controlroom.daemon.accepted import Pin
from controlroom.daemon.stream import MOST_AT, MOST_KEPT, MOST_LAST, MOST_LOG, Stream
from controlroom.model.action import Action
from controlroom.model.agent import StopResult
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.record import Intent, Kind, Record
from controlroom.model.request import Decision, Grant
from controlroom.model.snapshot import Saved, Undone
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
        (Kind.ALARM, {"kind": "journal", "text": "no space"}, "journal: no space"),
        (Kind.CONFIG, Pin("manifest", "ab" * 32, "operator:ada"), "manifest abababababab in force, by operator:ada"),
        (Kind.LATCHED, {"stop_id": "7f3a", "by": "operator:ada"}, "EMERGENCY STOP 7f3a, by operator:ada"),
        (Kind.RESET, {"stop_id": "7f3a", "by": "ada"}, "emergency stop 7f3a is over, by ada; what it paused stays paused"),
        (Kind.DISMISSED, {"by": "operator:ada"}, "the daemon is ended, by operator:ada; agents go on"),
        (Kind.REVOKED, {"id": "g1", "by": "expired"}, "grant g1 is over, by expired"),
        (Kind.REFUSED, {"request": "r1", "verdict": "allow", "by": "ada", "why": "gone"}, "allow by ada was not taken: gone"),
        (Kind.REJECTED, {"pid": 7, "why": "not JSON"}, "a message of process 7: not JSON"),
        (Kind.OBSERVED, {"event": "Stop", "claim": "c", "subagent": "", "note": ""}, "Stop"),
        (Kind.OBSERVED, {"event": "Stop", "claim": "c", "subagent": "b1", "note": "done"}, "Stop of subagent b1: done"),
        (Kind.INTERRUPTED, {"why": "the session ended"}, "the session ended"),
        (Kind.SNAPSHOT, Saved("ab", 3, 12345), "saved 3 files, 12,345 bytes"),
        (Kind.SNAPSHOT, Saved("ab", 1, 4), "saved 1 file, 4 bytes"),
        (Kind.SNAPSHOT, Saved("", why="too large"), "nothing was saved: too large"),
        (Kind.UNDONE, Undone("r2"), "taken back by receipt r2"),
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


def _intent(number: int, session: str, text: str = "ls") -> Record:
    body = Intent("d", Action("Bash", msgspec.json.encode({"command": text}).decode(), "/w"), make.assessment(), session)
    return Record(Kind.INTENT, Instant(number, number), session, f"r{number}", msgspec.Raw(msgspec.json.encode(body)))


@pytest.mark.parametrize("text", ["ls", "echo " + "x" * MOST_KEPT])
def test_a_stream_gives_the_newest_lines_and_what_each_session_is_at(text: str) -> None:
    stream = Stream()
    for number in range(MOST_LOG + 10):
        stream.note(number, _intent(number, f"s{number % 2}", text))
    stream.note(999, Record(Kind.SEAL, AT))
    lines = stream.lines()
    assert [line.seq for line in lines] == list(range(10, MOST_LOG + 10))
    assert stream.last("s1") == (Instant(MOST_LOG + 9, MOST_LOG + 9), f"Bash: {text}"[:206])
    assert stream.last("nobody") == (None, "")
    assert stream.lines() == lines


def test_a_session_is_at_the_newest_of_what_is_not_over_yet() -> None:
    """Two subagents: one builds, the other has looked at something meanwhile."""
    stream = Stream()
    for number, text in enumerate(("make", "ls")):
        stream.note(number, _intent(number, "s", text))
    assert stream.last("s", lambda receipt: True)[1] == "Bash: ls"
    assert stream.last("s", lambda receipt: receipt == "r0")[1] == "Bash: make"
    assert stream.last("s", lambda receipt: False)[1] == "Bash: ls", "the last thing, where nothing is under way"
    for number in range(2, MOST_AT + 2):
        stream.note(number, _intent(number, "s", f"echo {number}"))
    assert stream.last("s", lambda receipt: receipt in ("r0", "r9"))[1] == "Bash: echo 9", "so many are remembered"


def test_a_stream_forgets_the_sessions_it_heard_of_first() -> None:
    stream = Stream()
    for number in range(MOST_LAST + 1):
        stream.note(number, _intent(number, f"s{number}"))
    assert stream.last("s0") == (None, "")
    assert stream.last("s1")[1] == "Bash: ls"
