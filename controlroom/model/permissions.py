"""What is known of an agent's permissions and of the files that set them. Facts and claims are told apart in each docstring."""

from typing import Literal

import msgspec

from controlroom.model.clock import Instant

Scope = Literal["user", "project", "local", "managed"]
Role = Literal["settings", "code", "rules", "servers", "skills", "agents", "instructions", "memory"]
Weight = Literal["red", "warn", "off", "plain"]


class Mode(msgspec.Struct, frozen=True):
    """One thing that says how much an agent asks. `weight`: red = for nothing, warn = less, off = its hooks do not run.

    `source`: a file, `command line`, or `its hook` (what it told itself last). `key`: of the settings, or the flag.
    """

    source: str
    key: str
    value: str
    weight: Weight
    says: str = ""


class Writers(msgspec.Struct, frozen=True):
    """Who may change a file. `agent`: whether the agent's own user can, None = that cannot be told; `why` in words."""

    owner: str
    mode: str
    agent: bool | None
    why: str
    acl: bool = False


class LayerChange(msgspec.Struct, frozen=True):
    """One change of a layer that was seen on disk. Text is raw and without secrets.

    `what`: made, changed, removed, replaced (the same content in another file), or owner or mode. `who`: in words.
    `receipt`: of the call that did it, "" = none did; `confirmed`: whether an operator allowed that call for this very file.
    `weakens`: what in it weakens the gate or the agent's asking. `declares`: what it lets the agent do now, or no longer.
    `gate`: it puts our hooks in, and does nothing else. `before`, `after`: SHA-256 of the content, "" = not there.
    """

    id: str
    path: str
    role: Role
    agent: str
    what: str
    who: str
    diff: str
    receipt: str = ""
    confirmed: bool = False
    weakens: tuple[str, ...] = ()
    declares: tuple[str, ...] = ()
    gate: bool = False
    before: str = ""
    after: str = ""


class SeenChange(msgspec.Struct, frozen=True):
    """A change, when it was seen, and who took it as it is ("" = it waits for an operator)."""

    at: Instant
    change: LayerChange
    taken: str = ""


class Hook(msgspec.Struct, frozen=True):
    """Our hook for one event. `where`: the files (or `command line`) it is written in. `calls`: how many messages of it reached
    this gate from this very session, `last` when; both the kernel's word. `probe`: what a probe of the written command came
    to, "" = not tried.
    """

    event: str
    where: tuple[str, ...] = ()
    calls: int = 0
    last: Instant | None = None
    probe: str = ""


Strength = Literal["closed", "closed except timeout", "open on failure", "none", "unknown"]
GateState = Literal["proved", "written", ""]


class Gate(msgspec.Struct, frozen=True):
    """What becomes of a call when its hook fails: `closed` = it is denied, `closed except timeout` = it is, but for a hook that
    takes longer than the agent waits, `open on failure` = it runs; `none` = none is held.
    `state`: proved = calls of this very session reached the gate, written = none did yet, "" = neither. `why` in words.
    """

    strength: Strength
    state: GateState
    why: str

    @property
    def words(self) -> str:
        """In short."""
        return f"{self.strength}, unproved" if self.state == "written" else self.strength


class Secret(msgspec.Struct, frozen=True):
    """A secret in an agent's log. `line`: the first that holds it; `times`: in how many lines of that log it was seen."""

    path: str
    line: int
    kind: str
    times: int = 1


class Environment(msgspec.Struct, frozen=True):
    """Variables of an agent's process that carry secrets: names and kinds. `why`: why they cannot be told, "" = they can."""

    names: tuple[str, ...] = ()
    why: str = ""


class Permissions(msgspec.Struct, frozen=True):
    """All of it, of one session. `walls`: what its containment was seen to hold, in words. `unscanned`: bytes of its logs that
    were not looked at for secrets yet.
    """

    session: str
    modes: tuple[Mode, ...] = ()
    hooks: tuple[Hook, ...] = ()
    gate: Gate | None = None
    walls: tuple[str, ...] = ()
    environment: Environment = Environment()
    secrets: tuple[Secret, ...] = ()
    unscanned: int = 0
