"""One receipt, or one checkpoint, out of the whole journal: for what the daemon no longer has in memory."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from controlroom.model.record import Kind, Receipt
from controlroom.model.snapshot import Checkpoint
from controlroom.storage.chain import Stored, Torn, decode
from controlroom.storage.port import KernelStorage
from controlroom.storage.receipts import fold
from controlroom.storage.segments import spans, walk


def find_receipt(directory: Path, wanted: str) -> Receipt | None:
    """The receipt of this id, None where there is none. Blocking: the whole chain is checked. Raises Damaged, OSError."""
    return fold(one for one in _naming(directory, wanted) if one.record and one.record.receipt == wanted).get(wanted)


def find_checkpoint(directory: Path, wanted: str) -> tuple[Checkpoint, int] | None:
    """The record of a checkpoint, and when it was written (wall clock, ns); None where there is none. As `find_receipt`."""
    for stored in _naming(directory, wanted):
        if stored.record is not None and stored.record.kind is Kind.CHECKPOINT:
            made = msgspec.json.decode(stored.record.body, type=Checkpoint)
            if made.id == wanted:
                return made, stored.record.at.wall
    return None


def _naming(directory: Path, word: str) -> Iterator[Stored]:
    """The records in which a word stands."""
    disk, sought = KernelStorage(), word.encode("utf-8", "surrogatepass")
    try:
        for raws in walk(disk, spans(disk, directory)):
            yield from (decode(raw) for raw in raws if sought in raw)
    except Torn:  # a line that is being written
        return
