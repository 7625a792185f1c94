"""Earlier versions of configuration files: `state/config-history/SHA256-OF-PATH/N`, oldest 1, each durable at once."""

import hashlib
import os
from pathlib import Path

import msgspec

from controlroom.storage.files import read_small, replace
from controlroom.storage.paths import Places, secure_dir

LIMIT = 16 << 20  # bytes of a version


class Version(msgspec.Struct, frozen=True):
    """One saved version of a file. `saved`: ns since the epoch."""

    number: int
    size: int
    sha256: str
    saved: int


def folder(places: Places, file: Path) -> Path:
    """Where the versions of `file` (absolute, resolved) lie."""
    return places.state / "config-history" / hashlib.sha256(os.fsencode(file)).hexdigest()


def save(places: Places, file: Path, content: bytes) -> int:
    """Keeps a version, durably; gives its number. Raises OSError, Insecure; then nothing may be changed."""
    where = folder(places, file)
    secure_dir(where.parent)
    secure_dir(where)
    number = max([0, *(version.number for version in load_all(places, file))]) + 1
    replace(where / str(number), content)
    return number


def load_all(places: Places, file: Path) -> list[Version]:
    """The versions of a file, oldest first. Raises OSError."""
    where = folder(places, file)
    try:
        names = [name for name in os.listdir(where) if name.isdigit()]
    except FileNotFoundError:
        return []
    found = []
    for number in sorted(map(int, names)):
        content = load(places, file, number)
        saved = os.stat(where / str(number)).st_mtime_ns
        found.append(Version(number, len(content), hashlib.sha256(content).hexdigest(), saved))
    return found


def load(places: Places, file: Path, number: int) -> bytes:
    """One version. Raises OSError."""
    return read_small(folder(places, file) / str(number), LIMIT)
