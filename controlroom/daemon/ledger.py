"""The newest receipts in memory, folded from what goes into the journal."""

from collections import OrderedDict

import msgspec

from controlroom.model.record import Intent, Kind, Outcome, Receipt, Record, Stage
from controlroom.model.request import Decision
from controlroom.model.tier import Verdict

MOST = 2000  # receipts kept; older ones are in the journal

OPEN = (Stage.ALLOWED, Stage.STARTED)
