"""An agent's session: how it is held, what we may promise for it, and how to take hold of it from any process."""

from enum import StrEnum

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.trips import Trips


class Label(StrEnum):
    """What is honestly promised for a session (design: ADVISORY < SUPERVISED < ENFORCED)."""

    ADVISORY = "ADVISORY"
    SUPERVISED = "SUPERVISED"
    ENFORCED = "ENFORCED"


class Rung(StrEnum):
    """Which mechanism holds a session."""

    CGROUP = "cgroup"  # cgroup v2: freeze, kill, `populated 0` as proof
    PIDNS = "namespace"  # PID namespace: its init dies, and the kernel kills all the others with it
    SUBREAPER = "subreaper"  # shim that kills until ECHILD
    OBSERVED = "observed"  # a process tree we only look at: no proof


class SessionState(StrEnum):
    """The state word on screen."""

    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"  # proved dead by the kernel
    ENDED = "ended"  # the agent's own exit
    UNCONFIRMED = "not confirmed"  # a stop without proof
    LOST = "lost"  # was alive under an earlier daemon; nobody knows


OVER = (SessionState.ENDED, SessionState.STOPPED, SessionState.LOST)


class ProcessId(msgspec.Struct, frozen=True):
    """A process for all time: pid, start time (field 22 of /proc/PID/stat, clock ticks) and boot id."""

    pid: int
    start: int
    boot: str


class Handle(msgspec.Struct, frozen=True):
    """How any process of ours can take hold of a session without the daemon; kept as `agents/SESSION.json`.

    `cgroup`: the leaf's absolute path, "" without one. `shim`: the per-agent shim. `root`: the agent's first process.
    `init`: the first process of its PID namespace, None without one. `control`: path of the shim's control socket, "" without
    a shim. `tag`: the hard RLIMIT_MSGQUEUE that all of the session inherit, 0 without one. `end`: how it ended, and `thrown`:
    what went with it, where no daemon was there to take that.
    """

    session: str
    name: str
    rung: Rung
    root: ProcessId | None = None
    shim: ProcessId | None = None
    cgroup: str = ""
    control: str = ""
    init: ProcessId | None = None
    tag: int = 0
    end: str = ""
    thrown: tuple[str, ...] = ()


class Session(msgspec.Struct, frozen=True):
    """One run of one agent. `kind` is claude-code, codex, ..., `process`, or `unknown` for a peer nobody launched.

    `logs`: absolute paths of logs and folders of logs that the operator named at its launch.
    """

    id: str
    name: str
    kind: str
    label: Label
    rung: Rung
    workspace: str
    opened: Instant
    state: SessionState = SessionState.RUNNING
    supervised: bool = False
    command: tuple[str, ...] = ()
    root: ProcessId | None = None
    trips: Trips = Trips()
    profile: str = "default"
    logs: tuple[str, ...] = ()


class Survivor(msgspec.Struct, frozen=True):
    """A process that a stop could not prove dead, and why (`EPERM`, `D state`, `no proof on this rung` ...)."""

    process: ProcessId
    name: str
    why: str


class Inventory(msgspec.Struct, frozen=True):
    """What a session was at when it was stopped. `processes`, `files`: how many there were; the lists are cut.

    `commands`: pid and command line; `writing`: files open for write; `listening`, `connected`: protocol and address;
    `calls`: released calls of which nobody had told the end. `partial`: the look had no time to see everything.
    """

    processes: int
    commands: tuple[str, ...] = ()
    writing: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()
    connected: tuple[str, ...] = ()
    files: int = 0
    calls: tuple[str, ...] = ()
    partial: bool = False


class StopResult(msgspec.Struct, frozen=True):
    """What a freeze or kill came to. `proof` names the kernel fact (`cgroup populated 0`, `cgroup frozen 1`, `ECHILD`,
    `PID namespace ended`), "" = NOT CONFIRMED, with survivors or `why`. `ms`: from order (of an emergency stop: from
    its pull) to proof, with all that came in between. `found`: what it was at, None where nobody looked.
    """

    session: str
    act: str  # freeze, thaw, stop, kill
    proof: str
    ms: int
    killed: int = 0
    survivors: tuple[Survivor, ...] = ()
    why: str = ""
    found: Inventory | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the kernel proved it (S14)."""
        return self.proof != ""
