"""Every file that an agent reads beside its task, also those that are not there yet; the table is `data/layers.toml`."""

import glob
import itertools
import os
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Literal, NamedTuple

import msgspec

from controlroom.model.permissions import Role, Scope

MOST_FILES = 200  # of one pattern
MOST_LOGS = 10_000
Value = str | bool | int


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the table: a file or a pattern of `glob`. `only`: keys that are looked at, () = all; `but`: all others."""

    path: str
    scope: Scope
    role: Role
    only: tuple[str, ...] = ()
    but: tuple[str, ...] = ()


class Sign(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What tells how much an agent asks: a key of its settings, or flags of its command line, and what their values mean."""

    key: str = ""
    flags: tuple[str, ...] = ()
    red: tuple[Value, ...] = ()
    warn: tuple[Value, ...] = ()
    off: tuple[Value, ...] = ()
    means: Literal["red", "warn", "off", ""] = msgspec.field(name="is", default="")
    unset: str = ""
    says: str = ""


class Files(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All lines of one agent. `folder`: where it keeps its own; `moved`: variables that move that; `logs`: patterns."""

    folder: str
    layer: tuple[Layer, ...]
    sign: tuple[Sign, ...] = ()
    moved: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()


class Place(NamedTuple):
    """A layer where it lies for one home and workspace: an absolute path, or a pattern of them."""

    layer: Layer
    path: str


@lru_cache(maxsize=1)
def table() -> Mapping[str, Files]:
    """The table, by kind of agent. Raises what a broken table raises: it is part of the program."""
    text = files("controlroom.agents").joinpath("data/layers.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Files])


def places(kind: str, home: str, workspace: str, environment: Mapping[str, str] | None = None) -> tuple[Place, ...]:
    """Where each layer of this kind of agent lies, the weakest first; () for kinds that are not in the table.

    `environment`: what is known of the agent's own, for variables that move its folder.
    """
    known = table().get(kind)
    if known is None:
        return ()
    own = _folder(known, home, environment or {})
    tops = {"@": own, "~": home, ".": workspace, "": ""}
    return tuple(
        Place(layer, os.path.normpath(tops[top] + "/" + rest)) for layer in known.layer for top, _, rest in [_cut(layer)]
    )


def installed(home: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The kinds of agents that have a folder of their own here. Blocking."""
    return tuple(kind for kind, known in table().items() if os.path.isdir(_folder(known, home, environment)))


def everywhere(kind: str, home: str, environment: Mapping[str, str]) -> tuple[Place, ...]:
    """The layers that this kind of agent reads in whatever workspace, the weakest first."""
    return tuple(place for place in places(kind, home, "/", environment) if not place.layer.path.startswith("./"))


def held(kind: str, home: str, environment: Mapping[str, str]) -> Iterator[str]:
    """What is there of the layers in an agent's own folder, for walls; of a pattern the folder that it is in. Blocking.

    Not what the agent writes in normal work: its memory, and files of which only some keys are looked at.
    """
    if kind not in table():
        return
    own = folder(kind, home, environment)
    for place in everywhere(kind, home, environment):
        path = _fixed(place)[0] if glob.has_magic(place.layer.path) else place.path
        if path.startswith(f"{own}/") and place.layer.role != "memory" and not place.layer.only and os.path.lexists(path):
            yield path


def logs(home: str, environment: Mapping[str, str]) -> Iterator[str]:
    """The logs of every known agent that are there, the newest of each first. Blocking."""
    for known in table().values():
        tops = {"@": _folder(known, home, environment), "~": home}
        found = [path for top, rest in (one.split("/", 1) for one in known.logs) for path in _files(tops[top], rest)]
        yield from sorted(found, key=_age)


def _files(top: str, pattern: str) -> list[str]:
    found = itertools.islice(glob.iglob(pattern, root_dir=top), MOST_LOGS)
    return [path for name in found if os.path.isfile(path := os.path.join(top, name))]


def _age(path: str) -> float:
    try:
        return -os.stat(path).st_mtime
    except OSError:
        return 0.0


def _cut(layer: Layer) -> tuple[str, str, str]:
    return layer.path.partition("/")


def folder(kind: str, home: str, environment: Mapping[str, str]) -> str:
    """Where an agent of a kind in the table keeps its own."""
    return _folder(table()[kind], home, environment)


def _folder(known: Files, home: str, environment: Mapping[str, str]) -> str:
    for moved in known.moved:
        name, _, below = moved.partition("/")
        value = environment.get(name, "")
        if value.startswith("/"):
            return os.path.join(value, below) if below else value
    return home + known.folder.removeprefix("~")


def present(place: Place) -> Iterator[str]:
    """The paths of a layer: itself where it is one file, there or not; of a pattern those that are there. Blocking."""
    if not glob.has_magic(place.layer.path):
        yield place.path
        return
    head, tail = _fixed(place)
    found = glob.iglob(tail, root_dir=head)
    yield from sorted(os.path.join(head, name) for name in itertools.islice(found, MOST_FILES))


def _fixed(place: Place) -> tuple[str, str]:
    """The pattern in two: what the table does not vary (a workspace may hold `*` in its name), and the rest."""
    parts = place.path.split("/")
    count = len(place.layer.path.split("/"))
    varies = next(at for at, part in enumerate(place.layer.path.split("/")) if glob.has_magic(part))
    cut = len(parts) - count + varies
    return "/".join(parts[:cut]) or "/", "/".join(parts[cut:])
