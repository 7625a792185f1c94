"""config.toml: strict. An unknown key is an error that names file and key; a missing file means the defaults."""

import tomllib
from pathlib import Path

import msgspec

from controlroom.storage.files import read_small

MOST = 256 * 1024  # bytes


class BadConfig(Exception):
    """The configuration cannot be used; the text names file, line or key, and what to do."""


class Hold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a request waits for an operator, in seconds; the hook's own deadline is 620 s."""

    seconds: float = 600.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that config.toml may say."""

    hold: Hold = Hold()


def load(path: Path) -> Config:
    """Read and check the file. Raises BadConfig."""
    try:
        raw = read_small(path, MOST)
    except FileNotFoundError:
        return Config()
    except OSError as e:
        raise BadConfig(f"{path}: cannot be read: {e.strerror or e}. Is this the right file?") from e
    try:
        config = msgspec.convert(tomllib.loads(raw.decode()), Config)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as e:
        raise BadConfig(f"{path}: {e}. Mend that line or key, then start again.") from e
    if not 1 <= config.hold.seconds <= 600:
        raise BadConfig(f"{path}: hold.seconds is {config.hold.seconds}; it must be from 1 to 600 (the hook waits 620 s)")
    return config
