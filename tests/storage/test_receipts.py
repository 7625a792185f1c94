"""Receipts folded from records, and exports (J07)."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from controlroom.model.action import Action
from controlroom.model.clock import Instant
from controlroom.model.effect import Assessment, Effect, EffectKind, Target
from controlroom.model.record import Intent, Kind, Outcome, Receipt, Record, Stage
from controlroom.model.request import Decision
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier, Verdict
from controlroom.model.touched import Seen
from controlroom.storage.chain import Stored
from controlroom.storage.export import jsonl, receipts_csv
from controlroom.storage.receipts import advance, fold, gaps, open_receipts, where_it_stopped
from controlroom.storage.segments import read
from tests.storage.support import opened

INTENT = Intent("d1", Action("Bash", '{"command":"=cmd()"}', "/w"), Assessment(Tier.T2, ()), "claude-code")


def at(seconds: int) -> Instant:
    return Instant(seconds, seconds)


def decision(verdict: Verdict) -> Decision:
    return Decision("r", "d1", verdict, "operator:me", "because", at(2))


def row(kind: Kind, body: object = None, seconds: int = 1, receipt: str = "r") -> Record:
    return Record(kind, at(seconds), "s", receipt, msgspec.Raw(msgspec.json.encode(body if body is not None else {})))


ASKED = row(Kind.INTENT, INTENT)
ALLOWED = row(Kind.DECISION, decision(Verdict.ALLOW), 2)
DENIED = row(Kind.DECISION, decision(Verdict.DENY), 2)
STARTED = row(Kind.STARTED, None, 3)


def told(*records: Record) -> Receipt:
    stored = [Stored(seq, record.kind, "", b"", record) for seq, record in enumerate(records, 1)]
    (receipt,) = fold(stored).values()
    return receipt


@pytest.mark.parametrize(
    ("records", "stage"),
    [
        ([ASKED], Stage.INTENT),
        ([ASKED, ALLOWED], Stage.ALLOWED),
        ([ASKED, DENIED], Stage.DENIED),
        ([ASKED, ALLOWED, DENIED], Stage.DENIED),
        ([ASKED, DENIED, ALLOWED], Stage.DENIED),
        ([ASKED, ALLOWED, STARTED], Stage.STARTED),
        ([ASKED, ALLOWED, STARTED, row(Kind.OUTCOME, Outcome(True))], Stage.DONE),
        ([ASKED, ALLOWED, STARTED, row(Kind.OUTCOME, Outcome(False, "exit 1"))], Stage.FAILED),
        ([ASKED, ALLOWED, row(Kind.UNDELIVERED, {"why": "the asker was gone"})], Stage.UNDELIVERED),
        ([ASKED, ALLOWED, STARTED, row(Kind.INTERRUPTED, {"why": "crash"})], Stage.INTERRUPTED),
        ([ASKED, row(Kind.REFUSED, {"why": "wrong digest"})], Stage.INTENT),
    ],
)
def test_how_far_an_act_came(records: list[Record], stage: Stage) -> None:
    assert told(*records).stage is stage


def test_a_receipt_tells_everything() -> None:
    outcome = Outcome(True, "done", 12)
    receipt = told(ASKED, ALLOWED, STARTED, row(Kind.OUTCOME, outcome, 4))
    assert receipt == Receipt("r", 1, "s", Stage.DONE, at(1), INTENT, decision(Verdict.ALLOW), at(3), at(4), outcome, "done")
    assert told(ASKED, row(Kind.INTERRUPTED, {"why": "crash"})).note == "crash"


@pytest.mark.row("J07")
def test_after_a_crash_what_was_allowed_or_started_is_open() -> None:
    ends = {
        "asked": [],
        "denied": [DENIED],
        "allowed": [ALLOWED],
        "started": [ALLOWED, STARTED],
        "done": [ALLOWED, STARTED, row(Kind.OUTCOME, Outcome(True))],
        "interrupted": [ALLOWED, row(Kind.INTERRUPTED)],
    }
    stored = [
        Stored(1, record.kind, "", b"", msgspec.structs.replace(record, receipt=name))
        for name, records in ends.items()
        for record in [ASKED, *records]
    ]
    assert [receipt.id for receipt in open_receipts(fold(stored).values())] == ["allowed", "started"]


def test_a_receipt_says_what_it_lacks() -> None:
    assert gaps(told(ASKED, DENIED)) == ()
    assert gaps(told(ASKED)) == ("no decision is recorded",)
    assert gaps(told(ASKED, ALLOWED)) == ("nobody told that it began", "nobody told how it ended")
    assert gaps(told(ASKED, ALLOWED, STARTED, row(Kind.OUTCOME, Outcome(True)))) == ()
    assert "no readable intent" in told(STARTED).note
    assert "no decision is recorded" in gaps(told(STARTED))


def test_where_an_open_act_stopped_is_told_apart() -> None:
    assert "how far it came is not known" in where_it_stopped(told(ASKED, ALLOWED, STARTED))
    assert "whether the agent ever had the answer" in where_it_stopped(told(ASKED, ALLOWED))


def test_records_without_a_receipt_and_of_unknown_kinds_are_passed_over() -> None:
    stored = [Stored(1, "observed", "", b"", row(Kind.OBSERVED, receipt="")), Stored(2, "newer", "", b"", None)]
    assert fold(stored) == {}
    assert advance(None, 1, row(Kind.REFUSED)) is None


def test_a_body_that_cannot_be_read_is_said_and_never_hides_the_act() -> None:
    receipt = told(row(Kind.INTENT, {"digest": 5}), ALLOWED)
    assert receipt.stage is Stage.ALLOWED
    assert "cannot be read" in receipt.note
    assert told(ALLOWED).note == "no readable intent record"
    assert "cannot be read" in told(ASKED, row(Kind.DECISION, {"verdict": "maybe"})).note


@pytest.mark.row("J07")
def test_a_journal_that_ends_anywhere_folds(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    for record in (ASKED, ALLOWED, STARTED):
        journal.append(record)
    journal.close()
    assert [r.stage for r in open_receipts(fold(read(tmp_path / "j")).values())] == [Stage.STARTED]


def test_jsonl_is_every_record_as_an_event_that_other_programs_know(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append(ASKED)
    journal.close()
    lines = list(jsonl(read(tmp_path / "j")))
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    first, intent, _ = (json.loads(line) for line in lines)
    assert (first["specversion"], first["type"]) == ("1.0", "dev.controlroom.journal.opened.v1")
    assert (intent["type"], intent["subject"], intent["time"]) == (
        "dev.controlroom.requested.v1",
        "s/r",
        "1970-01-01T00:00:00.000Z",
    )
    data = intent["data"]
    assert (data["seq"], data["boot_id"], data["chain"]) == (2, "boot-1", {"previous_receipt_hash": first["id"]})
    assert data["action"] == {
        "tool_name": "Bash", "correlation_id": "", "parameters_hash": "hmac-sha256:d1", "risk_level": "medium", "cwd": "/w",
    }  # fmt: skip
    assert data["body"]["action"]["tool"] == "Bash"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "\uff1d"])
def test_no_csv_cell_is_a_formula_and_none_breaks_the_row(start: str) -> None:
    hostile = msgspec.structs.replace(told(ASKED, DENIED), note=f'{start}cmd|"x"\n1,\x1b[31m', session=f"{start}1")
    table = list(csv.reader(io.StringIO("".join(receipts_csv([hostile, hostile])))))
    assert len(table) == 3
    assert {len(line) for line in table} == {len(table[0])}
    for cell in table[1]:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\t", "\r"))
        assert cell.isprintable()


def test_csv_tells_who_decided_what() -> None:
    head, line = csv.reader(io.StringIO("".join(receipts_csv([told(ASKED, DENIED)]))))
    shown = dict(zip(head, line, strict=True))
    assert (shown["stage"], shown["verdict"], shown["by"], shown["tier"]) == ("denied", "deny", "operator:me", "T2")
    assert shown["started_wall_ns"] == ""


def test_csv_tells_what_was_declared_beside_what_was_seen_and_how_long_it_had_been_shown() -> None:
    seen = Seen(created=("/w/new",), deleted=("/w/a", "/w/b"), more=3)
    full = msgspec.structs.replace(told(ASKED, ALLOWED, STARTED, row(Kind.SEEN, seen)), undone="u1")
    assert full.decision is not None
    full = msgspec.structs.replace(full, decision=msgspec.structs.replace(full.decision, shown_ms=2500))
    effects = (Effect(EffectKind.DELETE, (Target("/w/a"), Target("/w/b"))), Effect(EffectKind.NET))
    assessed = msgspec.structs.replace(full.intent.assessment, effects=effects, undo_why="12 GB over the limit")
    full = msgspec.structs.replace(full, intent=msgspec.structs.replace(full.intent, assessment=assessed))
    unseen = msgspec.structs.replace(full, seen=Seen(why="no workspace"), saved=Saved("seal"), undone="")
    head, *lines = csv.reader(io.StringIO("".join(receipts_csv([full, unseen, told(ASKED, DENIED)]))))
    names = ("effects_declared", "effects_observed", "shown_ms", "undo", "undone_by")
    rows = [tuple(dict(zip(head, line, strict=True))[name] for name in names) for line in lines]
    assert rows == [
        ("delete /w/a, /w/b; net", "create /w/new; delete /w/a, /w/b; and 3 more", "2500", "no: 12 GB over the limit", "u1"),
        ("delete /w/a, /w/b; net", "not observed: no workspace", "2500", "saved", ""),
        ("", "not observed", "", "no", ""),
    ]


@pytest.mark.row("T03")
@given(wall=st.integers(-(2**63), 2**63 - 1))
@example(2**31 * 10**9)
@example(2**63 - 1)
@example(-1)
def test_a_clock_that_is_far_off_is_exported_as_a_time_and_told_as_it_stands(wall: int) -> None:
    record = msgspec.structs.replace(ASKED, at=Instant(1, wall))
    line = b'{"sum":"' + b"0" * 64 + b'","seq":1,"prev":"' + b"0" * 64 + b'","first":1,'
    (event,) = map(json.loads, jsonl([Stored(1, record.kind, "0" * 64, line, record)]))
    moment = datetime.fromisoformat(event["time"])
    if 0 <= wall < 253_402_300_800 * 10**9:
        assert moment == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=wall // 10**6)
    _, row_ = csv.reader(io.StringIO("".join(receipts_csv([told(record)]))))
    assert str(wall) in [cell.removeprefix("'") for cell in row_]
