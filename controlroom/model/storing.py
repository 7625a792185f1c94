"""How well the journal can be written, and so what may still be allowed."""

from enum import StrEnum


class Storing(StrEnum):
    """OK; LOW: operators are warned; SCARCE: nothing of tier 2 and above is allowed; BROKEN: nothing is allowed at all.

    Out of BROKEN it comes when it is written again and an operator has taken note that it had failed (L5).
    """

    OK = "ok"
    LOW = "low"
    SCARCE = "scarce"
    BROKEN = "broken"
