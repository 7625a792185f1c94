"""The operator's settings on disk: read once each, whole, and only from plain files of the operator's own (C02, C05)."""

import os
from pathlib import Path

import msgspec

from controlroom.model.settings import DEFAULT, Config, Profile, default_profile
from controlroom.policy import settings as schema
from controlroom.policy.settings import BadSettings
from controlroom.storage.files import read_small
from controlroom.storage.paths import Places

MOST_PROFILES = 200
SUFFIX = ".toml"


class Settings(msgspec.Struct, frozen=True):
    """What holds: the configuration, every profile by name (`default` always), and in words what was not on disk."""

    config: Config = Config()
    profiles: dict[str, Profile] = {}
    notes: tuple[str, ...] = ()

    def profile(self, name: str) -> Profile:
        """A profile by its name. Raises BadSettings, which names those that there are."""
        if name not in self.profiles:
            raise BadSettings(f"there is no profile {name!r}; there are: {', '.join(sorted(self.profiles))}")
        return self.profiles[name]


def load(places: Places) -> Settings:
    """Everything that is set. A missing file means the built-in defaults, and is noted (C07). Raises BadSettings."""
    notes: list[str] = []
    file = places.config / "config.toml"
    raw = _read(file)
    config = Config() if raw is None else schema.config(raw, str(file))
    if raw is None:
        notes.append(f"no {file}: the built-in defaults hold")
    profiles = {DEFAULT: default_profile(config.trips)}
    for path in _files(places.config / "profiles"):
        raw = _read(path)
        if raw is not None:
            profiles[path.stem] = schema.profile(raw, str(path), path.stem, config.trips)
    return Settings(config, profiles, tuple(notes))


def _files(folder: Path) -> list[Path]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadSettings(f"{folder}: cannot be listed: {error.strerror}; make it a folder of your own") from error
    if len(names) > MOST_PROFILES:
        raise BadSettings(f"{folder}: more than {MOST_PROFILES} profiles")
    for name in names:
        if not schema.NAME.fullmatch(name.removesuffix(SUFFIX)):
            rule = "a profile's name is 1 to 40 small letters, digits, - and _, and begins with a letter or digit"
            raise BadSettings(f"{folder / name}: {rule}; rename the file")
    return [folder / name for name in names]


def _read(path: Path) -> bytes | None:
    """The content, None where nothing is there. Raises BadSettings for anything but a plain file of ours (or root's)."""
    try:
        return read_small(path, schema.LIMIT, owners=(os.geteuid(), 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        why = error.strerror or str(error)
        raise BadSettings(f"{path}: cannot be used: {why}; put a plain file of your own there") from error
