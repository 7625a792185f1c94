"""The operator's settings on disk: read once each, whole, and only from plain files of the operator's own (C02, C05)."""

import os
from pathlib import Path

from controlroom.model.settings import DEFAULT, Config, Settings, default_profile
from controlroom.policy import settings as schema
from controlroom.policy.settings import BadSettings
from controlroom.storage.files import read_small
from controlroom.storage.paths import Places

MOST_PROFILES = 200
SUFFIX = ".toml"


Texts = dict[str, str]  # by name below the folder: `config.toml`, `profiles/NAME.toml`


def read(places: Places) -> Texts:
    """All settings files, each read once. Raises BadSettings for what is no plain file of ours."""
    names = ["config.toml", *_profiles(places.config / "profiles")]
    found = {name: _read(places.config / name) for name in names}
    return {name: raw.decode("utf-8", "surrogateescape") for name, raw in found.items() if raw is not None}


def settings_of(texts: Texts, folder: Path) -> Settings:
    """What the files say. A missing one means the built-in defaults, and is noted (C07). Raises BadSettings."""
    notes: list[str] = []
    file = folder / "config.toml"
    if "config.toml" in texts:
        config = schema.config(_raw(texts["config.toml"]), str(file))
    else:
        config = Config()
        notes.append(f"no {file}: the built-in defaults hold")
    profiles = {DEFAULT: default_profile(config.trips)}
    for name, text in texts.items():
        if name != "config.toml":
            stem = Path(name).stem
            profiles[stem] = schema.profile(_raw(text), str(folder / name), stem, config.trips)
    return Settings(config, profiles, tuple(notes))


def load(places: Places) -> Settings:
    """Everything that is set on disk. Raises BadSettings."""
    return settings_of(read(places), places.config)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _profiles(folder: Path) -> list[str]:
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
    return [f"profiles/{name}" for name in names]


def _read(path: Path) -> bytes | None:
    """The content, None where nothing is there. Raises BadSettings for anything but a plain file of ours (or root's)."""
    try:
        return read_small(path, schema.LIMIT, owners=(os.geteuid(), 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        why = error.strerror or str(error)
        raise BadSettings(f"{path}: cannot be used: {why}; put a plain file of your own there") from error
