"""`controlroom audit verify | export`: without a daemon."""

import sys
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from controlroom.cli import out, room
from controlroom.cli.quick import FAILED, OK
from controlroom.cli.room import Failure
from controlroom.storage.chain import Damaged
from controlroom.storage.export import jsonl, receipts_csv
from controlroom.storage.journal import read
from controlroom.storage.receipts import fold
from controlroom.storage.verify import verify
from controlroom.text.safe import show


def verify_(*, as_json: Annotated[bool, Parameter(name="--json", negative="", help="one object")] = False) -> int:
    """Proves the chain of the journal, record by record."""
    found = verify(room.places().journal)
    if as_json:
        print(out.as_json(msgspec.to_builtins(found)))
    elif found.ok:
        print(f"ok: {found.records} records, each as it was written")
        print(out.safe(found.limits))
    else:
        out.tell(f"BROKEN at record {found.first_bad_seq}: {found.why}\nThe {found.records} records before it are whole.")
    return OK if found.ok else FAILED


def export_(*, format: Literal["jsonl", "csv"] = "jsonl") -> int:  # noqa: A002  the contract's word
    """Prints the journal: every stored record (jsonl), or one line a receipt (csv)."""
    records = read(room.places().journal)
    lines: Iterable[str] = jsonl(records) if format == "jsonl" else receipts_csv(fold(records).values())
    screen = sys.stdout.isatty()
    try:
        for line in lines:
            if screen:
                print(show(line.removesuffix("\n")))
            else:  # the very bytes, for whoever checks the sums
                sys.stdout.buffer.write(line.encode())
        sys.stdout.flush()
    except Damaged as error:
        raise Failure(f"the journal is damaged at record {error.seq}: {error.why}. See: controlroom audit verify") from None
    return OK
