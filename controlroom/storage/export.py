"""`audit export`: the journal for other programs, line by line."""

import csv
import io
from collections.abc import Iterable, Iterator

from controlroom.model.clock import Instant
from controlroom.model.record import Receipt
from controlroom.storage.chain import Stored
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
)
# A spreadsheet runs a cell that begins with one of these (also in their full-width forms) as a formula.
_FORMULA = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def jsonl(records: Iterable[Stored]) -> Iterator[str]:
    """One JSON object a record, with `seq`, `sum`, `kind`, `at`, `session`, `receipt`, `body`, as stored.

    Records of unknown kinds are exported, too: every line is what the journal holds, ended by a line break.
    """
    for stored in records:
        yield stored.raw.decode()


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
    )


def _wall(at: Instant | None) -> str:
    return "" if at is None else str(at.wall)


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(text: str) -> str:
    shown = show(redact(text))
    return f"'{shown}" if shown.lstrip().startswith(_FORMULA) else shown
