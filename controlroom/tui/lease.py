"""What "allow and grant the same" means for a request: the exact command, or the one file, with the request's own effects."""

from controlroom.model.effect import EffectKind
from controlroom.model.request import GRANT_LONGEST
from controlroom.model.view import AgentView, RequestView
from controlroom.tui.approval_events import Lease

MINUTES = 300.0  # seconds
MOST_USES = 100
ALWAYS_ASKED = frozenset((EffectKind.CONFIG, EffectKind.RESTART))


def scope_of(request: RequestView, agent: AgentView | None) -> tuple[dict[str, object], str]:
    """What a grant would cover, as parameters of the daemon's `grant`, and why there can be none ("" = there can)."""
    if agent is None or agent.kind == "unknown":
        return {}, "a peer that nobody launched gets no grant"
    if ALWAYS_ASKED & set(request.effects):
        return {}, "configuration changes and restarts always wait for a person"
    effects = [e for e in request.effects if e is not EffectKind.READ]
    if not effects:
        return {}, "nothing known would be granted"
    if len(request.argv) == 1:
        if request.cwd != agent.workspace:
            return {}, "a command is granted in the workspace only, and this one runs elsewhere"
        return {"effects": effects, "argv": list(request.argv[0])}, ""
    if len(request.targets) == 1 and not request.argv and request.targets[0].certain:
        return {"effects": effects, "path": request.targets[0].path}, ""
    return {}, "only one exact command or one file can be granted: answer this one by itself"


def params(request: RequestView, agent: AgentView | None, lease: Lease, uses: int) -> dict[str, object] | None:
    """The parameters of the daemon's `grant`, None where nothing can be granted."""
    covered, why = scope_of(request, agent)
    if why or not lease:
        return None
    seconds = MINUTES if lease == "minutes" else GRANT_LONGEST  # the end of its session comes before it
    return {"name": request.session, "uses": uses if lease == "uses" else MOST_USES, "seconds": seconds, **covered}
