"""What an operator accepted last: manifest and settings, as copies that the journal pins by their SHA-256 (N11, C03)."""

import difflib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from controlroom.storage.files import read_small, remove, replace
from controlroom.storage.paths import secure_dir

LIMIT = 32 << 20  # bytes of a copy


class Pin(msgspec.Struct, frozen=True):
    """Body of a CONFIG record: which content of `what` (`manifest`, `settings`) holds from then on, and who said so."""

    what: str
    sha256: str
    by: str


class Lost(Exception):
    """The copy of what was accepted is gone or is not what the journal says it is."""


def sha256(content: bytes) -> str:
    """What a content is known by."""
    return hashlib.sha256(content).hexdigest()


def blob(texts: Mapping[str, str]) -> bytes:
    """Files by name as one content."""
    return msgspec.json.encode({name: texts[name] for name in sorted(texts)})


def difference(held: Mapping[str, str], found: Mapping[str, str]) -> str:
    """What an operator is shown before files are taken: unified diffs, file by file."""
    lines: list[str] = []
    for name in sorted({*held, *found}):
        old, new = (side.get(name, "").splitlines(keepends=True) for side in (held, found))
        lines += difflib.unified_diff(old, new, f"in force/{name}", f"on disk/{name}")
    return "".join(lines)


class Accepted:
    """The copies, by their hash. `pins`: what the journal holds, by what it is. Blocking."""

    def __init__(self, folder: Path, pins: Mapping[str, str]) -> None:
        """Raises Insecure, OSError."""
        secure_dir(folder)
        self._folder = folder
        self.pins = dict(pins)

    def get(self, what: str) -> bytes | None:
        """What was accepted, None where nothing ever was. Raises Lost."""
        pin = self.pins.get(what)
        if pin is None:
            return None
        try:
            content = read_small(self._folder / pin, LIMIT, owners=(os.geteuid(),))
        except OSError as error:
            raise Lost(f"the copy of what was accepted last is gone: {error}") from error
        if sha256(content) != pin:
            raise Lost(f"the copy {self._folder / pin} is not what was accepted")
        return content

    def put(self, what: str, content: bytes) -> str:
        """Keep a content as what is accepted; gives its hash, which the journal must pin. Raises OSError."""
        pin = sha256(content)
        replace(self._folder / pin, content)
        self.pins[what] = pin
        for name in os.listdir(self._folder):
            if name not in self.pins.values():
                remove(self._folder / name)
        return pin
