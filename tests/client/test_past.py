"""A search through all of a session: its logs and the journal in the order of their times, in bounded memory."""

import json
from pathlib import Path

import msgspec
import pytest

from controlroom.client import past as room
from controlroom.client.past import Past
from controlroom.model.clock import SECOND, Instant
from controlroom.model.record import Kind, Record
from controlroom.model.view import LogSource
from controlroom.storage.logbook import Listed
from tests.storage.support import opened


def said(number: int, at: int) -> str:
    message = {"id": f"m{number}", "role": "assistant", "content": [{"type": "text", "text": f"said {number}"}]}
    return json.dumps({"type": "assistant", "message": message, "timestamp": at}) + "\n"


@pytest.fixture
def listed(tmp_path: Path) -> Listed:
    """Every second a line of its log, and every tenth second a record; another session's stand between them."""
    tmp_path.chmod(0o700)
    log = tmp_path / "s.jsonl"
    log.write_text("".join(said(number, 1_000_000 + number) for number in range(1_000)))
    journal = opened(tmp_path / "journal")
    for number in range(5, 1_000, 10):
        at = Instant(number, (1_000_000 + number) * SECOND + 1)
        for session in ("s", "other"):
            body = msgspec.json.encode({"kind": "test", "text": f"noted {number}"})
            journal.append(Record(Kind.ALARM, at, session, "", msgspec.Raw(body)))
    journal.close()
    return Listed("s", "a", "claude-code", (LogSource(str(log), "transcript"),))


def through(past: Past) -> list[str]:
    while past.go_on():
        pass
    return [row.text for row in past.rows if "noted" in row.text or "said" in row.text]


def test_all_of_it_is_found_in_order_and_each_once(listed: Listed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "STEP", 7)
    past = Past(listed, tmp_path / "journal", lambda row: True, 10_000)
    wanted = [text for n in range(1_000) for text in (f"said {n}", *([f"noted {n}"] if n % 10 == 5 else []))]
    assert [text.removeprefix("test: ") for text in through(past)] == wanted
    assert past.done == past.size > 0 and not past.wrong


def test_of_what_holds_the_newest_are_kept_and_all_are_counted(listed: Listed, tmp_path: Path) -> None:
    past = Past(listed, tmp_path / "journal", lambda row: "said" in row.text, 3)
    assert through(past) == ["said 997", "said 998", "said 999"]
    assert past.found == 1_000


def test_a_journal_that_is_damaged_is_told_and_the_rest_searched(listed: Listed, tmp_path: Path) -> None:
    segment = tmp_path / "journal" / "00000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b"noted 505", b"noted 606"))
    past = Past(listed, tmp_path / "journal", lambda row: "noted" in row.text, 10_000)
    found = through(past)
    assert len(found) == 50 and "damaged" in past.wrong[0]


def test_a_session_without_a_log_of_its_own_has_the_journal(listed: Listed, tmp_path: Path) -> None:
    bare = msgspec.structs.replace(listed, kind="process", logs=())
    assert len(through(Past(bare, tmp_path / "journal", lambda row: True, 10_000))) == 100
