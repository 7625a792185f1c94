"""The story of a session: what its log tells and what the journal holds of it, in the order of arrival, each call once with its
gate record and its outcome. Bounded; words are made only when somebody looks.

What was there before us has no arrival: it stands where the journal has it, and a log's lines in their own order, among the
records by the times that they claim.
"""

from bisect import insort
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from controlroom.agents.transcript import moment, touched
from controlroom.daemon import words
from controlroom.daemon.account import Account
from controlroom.daemon.doubts import KINDS
from controlroom.daemon.naming import Naming
from controlroom.model.action import Action
from controlroom.model.clock import SECOND, Instant
from controlroom.model.record import Intent, Kind, Receipt, Record
from controlroom.model.request import Decision
from controlroom.model.tier import Tier, Verdict
from controlroom.model.told import (
    Began,
    Changed,
    Compacted,
    Cost,
    Entry,
    Noted,
    Prompt,
    Said,
    Spending,
    Spent,
    SubagentEnded,
    SubagentStarted,
    Thought,
    ToolResult,
    ToolUse,
    Unknown,
)
from controlroom.model.view import LogView, StoryView
from controlroom.text.redact import redact

MOST_ROWS = 400
MOST_CALLS = 2048
MOST_UNKNOWN = 64  # kinds that are counted one by one
MOST_TEXT = 2048  # characters of a row that are kept
MOST_LINE = 200  # of them in the line
MOST_RECORD = 1024  # bytes of a record that waits for its words
MOST_FILES = 16
MOST_PROCESSES = 8  # of a call
MOST_OPEN = 64  # of the newest calls that are asked whether a process began while they were under way
TICK = SECOND // 100  # ns; a process's start is told no finer
MOST_TIME = 40  # characters of a time as it is written
# Told by the row of their call, where there is one.
OF_A_CALL = (Kind.INTENT, Kind.SNAPSHOT, Kind.DECISION, Kind.OUTCOME, Kind.SEEN, Kind.UNDELIVERED, Kind.INTERRUPTED)
NO_GATE = "no gate"
UNSEEN = {True: "from before", False: "no gate record"}  # never nothing: else a tool's own name could pass for our word


class _Alarm(msgspec.Struct, frozen=True):
    kind: str
    call: str = ""


class Born(NamedTuple):
    """A process that was seen for the first time. `start`: ns since boot; `name`: as it calls itself."""

    start: int
    pid: int
    name: str


class _Call:
    """A tool call, from both sides. `row`: its log has told of it."""

    def __init__(self) -> None:
        self.tool = self.input = self.receipt = self.answer = self.outcome = self.said = self.doubt = ""
        self.unseen = ""  # why there is no gate record, where that was looked into
        self.tier: Tier | None = None
        self.row = self.open = False  # `open`: it is told of, and its agent had no gate then
        self.files: tuple[str, ...] = ()
        self.began = self.ended = 0  # ns since boot, 0 = not yet
        self.processes: tuple[str, ...] = ()
        self.drawn: LogView | None = None  # since it changed last


class _Placed(NamedTuple):
    """A row where it stands: ns since 1970, and of equal ones the first that was put there."""

    at: int
    number: int
    row: Entry | tuple[int, Record] | LogView


class Story:
    """One session's. `gated`: whether its calls must come to the gate; `hooked`: a hook of it says so. `model`, `mode`: as told
    last. `gone`: takes each row that is no longer kept. `older`: there were such rows.
    """

    def __init__(self, session: str = "", *, gated: bool = True, gone: Callable[[LogView], object] | None = None) -> None:
        self._session, self.gated, self._gone = session, gated, gone
        self.hooked = False
        self.version = 0
        self._rows: list[_Placed] = []
        self._came = self._claimed = 0  # ns since 1970: where the last row stands that came, and the last from before us
        self._placed = 0
        self._calls: OrderedDict[str, _Call] = OrderedDict()
        self._receipts: OrderedDict[str, str] = OrderedDict()  # receipt → call
        self._account = Account()
        self.model = self.mode = ""
        self._seq = 0
        self.unknown: Counter[str] = Counter()
        self.partial = self.older = False
        self.told = 0  # tool calls
        self.naming = Naming()

    @property
    def spending(self) -> Spending:
        """What it used, as its log tells."""
        return self._account.spending(partial=self.partial)

    @property
    def tokens(self) -> int:
        """All tokens that the log has told of since we began to look."""
        return self._account.tokens

    @property
    def cost(self) -> float | None:
        """Dollars that the log has told of since we began to look; None = it tells none."""
        return self._account.cost

    # What comes in

    def entry(self, came: Instant, told: object, claimed: object, subagent: str, before: bool) -> None:
        """One thing that a log told."""
        self.version += 1
        told = self.naming.told(told, None if before else came.boot / 1e9)
        match told:
            case Spent():
                self._account.spend(told, self.model, before=before)
                return
            case Cost():
                self._account.pay(told, before=before)
                return
            case ToolResult():
                self._end(told, came)
                return
            case ToolUse():
                call = self._call(told.call)
                call.tool, call.input, call.row = told.tool, told.input[:MOST_TEXT], True
                call.files = touched(told.input)[:MOST_FILES]
                call.open = not self.gated
                self.told += 1
                told = ToolUse(told.call, told.tool)
            case Unknown():
                known = told.kind in self.unknown or len(self.unknown) < MOST_UNKNOWN
                self.unknown[told.kind if known else "others"] += 1
            case Changed():
                told = msgspec.structs.replace(told, value=told.value[:MOST_LINE])
                self.model = told.value if told.what == "model" else self.model
                self.mode = told.value if told.what == "mode" else self.mode
            case Prompt() | Thought() | Said() | Compacted() | Noted():
                told = msgspec.structs.replace(told, text=told.text[:MOST_TEXT])
        self._seq += 1
        written = claimed if isinstance(claimed, str | float | int) and len(str(claimed)) <= MOST_TIME else None
        if before:
            self._claimed = max(self._claimed, min(moment(written) or 0, came.wall))
            came = Instant(came.boot - (came.wall - self._claimed), self._claimed) if self._claimed else came
        at = came.wall if before else self._arrived(came)
        self._append(Entry(self._seq, came, told, written, subagent, before), at)  # type: ignore[arg-type]

    def note(self, seq: int, record: Record) -> None:
        """A record of this session went into the journal."""
        self.version += 1
        self._of_call(record)
        self._recorded(seq, record, self._arrived(record.at))

    def past(self, records: Iterable[tuple[int, Record]]) -> None:
        """Records of this session from before us, in their order. What is known of a call already is newer."""
        self.version += 1
        known = frozenset(self._receipts)
        at = 0
        for seq, record in records:
            if record.receipt not in known:
                self._of_call(record)
            at = max(at, record.at.wall)
            self._recorded(seq, record, at)

    def _recorded(self, seq: int, record: Record, at: int) -> None:
        if record.kind not in words.QUIET:
            small = len(bytes(record.body)) <= MOST_RECORD
            self._append((seq, record) if small else _line(seq, record), at)

    def _of_call(self, record: Record) -> None:
        """What a record says of a call."""
        if record.kind is Kind.INTENT:
            intent = msgspec.json.decode(record.body, type=Intent)
            if intent.call:
                self.hooked = self.gated = True
                name = self.naming.asked(intent.call, intent.action.tool, intent.action.input)
                call = self._call(name)
                call.receipt, call.tier = record.receipt, intent.assessment.tier
                call.answer = "asked"
                self._receipts[record.receipt] = name
                while len(self._receipts) > MOST_CALLS:
                    self._receipts.popitem(last=False)
        elif record.kind is Kind.DECISION and record.receipt in self._receipts:
            decision = msgspec.json.decode(record.body, type=Decision)
            call = self._call(self._receipts[record.receipt])
            call.answer = _answer(decision)
            call.began = record.at.boot if decision.verdict is Verdict.ALLOW else 0
        elif record.kind is Kind.OUTCOME and record.receipt in self._receipts:
            call = self._call(self._receipts[record.receipt])
            call.ended = call.ended or record.at.boot
        elif record.kind is Kind.ALARM:
            alarm = msgspec.json.decode(record.body, type=_Alarm)
            if alarm.call and alarm.kind in KINDS:
                self._call(self.naming.of(alarm.call)).doubt = _doubt(alarm.kind)

    def _arrived(self, at: Instant) -> int:
        """Where a row stands that comes now: last, whatever the clock does."""
        self._came = max(self._came, at.wall)
        return self._came

    def _append(self, row: Entry | tuple[int, Record] | LogView, at: int) -> None:
        """Of a call whose row goes, what was said goes too; how it ended is kept for its receipt."""
        self._placed += 1
        insort(self._rows, _Placed(at, self._placed, row))
        if len(self._rows) <= MOST_ROWS:
            return
        self.older = True
        if self._gone is not None and (shown := self._shown(0)) is not None:
            self._gone(shown)
        gone = self._rows.pop(0).row
        if isinstance(gone, Entry) and isinstance(gone.told, ToolUse) and gone.told.call in self._calls:
            call = self._calls[gone.told.call]
            call.input, call.said, call.drawn, call.files, call.processes = "", "", None, (), ()

    def recall(self, receipt: Receipt) -> None:
        """A receipt from before us."""
        if not receipt.intent.call:
            return
        self.hooked = self.gated = True
        intent, decision = receipt.intent, receipt.decision
        name = self.naming.asked(intent.call, intent.action.tool, intent.action.input)
        call = self._call(name)
        call.receipt, call.tier = receipt.id, intent.assessment.tier
        call.answer = _answer(decision) if decision else "asked"
        self._receipts[receipt.id] = name

    def told_of(self, call: str) -> str | None:
        """How a call ended by the log, "" = it does not say; None = the log has not told of the call."""
        found = self._calls.get(self.naming.of(call))
        return found.outcome if found is not None and found.row else None

    def born(self, born: Iterable[Born]) -> None:
        """Processes were seen for the first time: each was born while these calls were under way."""
        for one in born:
            for call in islice(reversed(self._calls.values()), MOST_OPEN):
                under_way = 0 < call.began <= one.start + TICK and not 0 < call.ended < one.start
                if under_way and len(call.processes) < MOST_PROCESSES:
                    self.version += 1
                    call.processes, call.drawn = (*call.processes, f"{one.pid} {one.name}"), None

    def doubt(self, call: str, kind: str) -> None:
        """A call is not what it was allowed to be."""
        self.version += 1
        self._call(call).doubt = _doubt(kind)

    def unwatched(self, call: str, why: str) -> None:
        """Nobody looked when this call was made."""
        self.version += 1
        self._call(call).unseen = why

    def _call(self, call: str) -> _Call:
        found = self._calls.get(call)
        if found is None:
            found = self._calls[call] = _Call()
            while len(self._calls) > MOST_CALLS:
                self._calls.popitem(last=False)
        found.drawn = None
        return found

    def _end(self, told: ToolResult, came: Instant) -> None:
        call = self._call(told.call)
        call.ended = call.ended or came.boot
        call.outcome = "did not run" if told.refused else "failed" if told.failed else "done"
        call.said = told.text[:MOST_TEXT]

    # What goes out

    def rows(self) -> Iterator[LogView]:
        """The newest rows, oldest first."""
        return (row for row in map(self._shown, range(len(self._rows))) if row is not None)

    def _shown(self, at: int) -> LogView | None:
        """One row; None = its call's row tells it."""
        placed = self._rows[at]
        row = placed.row
        if isinstance(row, Entry) and isinstance(row.told, ToolUse):
            return self._called(row, row.told)
        if not isinstance(row, LogView):
            row = self._told(row) if isinstance(row, Entry) else _line(*row)
            self._rows[at] = placed._replace(row=row)
        if not row.told and row.kind in OF_A_CALL:
            call = self._calls.get(self._receipts.get(row.receipt, ""))
            return None if call is not None and call.row else row
        return row

    def view(self, logs: tuple[str, ...], limit: int) -> StoryView:
        """The story as a room is shown it."""
        rows = tuple(self.rows())[-limit:]
        return StoryView(
            seq=self.version, rows=rows, logs=logs, spending=self.spending, model=self.model, mode=self.mode, calls=self.told,
            unknown=dict(self.unknown), older=self.older or self.partial,
        )  # fmt: skip

    def _told(self, entry: Entry) -> LogView:
        """As it may leave the daemon: without the secrets that an agent's log holds."""
        kind, text, more = _words(entry.told)
        row = LogView(entry.seq, entry.came, self._session, kind, redact(text), told=True, more=redact(more))
        return msgspec.structs.replace(row, claimed=moment(entry.claimed), subagent=entry.subagent)

    def _called(self, entry: Entry, told: ToolUse) -> LogView:
        """A call with its gate record, drawn up again when something of it changed."""
        call = self._calls.get(told.call) or _Call()
        if call.drawn is None:
            brief = words.plain(Action(call.tool, call.input, "/"))
            unseen = call.unseen or (NO_GATE if call.open else UNSEEN[entry.before])
            answer = f"{call.answer}, {call.tier}" if call.tier is not None else unseen
            parts = (f"input: {call.input}" if call.input else "", call.said)
            call.drawn = msgspec.structs.replace(
                self._told(entry),
                text=redact(f"{told.tool} {brief}"[:MOST_TEXT]),
                more=redact("\n".join(part for part in parts if part)),
                call=told.call,
                receipt=call.receipt,
                gate=call.doubt or answer,
                doubt=bool(call.doubt),
                outcome=call.outcome,
                files=call.files,
                processes=tuple(redact(name) for name in call.processes),
            )
        return call.drawn


def _answer(decision: Decision) -> str:
    return f"{'allowed' if decision.verdict is Verdict.ALLOW else 'denied'} by {decision.by}"


def _doubt(kind: str) -> str:
    return kind.replace("-", " ").upper()


def _line(seq: int, record: Record) -> LogView:
    return LogView(seq, record.at, record.session, record.kind, words.of(record)[:MOST_TEXT], receipt=record.receipt)


def _words(told: object) -> tuple[str, str, str]:
    """What a row says: its kind, its line, and all of it where that is more."""
    match told:
        case Began():
            place = f" in {told.cwd}" if told.cwd else ""
            return "log", f"session {told.session}{place}, version {told.version or 'not told'}", ""
        case Prompt():
            return "prompt", _first(told.text if told.by == "user" else f"({told.by}) {told.text}"), told.text
        case Thought():
            return "thinks", _first(told.text), told.text
        case Said():
            return "speaks", _first(told.text), told.text
        case ToolUse():
            return "call", told.tool, ""
        case SubagentStarted():
            return "subagent", f"{told.name} begins{f': {told.task}' if told.task else ''}", ""
        case SubagentEnded():
            return "subagent", f"{told.name} is over", ""
        case Changed():
            return "changed", f"{told.what}: {told.value}", ""
        case Compacted():
            return "compacted", "it shortened what it remembers", told.text
        case Noted():
            return "trouble" if told.bad else "remark", _first(told.text), told.text
        case Unknown():
            return (
                "unknown",
                f"{told.kind}: {told.raw[:MOST_LINE]}",
                told.raw + (f"\n... {told.cut} bytes more" if told.cut else ""),
            )
    return "unknown", "", ""


def _first(text: str) -> str:
    """The first line of a text, cut, and how many lines there are."""
    lines = text.strip().splitlines() or [""]
    more = f"  (+{len(lines) - 1} lines)" if len(lines) > 1 else ""
    return lines[0][:MOST_LINE] + more
