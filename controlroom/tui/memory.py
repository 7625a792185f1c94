"""What a room remembers until the next one: when somebody last looked, and the theme. Losing it loses nothing that matters."""

import os
import threading
from pathlib import Path

import msgspec

from controlroom.storage.files import read_small, replace
from controlroom.storage.paths import Places

LIMIT = 4096  # bytes


class Memory(msgspec.Struct, frozen=True):
    """`seen`: ns since the epoch by the daemon's clock, 0 = never. `theme`: its name, "" = the default."""

    seen: int = 0
    theme: str = ""


def file(places: Places) -> Path:
    """Where it lies."""
    return places.state / "room.json"


def load(places: Places) -> Memory:
    """What was remembered; nothing where the file is missing, unreadable or not ours to understand."""
    try:
        return msgspec.json.decode(read_small(file(places), LIMIT), type=Memory)
    except (OSError, msgspec.DecodeError, ValueError):
        return Memory()


def save(places: Places, memory: Memory) -> str:
    """Keeps it; gives "" or what went wrong in words. A room that cannot remember works all the same."""
    if not os.path.isdir(places.state):
        return ""  # no daemon ran here yet
    try:
        replace(file(places), msgspec.json.encode(memory))
    except OSError as error:
        return f"{file(places)}: {error.strerror or error}; the theme and the time of this visit are not remembered"
    return ""


class Writer:
    """Writes notes while the room goes on, one after the other: an older one never comes after a newer one."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._last: threading.Thread | None = None

    def write(self, memory: Memory) -> None:
        """Keeps it soon."""
        before = self._last

        def work() -> None:
            if before is not None:
                before.join()
            save(self._places, memory)

        self._last = threading.Thread(target=work, daemon=True)
        self._last.start()

    def wait(self) -> None:
        """Until all of it is written."""
        if self._last is not None:
            self._last.join()
