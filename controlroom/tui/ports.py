"""What the room is given from outside: where things lie, how everything is stopped, how it is to look."""

from collections.abc import Callable

import msgspec

from controlroom.model.view import RoomView
from controlroom.storage.paths import Places


class Report(msgspec.Struct, frozen=True):
    """What an emergency stop came to. `done`: latched, and every stop is proved. `said`: in words, line by line."""

    stop_id: str
    done: bool
    said: tuple[str, ...]


class Ports(msgspec.Struct, frozen=True):
    """`estop` works with the daemon dead, blocks, and never raises."""

    places: Places
    estop: Callable[[], Report]


class Options(msgspec.Struct, frozen=True):
    """How the room is opened. `theme` "" = the one of last time, or with `no_color` the one without colours. `remote`: over
    SSH, so fewer frames. `badge`: what makes answers weaker on this terminal (`reach`). `coach` says what a newcomer may do
    now, where there is no other remark.
    """

    read_only: bool = False
    theme: str = ""
    no_color: bool = False
    ascii: bool = False
    mouse: bool = True
    remote: bool = False
    badge: str = ""
    coach: Callable[[RoomView], str] | None = None
