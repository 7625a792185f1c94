"""The vocabulary of capabilities, and what a session used of it."""

from enum import StrEnum
from typing import Literal

import msgspec


class Capability(StrEnum):
    """Kinds of what an agent may be expected to do."""

    FS_READ = "fs.read"
    FS_WRITE = "fs.write"
    EXEC = "exec"
    NET = "net"
    CONFIG = "config"
    PUBLISH = "publish"
    RESTART = "restart"
    SECRETS = "secrets"


class Use(msgspec.Struct, frozen=True):
    """One use of a capability: on which path, program, host or service ("" = that cannot be told)."""

    kind: Capability
    scope: str


class Used(msgspec.Struct, frozen=True):
    """How often a scope was used. `declared`: whether the profile expects it. `skill`: during which skill (a claim)."""

    kind: Capability
    scope: str
    times: int
    declared: bool
    skill: str = ""


class Matrix(msgspec.Struct, frozen=True):
    """Declared beside observed, for one kind. `scopes`: what the profile declares, () = nothing.

    `times`: uses that were released. `beyond`: scopes that were used and are not declared. `unseen`: uses of scopes over the
    bound of what is kept.
    """

    kind: Capability
    scopes: tuple[str, ...]
    times: int = 0
    beyond: tuple[str, ...] = ()
    unseen: int = 0


class Declared(msgspec.Struct, frozen=True):
    """One line of an agent's own settings, a skill or an agent definition, in our words: a claim, which decides nothing here.

    `source`: the file. `verb`: allow, ask or deny. `by`: the name of the skill or agent it is for, "" = the whole agent.
    """

    source: str
    verb: Literal["allow", "ask", "deny"]
    kind: Capability
    scope: str
    by: str = ""
