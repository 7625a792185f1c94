"""`audit export`: the journal for other programs, line by line."""

import csv
import io
import socket
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.effect import Effect
from controlroom.model.record import Intent, Kind, Receipt, Record
from controlroom.model.request import Decision
from controlroom.model.tier import Tier
from controlroom.model.touched import Seen
from controlroom.storage.chain import Stored, previous_of
from controlroom.text.redact import redact
from controlroom.text.safe import show

_COLUMNS = (
    *(
        "seq",
        "receipt",
        "session",
        "stage",
        "asked_wall_ns",
        "started_wall_ns",
        "ended_wall_ns",
        "agent",
        "tool",
        "input",
        "cwd",
    ),
    *("tier", "verdict", "by", "reason", "outcome", "note", "digest"),
    *("decided_wall_ns", "shown_ms", "effects_declared", "effects_observed", "undo", "undone_by"),
)
# A spreadsheet runs a cell that begins with one of these (also in their full-width forms) as a formula.
_FORMULA = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


_TYPES = {Kind.INTENT: "requested", Kind.DECISION: "decision", Kind.OUTCOME: "outcome"}
_RISKS = {Tier.T0: "low", Tier.T1: "low", Tier.T2: "medium", Tier.T3: "high", Tier.TX: "critical"}


def jsonl(records: Iterable[Stored]) -> Iterator[str]:
    """One CloudEvents 1.0 object a record, in `seq` order, each on its line.

    `id` is the sum of the stored line and `data.chain` the sum before it, so that each event can be found in the journal; the
    names in `data` are those of the public conventions for agents' receipts where there is one (`tool_name`,
    `correlation_id`, `parameters_hash`, `risk_level`), and `body` is the record as stored. A record of an unknown kind has its
    line as `raw`.
    """
    source = f"urn:controlroom:{socket.gethostname()}"
    boot = ""
    for stored in records:
        if stored.record is not None and stored.record.kind in (Kind.OPENED, Kind.SEGMENT):
            boot = str(_mapping(stored.record.body).get("boot", boot))
        yield msgspec.json.encode(_event(stored, source, boot)).decode() + "\n"


def _event(stored: Stored, source: str, boot: str) -> dict[str, object]:
    data: dict[str, object] = {"seq": stored.seq, "chain": {"previous_receipt_hash": f"sha256:{previous_of(stored.raw)}"}}
    event: dict[str, object] = {"specversion": "1.0", "id": f"sha256:{stored.sum}", "source": source}
    record = stored.record
    if record is None:
        raw = stored.raw.decode("utf-8", "backslashreplace").removesuffix("\n")
        return {**event, "type": f"dev.controlroom.{stored.kind}.v1", "data": {**data, "raw": raw}}
    body = _mapping(record.body)
    data |= {"kind": record.kind, "boot_id": boot, "monotonic_ns": record.at.boot, "body": body}
    data |= _conventional(record, body)
    return {
        **event,
        "type": f"dev.controlroom.{_TYPES.get(record.kind, record.kind)}.v1",
        "time": _time(record.at),
        "subject": "/".join(part for part in (record.session, record.receipt) if part),
        "datacontenttype": "application/json",
        "data": data,
    }


def _conventional(record: Record, body: dict[str, object]) -> dict[str, object]:
    """The parts of a body under the names that other programs know."""
    try:
        if record.kind is Kind.INTENT:
            intent = msgspec.json.decode(record.body, type=Intent)
            action = {
                "tool_name": intent.action.tool,
                "correlation_id": intent.call,
                "parameters_hash": f"hmac-sha256:{intent.digest}",
                "risk_level": _RISKS[intent.assessment.tier],
                "cwd": intent.action.cwd,
            }
            return {
                "agent": {"name": intent.agent, "session_id": record.session, "agent_id": intent.subagent},
                "action": action,
            }
        if record.kind is Kind.DECISION:
            decision = msgspec.json.decode(record.body, type=Decision)
            told = {"result": decision.verdict, "by": decision.by, "reason": decision.reason}
            return {"decision": {**told, "decided_at": _time(decision.at), "shown_ms": decision.shown_ms}}
        if record.kind is Kind.SEEN:
            return {"observed": msgspec.to_builtins(msgspec.json.decode(record.body, type=Seen))}
        if record.kind is Kind.OUTCOME:
            return {"outcome": {"status": "success" if body.get("ok") else "failure"}}
    except msgspec.MsgspecError:
        pass  # the body is there as it is
    return {}


def _mapping(raw: msgspec.Raw) -> dict[str, object]:
    body = msgspec.json.decode(raw)
    return body if isinstance(body, dict) else {"value": body}


def _time(at: Instant) -> str:
    """RFC 3339; a clock that was set far off is shown as the ends of what that can say."""
    seconds = min(max(at.wall // 1_000_000_000, 0), 253_402_300_799)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at.wall // 1_000_000 % 1000:03d}Z"


def receipts_csv(receipts: Iterable[Receipt]) -> Iterator[str]:
    """A head line, then a line a receipt. Text of others is escaped as on screen, and no cell can be run as a formula."""
    yield _row(_COLUMNS)
    for receipt in receipts:
        yield _row(_cells(receipt))


def _cells(receipt: Receipt) -> tuple[str, ...]:
    intent, decision, outcome = receipt.intent, receipt.decision, receipt.outcome
    return (
        *(str(receipt.seq), receipt.id, receipt.session, receipt.stage),
        *(_wall(receipt.at), _wall(receipt.started), _wall(receipt.ended)),
        *(intent.agent, intent.action.tool, intent.action.input, intent.action.cwd, intent.assessment.tier),
        *((decision.verdict, decision.by, decision.reason) if decision else ("", "", "")),
        *("" if outcome is None else "ok" if outcome.ok else "failed", receipt.note, intent.digest),
        *((_wall(decision.at), "" if decision.shown_ms is None else str(decision.shown_ms)) if decision else ("", "")),
        *(_declared(intent.assessment.effects), _observed(receipt.seen)),
        *(_undo(receipt), receipt.undone),
    )


def _declared(effects: Iterable[Effect]) -> str:
    """Each effect with its targets, as policy found them."""
    return "; ".join(f"{effect.kind} {', '.join(target.path for target in effect.targets)}".rstrip() for effect in effects)


def _observed(seen: Seen | None) -> str:
    """What the disk showed while the act was under way, or why nobody can tell."""
    if seen is None or seen.why:
        return f"not observed: {seen.why}" if seen else "not observed"
    told = (("create", seen.created), ("write", seen.written), ("delete", seen.deleted))
    lists = [f"{kind} {', '.join(paths)}" for kind, paths in told if paths]
    return "; ".join([*lists, *([f"and {seen.more} more"] if seen.more else [])]) or "nothing changed"


def _undo(receipt: Receipt) -> str:
    if receipt.saved is not None and receipt.saved.seal:
        return "saved"
    return f"no: {(receipt.saved.why if receipt.saved else '') or receipt.intent.assessment.undo_why}".removesuffix(": ")


def _wall(at: Instant | None) -> str:
    return "" if at is None else str(at.wall)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(text: str) -> str:
    shown = show(redact(text))
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
