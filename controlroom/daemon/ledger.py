"""The newest receipts in memory: folded from the journal at start, and from each record as it is handed in."""

from collections import OrderedDict

import msgspec

from controlroom.model.record import Kind, Receipt, Record, Stage
from controlroom.storage.notes import Carried
from controlroom.storage.receipts import advance, is_open

MOST = 2000  # receipts kept here; all of them are in the journal


class Ledger:
    """Receipts by id, oldest first. `refused` counts records that cannot be stored at all (S9)."""

    def __init__(self) -> None:
        self.refused = 0
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()

    def add(self, seq: int, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.CARRIED:
            for open_ in msgspec.json.decode(record.body, type=Carried).open:
                self._receipts.setdefault(open_.id, open_)
        if not record.receipt:
            return
        receipt = advance(self._receipts.get(record.receipt), seq, record)
        if receipt is not None:
            self._receipts[record.receipt] = receipt
        while len(self._receipts) > MOST:
            # What nobody has told the end of is kept longer than what is over.
            over = next((name for name, receipt in self._receipts.items() if not is_open(receipt)), next(iter(self._receipts)))
            del self._receipts[over]

    def get(self, receipt: str) -> Receipt | None:
        return self._receipts.get(receipt)

    def all(self) -> list[Receipt]:
        return list(self._receipts.values())

    def past(self, workspace: str) -> list[Receipt]:
        """The newest interrupted or denied acts in a working folder: what an agent that begins there is told."""
        told = (Stage.INTERRUPTED, Stage.DENIED)
        return [r for r in self._receipts.values() if r.stage in told and r.intent.action.cwd == workspace][-5:]
