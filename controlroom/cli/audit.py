"""`controlroom audit verify | export | anchor | accept`: proves the journal, takes it elsewhere, goes on after a fault."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from controlroom.cli import out, room
from controlroom.cli.options import OneObject, Yes
from controlroom.cli.quick import FAILED, OK
from controlroom.cli.room import Failure
from controlroom.client.rpc import NoDaemon, Operator, RpcError
from controlroom.storage import settings
from controlroom.storage.anchor import BadPlace, anchor, anchors
from controlroom.storage.chain import Damaged
from controlroom.storage.export import jsonl, receipts_csv
from controlroom.storage.files import read_small
from controlroom.storage.notes import Anchored
from controlroom.storage.receipts import fold
from controlroom.storage.seal import SealKey
from controlroom.storage.segments import read
from controlroom.storage.verify import Evidence, verify
from controlroom.text.safe import show

STEP = 16 << 20  # bytes between two lines of progress
DAEMON = "the running daemon"


def verify_(
    *,
    anchor: Annotated[str, Parameter(help="a place with heads written down earlier: FILE, file:/PATH or git:/REPOSITORY")] = "",
    seal_key: Annotated[Path | None, Parameter(help="a key from `audit anchor --seal-key`, kept elsewhere")] = None,
    as_json: OneObject = False,
) -> int:
    """Proves the chain of the journal, record by record, and says what it cannot see."""
    directory = room.places().journal
    size = sum(file.stat().st_size for file in directory.glob("*.jsonl"))
    try:
        evidence = Evidence((*(anchors(anchor) if anchor else ()), *_daemon()), _key(seal_key))
        found = verify(directory, evidence, progress=_Progress(size))
    except BadPlace as error:
        raise Failure(str(error)) from None
    if as_json:
        print(out.as_json(msgspec.to_builtins(found)))
    elif found.ok:
        sealed = f", {found.seals} seals fit the key" if seal_key else ""
        print(f"ok: {found.records} records, each as it was written{sealed}")
        print(out.safe(found.limits))
    else:
        whole = f"The {found.records} records before it are whole."
        out.tell(f"BROKEN at record {found.first_bad_seq}: {found.why}\n{whole}\n{found.limits}")
    return OK if found.ok else FAILED


class _Progress:
    """A bar on a terminal's standard error for a journal that takes a while; silence elsewhere."""

    def __init__(self, size: int) -> None:
        self._size, self._told = size, 0

    def __call__(self, done: int) -> None:
        if sys.stderr.isatty() and self._size > 2 * STEP and (done - self._told >= STEP or done >= self._size):
            self._told = done
            filled = min(20, 20 * done // self._size)
            end = "\n" if done >= self._size else ""
            print(f"\rverifying [{'#' * filled:20}] {100 * done // self._size:3} %", end=end, file=sys.stderr, flush=True)


def _daemon() -> tuple[Anchored, ...]:
    """What a running daemon says that it has written; none runs: nothing."""
    try:
        with Operator(room.places()) as operator:
            head = operator.call("audit")
    except (RpcError, OSError):
        return ()
    return (Anchored(DAEMON, int(head["seq"]), str(head["sum"])),)


def _key(file: Path | None) -> SealKey | None:
    if file is None:
        return None
    try:
        return msgspec.json.decode(read_small(file, 4096), type=SealKey)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Failure(f"{file} is no seal key: {error}") from None


def export_(*, format: Literal["jsonl", "csv"] = "jsonl") -> int:  # noqa: A002  the contract's word
    """Prints the journal: every record as an event for other programs (jsonl), or one line a receipt (csv)."""
    records = read(room.places().journal)
    lines: Iterable[str] = jsonl(records) if format == "jsonl" else receipts_csv(fold(records).values())
    screen = sys.stdout.isatty()
    try:
        for line in lines:
            print(show(line.removesuffix("\n")) if screen else line, end="\n" if screen else "")
        sys.stdout.flush()
    except Damaged as error:
        raise Failure(f"the journal is damaged at record {error.seq}: {error.why}. See: controlroom audit verify") from None
    return OK


def anchor_(
    *,
    to: Annotated[str, Parameter(help="file:/PATH, git:/REPOSITORY or syslog; without it config.toml's anchor.place")] = "",
    seal_key: Annotated[bool, Parameter(help="print the daemon's seal key as well; keep it elsewhere")] = False,
) -> int:
    """Writes the head of the journal down outside, where nobody on this machine can change it later."""
    found = verify(room.places().journal)
    if not found.ok:
        raise Failure(f"the journal is broken at record {found.first_bad_seq}: {found.why}. A broken chain is not anchored")
    if not found.head.seq:
        raise Failure("there is no journal yet")
    place = to or settings.load(room.places()).config.anchor.place
    if not place and not seal_key:
        raise Failure("no place is named: give --to file:/PATH, git:/REPOSITORY or syslog, or set anchor.place in config.toml")
    try:
        if place:
            anchor(place, Anchored(place, found.head.seq, found.head.sum), time.time_ns())
            print(f"record {found.head.seq} with sum {found.head.sum} is written to {out.safe(place)}")
            _tell_daemon(place, found.head.seq, found.head.sum)
    except BadPlace as error:
        raise Failure(str(error)) from None
    if seal_key:
        with Operator(room.places()) as operator:
            print(out.as_json(operator.call("seal-key")))
    return OK


def accept_(*, yes: Yes = False) -> int:
    """Takes note that the journal had failed and is written again: acts may be allowed from then on."""
    room.outsider("the journal")
    row = room.call("journal")
    if not row["failed"] and not row["broken"]:
        print("nothing to take note of: the journal is written, and acts may be allowed")
        return OK
    if row["broken"]:
        raise Failure(f"the journal still takes nothing: {row['broken']}")
    print(f"The journal failed {row['failed']} times since the last look: {out.safe(row['why'])}")
    print("It is written again, in a new segment. What was asked meanwhile was denied. See: controlroom audit verify")
    room.confirm("Let acts be allowed again?", yes=yes)
    room.call("accept", failed=row["failed"])
    print("acts may be allowed again")
    return OK


def _tell_daemon(place: str, seq: int, digest: str) -> None:
    """So that the journal itself tells of the anchor; without a daemon it does not."""
    try:
        with Operator(room.places()) as operator:
            operator.call("anchored", place=place, seq=seq, sum=digest)
    except NoDaemon:
        pass
