"""Assessment: what an action would do, to what, how bad it is, and why."""

from enum import StrEnum

import msgspec

from controlroom.model.tier import Tier


class EffectKind(StrEnum):
    """What is done to a target. Closed list: a new kind is a decision about the product."""

    READ = "read"
    CREATE = "create"  # a path that did not exist
    WRITE = "write"  # content that existed changes or is replaced
    DELETE = "delete"
    META = "meta"  # mode, owner, times, xattrs
    EXEC = "exec"
    NET = "net"
    CONFIG = "config"  # an agent's or the machine's configuration
    PUBLISH = "publish"  # leaves the machine for others to see or run
    RESTART = "restart"  # services, gateways, machines
    SIGNAL = "signal"  # processes that are not the agent's own
    SECRETS = "secrets"
    REMOTE = "remote"  # state on another machine or in a service
    UNKNOWN = "unknown"


class Target(msgspec.Struct, frozen=True):
    """What an effect falls on. For files `path` is absolute; else it names the thing (`git:branch/main`, `k8s:pod/x`).

    `files`/`size` are from a bounded scan: None = not counted, `partial` = counting stopped at its bound (show "at least").
    `tracked` and `inside` (the workspace) are None where unknown. `certain` is False where the expansion could not be
    proved ("could match"); `path` is then the nearest ancestor.
    """

    path: str
    exists: bool | None = None
    files: int | None = None
    size: int | None = None
    partial: bool = False
    tracked: bool | None = None
    inside: bool | None = None
    certain: bool = True


class Effect(msgspec.Struct, frozen=True):
    """One kind of effect on the targets it falls on (indices are not used: targets are repeated where they recur)."""

    kind: EffectKind
    targets: tuple[Target, ...] = ()


class Loses(StrEnum):
    """What an act of git can lose: where its names point (branches, HEAD, index, stash, reflogs), also files, also objects."""

    REFS = "refs"
    WORKTREE = "worktree"
    HISTORY = "history"


class Repository(msgspec.Struct, frozen=True):
    """A folder (absolute path) in which git does something that can lose work."""

    path: str
    loses: Loses


class Reason(msgspec.Struct, frozen=True):
    """Why a tier was given: the rule's id, a sentence for people, and the safer way where there is one."""

    rule: str
    tier: Tier
    text: str
    safer: str = ""


class Assessment(msgspec.Struct, frozen=True):
    """What policy makes of an action. Pure data; nothing in it came from the agent's own description.

    `argv`: each simple command found, token by token, outermost first (empty for file tools). `executables`: command words
    whose program is run. `operands`: absolute paths whose *content* is run or applied (script, makefile, manifest).
    `targets`: every file target, resolved. `diff`: unified diff of a guarded or edited file, "" where none. `invalid`: why
    the new content of a configuration file does not parse, "" where it does. `repositories`: where git can lose something.
    `undo`: whether a snapshot can bring it back, and will be made before a release; measured by the daemon, not judged by
    policy. `undo_why`: why not, or what it will not bring back.
    """

    tier: Tier
    reasons: tuple[Reason, ...]
    effects: tuple[Effect, ...] = ()
    targets: tuple[Target, ...] = ()
    argv: tuple[tuple[str, ...], ...] = ()
    executables: tuple[str, ...] = ()
    operands: tuple[str, ...] = ()
    diff: str = ""
    invalid: str = ""
    repositories: tuple[Repository, ...] = ()
    undo: bool = False
    undo_why: str = ""
