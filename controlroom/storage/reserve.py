"""The reserve: 1 MiB on the disk beforehand, so that a stop, a kill and a denial can be written when nothing else can (J04).

Its lines are a chain of their own, from GENESIS. Each write begins a sector, so that it cannot harm what is there; line ends
fill the one before. They are overwritten in place, through a descriptor that is open already: no new block and no new
descriptor is needed.
"""

from io import BytesIO
from pathlib import Path

from controlroom.model.record import Record
from controlroom.storage.chain import Place, Stored, decode, follow, line_of
from controlroom.storage.port import Mode, Storage, overwrite_all, put, read_all

SIZE = 1 << 20  # bytes
SECTOR = 512

_NAME = "reserve"


class Reserve:
    """The opened reserve of a journal's folder. Used by one thread at a time."""

    def __init__(self, storage: Storage, fd: int) -> None:
        self._storage = storage
        self._fd = fd
        self._place = Place()
        self._size = 0
        self._bad = False  # a write or sync failed: what lies there is not known, and nothing is put behind it

    @classmethod
    def open(cls, storage: Storage, directory: Path) -> "tuple[Reserve, list[Stored]]":
        """The reserve, made where it is missing or of another size, and the records in it. Raises OSError."""
        path = directory / _NAME
        if _NAME not in storage.names(directory):
            put(storage, path, bytes(SIZE))
        fd = storage.open(path, Mode.UPDATE)
        try:
            content = read_all(storage, fd, 0, SIZE)
            raws = [raw for raw in BytesIO(content) if raw != b"\n"]
            place, _ = follow(raws, Place())
            reserve = cls(storage, fd)
            end = content.find(raws[place.seq - 1]) + len(raws[place.seq - 1]) if place.seq else 0
            reserve._place, reserve._size = place, _up(end)
            if len(content) < SIZE:
                overwrite_all(storage, fd, bytes(SIZE - len(content)), len(content))
                storage.sync(fd)
        except BaseException:
            storage.close(fd)
            raise
        return reserve, [decode(raw) for raw in raws[: place.seq]]

    def add(self, records: list[Record]) -> int:
        """Write records down, durably; how many found room (all, or the first so many). Raises OSError."""
        if self._bad or not records:
            return 0
        lines, place, size = [], self._place, self._size
        for record in records:
            line, after = line_of(place, self._place.seq + 1, record)
            if size + len(line) > SIZE:
                break
            lines.append(line)
            place, size = after, size + len(line)
        if lines:
            self._bad = True
            data = b"".join(lines)
            overwrite_all(self._storage, self._fd, data.ljust(min(_up(len(data)), SIZE - self._size), b"\n"), self._size)
            self._storage.sync(self._fd)
            self._bad = False
            self._place, self._size = place, _up(size)
        return len(lines)

    def clear(self) -> None:
        """Empty it, durably, once its records are in the journal. Raises OSError."""
        if self._size or self._bad:
            overwrite_all(self._storage, self._fd, bytes(SIZE), 0)
            self._storage.sync(self._fd)
            self._place, self._size, self._bad = Place(), 0, False

    def close(self) -> None:
        """Give the descriptor back."""
        self._storage.close(self._fd)


def _up(size: int) -> int:
    """The next sector's beginning."""
    return -(-size // SECTOR) * SECTOR
