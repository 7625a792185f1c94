"""The newest receipts in memory: folded from the journal at start, and from each record as it is handed in."""

from collections import OrderedDict

from controlroom.model.record import Receipt, Record, Stage
from controlroom.storage.receipts import advance

MOST = 2000  # receipts kept here; all of them are in the journal


class Ledger:
    """Receipts by id, oldest first. `unjournalled` counts records that the journal did not take (S9)."""

    def __init__(self) -> None:
        self.unjournalled = 0
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()

    def add(self, seq: int, record: Record) -> None:
        """Fold one record in."""
        if not record.receipt:
            return
        receipt = advance(self._receipts.get(record.receipt), seq, record)
        if receipt is not None:
            self._receipts[record.receipt] = receipt
        while len(self._receipts) > MOST:
            self._receipts.popitem(last=False)

    def get(self, receipt: str) -> Receipt | None:
        return self._receipts.get(receipt)

    def all(self) -> list[Receipt]:
        return list(self._receipts.values())

    def past(self, workspace: str) -> list[Receipt]:
        """The newest interrupted or denied acts in a working folder: what an agent that begins there is told."""
        told = (Stage.INTERRUPTED, Stage.DENIED)
        return [r for r in self._receipts.values() if r.stage in told and r.intent.action.cwd == workspace][-5:]
