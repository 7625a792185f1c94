"""What the files that agents read held when a daemon looked last: kept over its end, so that the next one sees what changed."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from controlroom.agents.layers import Layer, Place
from controlroom.sensing.watched import Content
from controlroom.storage.files import read_small, replace

NAME = "agents-files"
LIMIT = 64 << 20  # bytes of it
MOST_KEPT = 16 << 20  # bytes of contents in it; of what comes after them only the sums are kept


class Kept(msgspec.Struct, frozen=True):
    """One layer of one kind of agent, where it lay, and its files by path; None = not there."""

    kind: str
    layer: Layer
    path: str
    files: dict[str, Content | None]

    @property
    def place(self) -> Place:
        """Where to look for it."""
        return Place(self.layer, self.path)


class LastSeen:
    """The file `agents-files` in the state folder. Blocking."""

    def __init__(self, state: Path) -> None:
        self._path = state / NAME
        self._written = b""

    def load(self, expected: bool) -> tuple[dict[str, Kept], str]:
        """What was kept, by the names of its groups; and why it cannot be told, "" = it can. One that is not `expected` is made
        where there is none. Raises OSError.
        """
        if not expected and not self._path.exists():
            self.save({})
        try:
            found = read_small(self._path, LIMIT, owners=(os.geteuid(),))
            return msgspec.json.decode(found, type=dict[str, Kept]), ""
        except FileNotFoundError:
            return {}, f"{self._path} is gone"
        except (OSError, msgspec.DecodeError) as error:  # a wrong type is a DecodeError too
            return {}, f"{self._path} cannot be read: {error}"

    def save(self, groups: Mapping[str, Kept]) -> None:
        """Keep these, durably, where they are not what is kept. Raises OSError."""
        data = msgspec.json.encode(_bounded(groups))
        if data != self._written:
            replace(self._path, data)
            self._written = data


def _bounded(groups: Mapping[str, Kept]) -> dict[str, Kept]:
    left, found = MOST_KEPT, {}
    for name, kept in groups.items():
        files = {}
        for path, content in kept.files.items():
            size = len(content.data or b"") if content else 0
            fits = size <= left
            left -= size if fits else 0
            files[path] = content if fits or content is None else msgspec.structs.replace(content, data=None)
        found[name] = msgspec.structs.replace(kept, files=files)
    return found
