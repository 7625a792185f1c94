"""What a room is shown: one frozen snapshot of everything, made by the daemon. Text in it is raw; only SafeText is drawn."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from controlroom.model.agent import Label, Rung, SessionState, StopResult, Survivor
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind, Reason, Target
from controlroom.model.permissions import Gate, SeenChange, Writers
from controlroom.model.record import Stage
from controlroom.model.request import RequestState
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier, Verdict
from controlroom.model.told import Spending
from controlroom.model.use import Matrix


class StatusView(msgspec.Struct, frozen=True):
    """The state of the house. `journal`, `manifest` and `settings` (with rules) are "ok" or what is wrong. `stop_id` "" = no
    stop in force.
    """

    host: str
    version: str
    pid: int
    rung: Rung
    rung_why: str
    journal: str
    manifest: str
    settings: str
    unjournalled: int
    stop_id: str
    stop_by: str


class Load(msgspec.Struct, frozen=True):
    """What a session's processes use: CPU in percent of one core, resident memory in bytes, count."""

    cpu: float
    memory: int
    processes: int


Origin = Literal["terminal", "run", "config", "transcript"]


class LogSource(msgspec.Struct, frozen=True):
    """One log of a session. `origin`: terminal, run (`run --log`), config, transcript. `lines` that came since it is followed,
    `dropped` of them; `state`: why it is not followed, `polled`: why it is only looked at once a second; "" = neither.
    """

    path: str
    origin: Origin
    lines: int = 0
    dropped: int = 0
    state: str = ""
    polled: str = ""


def name_of(path: str, origin: Origin | Literal[""] = "") -> str:
    """A log in a word."""
    return "terminal" if origin == "terminal" else path.rpartition("/")[2]


def merged(logs: Sequence[LogSource]) -> tuple[LogSource, ...]:
    """Those of the logs whose lines stand in the merged stream: a transcript is told as events, not as it is written, and where
    there is one, the terminal shows the same with all that a screen needs.
    """
    told = any(log.origin == "transcript" for log in logs)
    return tuple(log for log in logs if log.origin != "transcript" and not (told and log.origin == "terminal"))


class AgentView(msgspec.Struct, frozen=True):
    """One session. `tool`: what it is at ("" = not known), `last`: when it was last heard of, `stop`: the last act on it.

    `uses`: declared beside observed, one row a kind. `doubts`: alarms about what it did against the gate, which nobody has
    cleared yet. `spending`: None = no log of it is known. `logs`: the first of its logs. `gate`: None = not looked at yet.
    """

    id: str
    name: str
    kind: str
    state: SessionState
    label: Label
    rung: Rung
    workspace: str
    command: tuple[str, ...]
    pid: int | None
    opened: Instant
    pending: int
    tool: str = ""
    last: Instant | None = None
    load: Load | None = None
    stop: StopResult | None = None
    profile: str = "default"
    uses: tuple[Matrix, ...] = ()
    doubts: tuple[str, ...] = ()
    spending: Spending | None = None
    logs: tuple[LogSource, ...] = ()
    gate: Gate | None = None

    @property
    def stream(self) -> tuple[str, ...]:
        """Paths of the logs whose lines stand in its merged stream."""
        return tuple(log.path for log in merged(self.logs))


class RequestView(msgspec.Struct, frozen=True):
    """A request as it is to be judged. `text`: the canonical input where there is no argv. `changed`: the files' diff."""

    id: str
    digest: str
    tier: Tier
    state: RequestState
    session: str
    agent: str
    label: Label
    pid: int | None
    subagent: str
    tool: str
    text: str
    cwd: str
    argv: tuple[tuple[str, ...], ...]
    diff: str
    invalid: str
    effects: tuple[EffectKind, ...]
    targets: tuple[Target, ...]
    reasons: tuple[Reason, ...]
    undo: bool
    undo_why: str
    says: str
    asked: Instant
    deadline: Instant


class GrantView(msgspec.Struct, frozen=True):
    """A grant in force."""

    id: str
    session: str
    effects: tuple[EffectKind, ...]
    uses: int
    deadline: Instant
    by: str
    argv: tuple[str, ...]
    path: str
    subagent: str


class EffectView(msgspec.Struct, frozen=True):
    """One kind of effect and the first of what it falls on; `more`: how many others are not told here."""

    kind: EffectKind
    targets: tuple[str, ...] = ()
    more: int = 0


class ToldView(msgspec.Struct, frozen=True):
    """What the agent's own log tells of a call: its outcome, "" = not told; `doubts` about it that nobody has cleared."""

    outcome: str
    doubts: tuple[str, ...] = ()


class ReceiptView(msgspec.Struct, frozen=True):
    """One act. Where `ok` is told, `note` and `took_ms` are the agent's claim of its outcome; so is `says`, of what it is for.

    `answered`: when it was decided; `shown_ms`: how long a room had fully shown it then, None = not known. `seen`: what
    sensors saw while it was under way, None = nobody looked; `seen_note`: their limits. `call`: the agent's id of it; `log`:
    what its own log tells of that call, None = nothing. `gaps`: what it lacks of a whole receipt.
    """

    id: str
    seq: int
    session: str
    agent: str
    stage: Stage
    tier: Tier
    tool: str
    text: str
    by: str
    reason: str
    at: Instant
    targets: tuple[str, ...]
    effects: tuple[EffectKind, ...]
    ended: Instant | None = None
    ok: bool | None = None
    note: str = ""
    digest: str = ""
    cwd: str = ""
    says: str = ""
    reasons: tuple[Reason, ...] = ()
    verdict: Verdict | None = None
    answered: Instant | None = None
    shown_ms: int | None = None
    grant: str = ""
    undo_why: str = ""
    saved: Saved | None = None
    undone: str = ""
    started: Instant | None = None
    took_ms: int | None = None
    declared: tuple[EffectView, ...] = ()
    seen: tuple[EffectView, ...] | None = None
    seen_note: str = ""
    call: str = ""
    log: ToldView | None = None
    gaps: tuple[str, ...] = ()


class LogView(msgspec.Struct, frozen=True):
    """One line of an agent's stream: a journal record in words, or (`told`) something that the agent's own log claims.

    `seq`: of the record, or by arrival. `kind`: the record's, or a word for what was told. `claimed`: the time that the agent
    wrote, ns since 1970. `more`: all of what `text` is the begin of, "" = the same. Of a tool call: `gate` = its gate record in
    words, or what is wrong with it (`doubt`), `outcome` "" = not told, `files` that its input names, `processes` of its agent
    that were born while it was under way, as far as they lived until somebody looked.
    """

    seq: int
    at: Instant
    session: str
    kind: str
    text: str
    told: bool = False
    claimed: int | None = None
    subagent: str = ""
    more: str = ""
    call: str = ""
    receipt: str = ""
    gate: str = ""
    doubt: bool = False
    outcome: str = ""
    files: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()


class StoryView(msgspec.Struct, frozen=True):
    """What a session's log and the journal tell together. `seq` grows with every change. `logs`: the files that are followed.

    `calls`: tool calls that its log told of. `unknown`: lines that no decoder knows, by kind. `model`, `mode`: as told last.
    `older`: there are rows that are no longer kept.
    """

    seq: int
    rows: tuple[LogView, ...] = ()
    logs: tuple[str, ...] = ()
    spending: Spending = Spending()
    model: str = ""
    mode: str = ""
    calls: int = 0
    unknown: dict[str, int] = {}
    older: bool = False


class LineView(msgspec.Struct, frozen=True):
    """One line of a log, safe and without secrets. `seq`: in what order it came to its session; `name`: its log in a word;
    `offset`: where it lies in its file, -1 = it is a remark of ours (a gap); `told`: the time that it claims, ns since the
    epoch; `cut`: bytes not shown. `open`: it has no end yet, `seq` is 0, and it gives way to what its log shows next.
    """

    seq: int
    at: Instant
    path: str
    name: str
    offset: int
    text: str
    level: str = ""
    told: int | None = None
    cut: int = 0
    open: bool = False


class AlarmView(msgspec.Struct, frozen=True):
    """Something every operator is told."""

    seq: int
    at: Instant
    kind: str
    session: str
    text: str


class ProcessView(msgspec.Struct, frozen=True):
    """One process of a session. `cpu` percent of one core, `memory` resident bytes, `age` seconds, `depth` in the tree.

    `outside`: it bears the session's tag and is not in its control group. What follows it is looked at only where it is shown
    (`whole`): descriptors, where it works, where in the kernel it sleeps, sockets by protocol and address.
    """

    pid: int
    depth: int
    state: str
    command: tuple[str, ...]
    cpu: float
    memory: int
    threads: int
    age: float
    name: str = ""
    outside: bool = False
    whole: bool = False
    files: int | None = None
    cwd: str = ""
    waits: str = ""
    listening: tuple[str, ...] = ()
    connected: tuple[str, ...] = ()


class ProcessesView(msgspec.Struct, frozen=True):
    """The processes of a session that were asked for, parents first. `total`: how many it has."""

    total: int
    rows: tuple[ProcessView, ...]


class LayerView(msgspec.Struct, frozen=True):
    """One configuration layer of an agent. `gate` says in words whether our hook is there; `warning` what weakens it.

    `writers`: who may change it, None = nobody looked. `changes`: the newest that were seen of it, oldest first.
    """

    path: str
    exists: bool
    gate: str
    warning: str
    scope: str = ""
    role: str = ""
    writers: Writers | None = None
    changes: tuple[SeenChange, ...] = ()


class RoomView(msgspec.Struct, frozen=True):
    """Everything at one moment. `seq` grows with every change; `now` is the daemon's clock."""

    seq: int
    now: Instant
    status: StatusView
    agents: tuple[AgentView, ...]
    pending: tuple[RequestView, ...]
    grants: tuple[GrantView, ...]
    receipts: tuple[ReceiptView, ...]
    log: tuple[LogView, ...]
    alarms: tuple[AlarmView, ...]
    survivors: tuple[Survivor, ...] = ()


class Pulse(msgspec.Struct, frozen=True):
    """What still moves in a room where nothing happened since snapshot `seq`: the clock, the house, and what sessions use."""

    seq: int
    now: Instant
    status: StatusView
    loads: dict[str, Load]


def after(view: RoomView, pulse: Pulse) -> RoomView:
    """The same room at the moment of the pulse."""
    agents = tuple(
        a if a.load == pulse.loads.get(a.id) else msgspec.structs.replace(a, load=pulse.loads.get(a.id)) for a in view.agents
    )
    return msgspec.structs.replace(view, now=pulse.now, status=pulse.status, agents=agents)
