"""Words of the model with sensible defaults, for tests of the core."""

from controlroom.model.action import Action, Binding, FileId, digest_of
from controlroom.model.agent import Label, ProcessId, Rung, Session, SessionState, StopResult, Survivor
from controlroom.model.clock import SECOND, Instant
from controlroom.model.effect import Assessment, Effect, EffectKind, Reason, Target
from controlroom.model.request import Request
from controlroom.model.snapshot import Saved
from controlroom.model.tier import Tier

SAVED = Saved("5" * 64, 3, 4096)
START = Instant(1_000 * SECOND, 1_700_000_000 * SECOND)
HOLD = 600.0
PROOFS = {"freeze": "cgroup frozen 1", "thaw": "cgroup frozen 0", "stop": "cgroup populated 0", "kill": "cgroup populated 0"}

__all__ = ["HOLD", "PROOFS", "SAVED", "START", "action", "assessment", "binding", "outcome_of", "request", "session"]


def session(
    name: str = "s1",
    *,
    rung: Rung = Rung.CGROUP,
    kind: str = "claude-code",
    state: SessionState = SessionState.RUNNING,
    root: ProcessId | None = None,
) -> Session:
    """A supervised session under its own name; `OBSERVED` ones are adopted, so not supervised."""
    held = rung is not Rung.OBSERVED
    label = Label.SUPERVISED if held else Label.ADVISORY
    return Session(name, name, kind, label, rung, "/ws", START, state, held, (), root)


def action(text: str = '{"command":"rm -rf build"}', tool: str = "Bash", cwd: str = "/ws") -> Action:
    """An action of the Bash tool."""
    return Action(tool, text, cwd)


def binding(name: str = "/ws", ino: int = 7) -> Binding:
    """A binding with one file of every sort."""
    one = FileId(name, name, 1, ino)
    return Binding(
        one,
        (FileId("/bin/rm", "/usr/bin/rm", 1, 8, "aa"),),
        (FileId("/ws/run.sh", "/ws/run.sh", 1, 9, "bb"),),
        (FileId("/ws/build", "/ws/build", 1, 10),),
    )


def assessment(
    tier: Tier = Tier.T2,
    *,
    kinds: tuple[EffectKind, ...] = (EffectKind.DELETE,),
    paths: tuple[str, ...] = ("/ws/build",),
    argv: tuple[tuple[str, ...], ...] = (("rm", "-rf", "build"),),
    certain: bool = True,
    undo: bool | None = None,
    undo_why: str = "",
) -> Assessment:
    """What policy would make of `rm -rf build`, at any tier; from T2 up a snapshot can bring it back unless told otherwise."""
    targets = tuple(Target(p, certain=certain) for p in paths)
    effects = tuple(Effect(k, targets) for k in kinds)
    return Assessment(
        tier,
        (Reason("test", tier, "a test"),),
        effects,
        targets,
        argv,
        undo=tier >= Tier.T2 if undo is None else undo,
        undo_why=undo_why,
    )


def request(
    name: str = "r1",
    *,
    of: str = "s1",
    tier: Tier = Tier.T2,
    what: Assessment | None = None,
    at: Instant = START,
    hold: float = HOLD,
    connection: str = "",
    subagent: str = "",
    call: str = "",
    hooked: bool = True,
) -> Request:
    """A request as the gate builds it: on its own connection, bound and digested."""
    act, bound = action(f'{{"command":"rm -rf {name}"}}'), binding()
    judged = what or assessment(tier)
    digest = digest_of(act, bound)
    where = connection or f"conn-{name}"
    return Request(name, of, where, act, bound, judged, digest, at, at.plus(hold), call, subagent, "trust me, harmless", hooked)


def outcome_of(
    name: str, act: str, *, proof: str | None = None, survivors: tuple[Survivor, ...] = (), why: str = ""
) -> StopResult:
    """What a freeze, thaw, stop or kill came to; proved unless told otherwise."""
    return StopResult(name, act, PROOFS[act] if proof is None else proof, 12, 0, survivors, why)
