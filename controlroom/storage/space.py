"""The three stages of a disk that fills up (J04): warn, deny what destroys, deny everything."""

from controlroom.model.storing import Storing
from controlroom.storage.port import Space

LOW = 500 << 20  # bytes free; less is a warning
LOW_SHARE = 0.05  # of the file system
SCARCE = 100 << 20  # bytes free; with less nothing of tier 2 and above is allowed


def level(space: Space) -> Storing:
    """How far it has come. The last stage is not measured: it is a write that fails."""
    if space.free < SCARCE:
        return Storing.SCARCE
    if space.free < LOW or space.free < space.total * LOW_SHARE:
        return Storing.LOW
    return Storing.OK
