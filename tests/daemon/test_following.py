"""The logs of a session: subagents' too, what was there before, what was cut or replaced, and a document written anew."""

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlroom.agents import TRANSCRIPTS
from controlroom.daemon import following
from controlroom.daemon.following import Batch, Following
from controlroom.model.told import Said, Unknown
from tests.support.mutator import recorded


def said(text: str) -> str:
    return json.dumps({"type": "assistant", "message": {"id": "m", "content": [{"type": "text", "text": text}]}}) + "\n"


def texts(batch: Batch) -> list[tuple[str, bool]]:
    return [(came.heard.told.text, came.before) for came in batch.came if isinstance(came.heard.told, Said)]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "s1.jsonl"


def follow(log: Path, kind: str = "claude-code") -> Following:
    logs = Following(TRANSCRIPTS[kind])
    logs.add(str(log))
    return logs


def add(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(text)


def test_what_was_there_before_is_told_as_such(log: Path) -> None:
    add(log, said("old"))
    logs = follow(log)
    add(log, said("new"))
    assert texts(logs.read()) == [("old", True), ("new", False)]
    add(log, said("newer"))
    assert texts(logs.read()) == [("newer", False)]
    logs.close()


def test_a_log_that_is_not_there_yet_is_all_new(log: Path) -> None:
    logs = follow(log)
    assert logs.read().came == []
    add(log, said("first"))
    assert texts(logs.read()) == [("first", False)]
    logs.close()


def test_of_a_long_log_the_end_is_read_and_that_there_is_more_is_told(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "BACK", 300)
    add(log, said("old") * 20 + said("last"))
    logs = follow(log)
    batch = logs.read()
    assert batch.partial
    assert 1 < len(texts(batch)) < 10
    assert texts(batch)[-1] == ("last", True)
    logs.close()


@pytest.mark.row("G07")
def test_after_a_cut_everything_is_new_and_the_cut_is_told(log: Path) -> None:
    add(log, said("old") * 3)
    logs = follow(log)
    logs.read()
    log.write_text(said("forged"), encoding="utf-8")
    batch = logs.read()
    assert ["cut or rewritten" in why for why in batch.wrong] == [True]
    assert ("forged", False) in texts(batch)
    logs.close()


@pytest.mark.row("G07")
def test_another_file_in_its_place_is_told(log: Path, tmp_path: Path) -> None:
    add(log, said("old"))
    logs = follow(log)
    logs.read()
    (tmp_path / "other").write_text(said("forged"), encoding="utf-8")
    os.replace(tmp_path / "other", log)
    batches = [logs.read(), logs.read()]
    assert [why for batch in batches for why in batch.wrong] == [f"{log}: another file lies in its place"]
    assert [one for batch in batches for one in texts(batch)] == [("forged", False)]
    logs.close()


def test_subagents_logs_are_read_too_and_later_ones_from_their_begin(log: Path) -> None:
    add(log, said("old"))
    beside = log.with_suffix("") / "subagents"
    beside.mkdir(parents=True)
    add(beside / "agent-a.jsonl", said("old sub"))
    logs = follow(log)
    assert texts(logs.read()) == [("old", True), ("old sub", True)]
    add(beside / "agent-b.jsonl", said("new sub"))
    assert texts(logs.read()) == [("new sub", False)]
    assert len(logs.paths) == 3
    logs.close()


def test_of_a_line_that_is_too_long_the_begin_is_kept(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MOST_LINE", 1000)
    logs = follow(log)
    add(log, said("x" * 5000) + said("after"))
    batch = logs.read()
    assert texts(batch) == [("after", False)]
    told = batch.came[0].heard.told
    assert isinstance(told, Unknown)
    assert told.kind == f"a line of {len(said('x' * 5000)) - 1} bytes"
    logs.close()


def test_a_document_is_read_again_when_it_was_written_anew(tmp_path: Path) -> None:
    chat = tmp_path / "session-1.json"
    messages = [{"id": f"m{number}", "type": "gemini", "content": f"text {number}"} for number in range(3)]

    def write(count: int) -> None:
        chat.write_text(json.dumps({"sessionId": "s", "messages": messages[:count]}, indent=2), encoding="utf-8")

    write(1)
    logs = follow(chat, "gemini")
    assert texts(logs.read()) == [("text 0", True)]
    assert texts(logs.read()) == []
    write(3)
    assert texts(logs.read()) == [("text 1", False), ("text 2", False)]
    logs.close()


def test_a_link_is_not_followed(log: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(said("secret"), encoding="utf-8")
    log.symlink_to(tmp_path / "secret")
    logs = follow(log)
    assert texts(logs.read()) == []
    logs.close()


@pytest.mark.row("R06")
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=12))
@settings(max_examples=30)
def test_lines_that_come_in_pieces_tell_the_same(sizes: list[int]) -> None:
    """The recorded transcript, written piece by piece and read in between: the same entries as in one go."""
    [_, (_, lines)] = recorded("claude-code")
    whole = b"\n".join(lines[:40]) + b"\n"
    reader = TRANSCRIPTS["claude-code"].reader("log")
    expected = [heard for line in lines[:40] for heard in reader.read(line)]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "s1.jsonl"
        logs = follow(log)
        came = []
        for size in (*sizes, len(whole)):
            with log.open("ab") as file:
                file.write(whole[file.tell() : file.tell() + size])
            came += logs.read().came
        came += logs.read().came
        logs.close()
    assert [one.heard for one in came] == expected
    assert not any(one.before for one in came)
