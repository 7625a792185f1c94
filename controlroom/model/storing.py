"""How well the journal can be written, and so what may still be allowed."""

from enum import StrEnum


class Storing(StrEnum):
    """OK; LOW: operators are warned; SCARCE: nothing of tier 2 and above is allowed; BROKEN: nothing is allowed at all."""

    OK = "ok"
    LOW = "low"
    SCARCE = "scarce"
    BROKEN = "broken"
