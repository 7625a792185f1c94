"""Receipts: the records of one act, folded into how far it came.

After a crash (J07) an act that was allowed, or started, without an outcome is open: whether it ran is unknown. It is never
released again; the daemon that starts next closes it with an `interrupted` record. An act with an
intent and no decision was never released, so it did not run through us.
"""

from collections.abc import Iterable

import msgspec

from controlroom.model.action import Action
from controlroom.model.effect import Assessment
from controlroom.model.record import Intent, Kind, Outcome, Receipt, Record, Stage
from controlroom.model.request import Decision
from controlroom.model.snapshot import Saved, Undone
from controlroom.model.tier import Tier, Verdict
from controlroom.model.touched import Seen
from controlroom.storage.chain import Stored

_OPEN = (Stage.ALLOWED, Stage.STARTED)


class _Why(msgspec.Struct, frozen=True):
    """Body of records that end an act without an outcome."""

    why: str = ""


def fold(records: Iterable[Stored]) -> dict[str, Receipt]:
    """All receipts by id, oldest intent first. A body that cannot be read is said in the receipt's note, never raised."""
    receipts: dict[str, Receipt] = {}
    for stored in records:
        if stored.record is None or not stored.record.receipt:
            continue
        receipt = advance(receipts.get(stored.record.receipt), stored.seq, stored.record)
        if receipt is not None:
            receipts[receipt.id] = receipt
    return receipts


def open_receipts(receipts: Iterable[Receipt]) -> list[Receipt]:
    """Those allowed or started without an outcome, in the given order: after a crash nobody knows what came of them."""
    return [receipt for receipt in receipts if is_open(receipt)]


def is_open(receipt: Receipt) -> bool:
    """Whether it was allowed or started, and nobody has told how it ended."""
    return receipt.stage in _OPEN


def where_it_stopped(receipt: Receipt) -> str:
    """What is known of an act that nobody has told the end of, in words for operator and agent."""
    if receipt.stage is Stage.STARTED:
        return "it was released and the agent had its answer; how far it came is not known"
    return "it was allowed, and whether the agent ever had the answer is not known"


def gaps(receipt: Receipt) -> tuple[str, ...]:
    """What a complete receipt would have and this one does not, in words; () for an act that was never released."""
    if receipt.stage in (Stage.INTENT, Stage.DENIED):
        return () if receipt.decision else ("no decision is recorded",)
    missing = [
        ("no decision is recorded", receipt.decision is None),
        ("nobody told that it began", receipt.started is None),
        ("nobody told how it ended", receipt.outcome is None),
        ("no snapshot of its targets", bool(receipt.intent.assessment.targets) and not (receipt.saved and receipt.saved.seal)),
        (_unseen(receipt), bool(receipt.intent.assessment.effects) and bool(_unseen(receipt))),
    ]
    return tuple(text for text, lacks in missing if lacks)


def _unseen(receipt: Receipt) -> str:
    """Why nobody can tell what it did, "" = sensors looked."""
    if receipt.seen is None:
        return "its effects were not observed: no sensor of ours saw what it did"
    return f"its effects were not observed: {receipt.seen.why}" if receipt.seen.why else ""


def brief(receipt: Receipt) -> Receipt:
    """The same without its long texts, for what a new segment takes along."""
    intent, a = receipt.intent, receipt.intent.assessment
    action = msgspec.structs.replace(intent.action, input=intent.action.input[:2000])
    short = Assessment(a.tier, a.reasons[:3], undo=a.undo, undo_why=a.undo_why)
    kept = msgspec.structs.replace(intent, action=action, assessment=short, says=intent.says[:200])
    return msgspec.structs.replace(receipt, intent=kept)


def advance(receipt: Receipt | None, seq: int, record: Record) -> Receipt | None:
    """The receipt after one more of its records; None where `record` belongs to no act or changes nothing before an intent."""
    if not record.receipt or record.kind not in _STEPS:
        return receipt
    try:
        if record.kind is Kind.INTENT:
            intent = msgspec.json.decode(record.body, type=Intent)
            return Receipt(record.receipt, seq, record.session, Stage.INTENT, record.at, intent)
        return _step(receipt or _without_intent(seq, record), record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        known = receipt or _without_intent(seq, record)
        # The stage is still told: an allow that cannot be read in full is an allow.
        note = f"the {record.kind} record {seq} cannot be read: {error}"
        stage = _STEPS[record.kind] or known.stage
        return msgspec.structs.replace(known, stage=stage, note=note)


_STEPS = {
    Kind.INTENT: Stage.INTENT,
    Kind.SNAPSHOT: None,
    Kind.UNDONE: None,
    Kind.SEEN: None,
    Kind.DECISION: None,  # its verdict tells
    Kind.STARTED: Stage.STARTED,
    Kind.OUTCOME: None,
    Kind.INTERRUPTED: Stage.INTERRUPTED,
    Kind.UNDELIVERED: Stage.UNDELIVERED,
}


def _step(receipt: Receipt, record: Record) -> Receipt:
    change = msgspec.structs.replace
    if record.kind is Kind.DECISION:
        decision = msgspec.json.decode(record.body, type=Decision)
        return change(receipt, decision=decision, stage=_decided(receipt.stage, decision.verdict))
    if record.kind is Kind.SNAPSHOT:
        return change(receipt, saved=msgspec.json.decode(record.body, type=Saved))
    if record.kind is Kind.UNDONE:
        return change(receipt, undone=msgspec.json.decode(record.body, type=Undone).by)
    if record.kind is Kind.SEEN:
        return change(receipt, seen=msgspec.json.decode(record.body, type=Seen))
    if record.kind is Kind.STARTED:
        return change(receipt, stage=Stage.STARTED, started=record.at)
    if record.kind is Kind.OUTCOME:
        outcome = msgspec.json.decode(record.body, type=Outcome)
        stage = Stage.DONE if outcome.ok else Stage.FAILED
        return change(receipt, stage=stage, ended=record.at, outcome=outcome, note=outcome.note)
    why = msgspec.json.decode(record.body, type=_Why).why
    stage = Stage.INTERRUPTED if record.kind is Kind.INTERRUPTED else Stage.UNDELIVERED
    return change(receipt, stage=stage, ended=record.at, note=why)


def _decided(stage: Stage, verdict: Verdict) -> Stage:
    """A denial before the start wins over an allow, whichever came first (S5)."""
    if stage is Stage.INTENT:
        return Stage.ALLOWED if verdict is Verdict.ALLOW else Stage.DENIED
    return Stage.DENIED if stage is Stage.ALLOWED and verdict is Verdict.DENY else stage


def _without_intent(seq: int, record: Record) -> Receipt:
    """A receipt for an act whose intent cannot be shown: everything about it is unknown, and said to be."""
    intent = Intent("", Action("", "", ""), Assessment(Tier.T3, ()), "")
    note = "no readable intent record"
    return Receipt(record.receipt, seq, record.session, Stage.INTENT, record.at, intent, note=note)
