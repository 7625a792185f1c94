"""What the operator may set: `config.toml` and `profiles/NAME.toml`, key by key, with bounds and defaults.

These Structs are the schema: a file may hold exactly these keys. To add one, add a field here and its line to
docs/configuration.md (a test compares them); `policy/settings.py` reads the files, `policy/weaker.py` knows what weakens.
"""

from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from controlroom.model.trips import Trips

PATH = r"^(\*|\.|\./.+|~|~/.+|/.*)$"  # everything, the workspace, something in it, the home, something in it, absolute
WORD = r"^[!-~]{1,200}$"  # printable, without white space
HOST = r"^(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*(:[0-9]{1,5})?)$"
GLOB = r"^(\./.+|~/.+|/.+)$"  # in the workspace, at home, absolute
PLACE = r"^(|file:/.+|git:/.+|syslog)$"
MEANT = {
    PLACE: "`file:/PATH`, `git:/REPOSITORY`, `syslog`, or nothing",
    PATH: "a folder or file: an absolute path, `.` or `./...` in the workspace, `~` or `~/...` at home, `*` for all",
    GLOB: "a pattern of files: an absolute path, `./...` in the workspace, or `~/...` at home, perhaps with `*`",
    WORD: "a word without white space, `*` for all",
    HOST: "a host: `example.org`, `*.example.org`, `example.org:443`, `*` for all",
}

Paths = tuple[Annotated[str, Meta(pattern=PATH)], ...]
Globs = tuple[Annotated[str, Meta(pattern=GLOB)], ...]
Words = tuple[Annotated[str, Meta(pattern=WORD)], ...]
Hosts = tuple[Annotated[str, Meta(pattern=HOST)], ...]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a settings file: a key that is not a field here is an error."""


class Kept(StrEnum):
    """Where a session's home and temporary folder lie, and what becomes of them."""

    OWN = "own"  # the user's, as they are
    THROW_AWAY = "throw-away"  # empty ones that vanish with the session; what was in them stands on its receipt


class Leftover(StrEnum):
    """What becomes of processes that an agent left behind at its exit."""

    STOP = "stop"
    KEEP = "keep"


class Hold(Section, frozen=True):
    """How long a request waits for an operator, in seconds. Longer than 600 would outlast the hook (620 s)."""

    seconds: Annotated[float, Meta(ge=1, le=600)] = 600.0


class Snapshots(Section, frozen=True):
    """How much a snapshot may be, and how long it is kept. What is over a limit is shown as "no undo" before the answer."""

    bytes: Annotated[int, Meta(ge=0)] = 4 << 30
    files: Annotated[int, Meta(ge=0)] = 100_000
    seconds: Annotated[float, Meta(ge=0.1, le=300)] = 60.0
    keep_days: Annotated[float, Meta(ge=1)] = 30.0
    store: Annotated[int, Meta(ge=0)] = 20 << 30


class Files(Section, frozen=True):
    """`fs.read` and `fs.write`: folders and files, with all that is below."""

    read: Paths = ()
    write: Paths = ()


class Capabilities(Section, frozen=True):
    """What an agent is expected to do: for each kind its scopes, () = not at all, `*` = all of the kind."""

    fs: Files = Files()
    exec: Words = ()
    net: Hosts = ()
    config: Paths = ()
    publish: Words = ()
    restart: Words = ()
    secrets: Paths = ()


class Rules(Section, frozen=True):
    """All that `profiles/NAME.toml` may say. `trips` that are not named there are those of config.toml."""

    capabilities: Capabilities = Capabilities()
    containment: Literal["auto", "enforced", "none"] = "auto"
    network: bool = True
    home: Kept = Kept.OWN
    tmp: Kept = Kept.OWN
    leftover: Leftover = Leftover.STOP
    trips: Trips = Trips()


class Profile(msgspec.Struct, frozen=True):
    """A profile as a session has it. `asks`: use that `rules` do not declare asks; else it is only shown."""

    name: str
    rules: Rules
    asks: bool = True


class Anchor(Section, frozen=True):
    """Where the head of the journal is written every five minutes: `file:/PATH`, `git:/REPOSITORY`, `syslog`; "" = nowhere.

    `keep_days`: older segments that an anchor covers are dropped; 0 = the whole journal is kept.
    """

    place: Annotated[str, Meta(pattern=PLACE)] = ""
    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 0


class Logs(Section, frozen=True):
    """Logs that belong to every agent: patterns of files, or folders; `./...` lies in the workspace of each."""

    files: Globs = ()


class Config(Section, frozen=True):
    """All that config.toml may say."""

    hold: Hold = Hold()
    snapshots: Snapshots = Snapshots()
    trips: Trips = Trips()
    anchor: Anchor = Anchor()
    logs: Logs = Logs()


class Settings(msgspec.Struct, frozen=True):
    """What holds: the configuration, every profile by name (`default` always), and in words what was not on disk."""

    config: Config = Config()
    profiles: dict[str, Profile] = {}
    notes: tuple[str, ...] = ()


DEFAULT = "default"
_USUAL = Capabilities(fs=Files(read=("*",), write=(".",)), exec=("*",), net=("*",))


def default_profile(trips: Trips) -> Profile:
    """The profile of a session for which none was chosen: the usual work is declared, anything else is shown, not asked."""
    return Profile(DEFAULT, Rules(capabilities=_USUAL, trips=trips), asks=False)
