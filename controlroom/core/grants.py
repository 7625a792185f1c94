"""Grants: expiring, use-counted, literal. A grant covers what it lists and nothing near it (A14)."""

from collections.abc import Callable

import msgspec

from controlroom.core.turn import Turn
from controlroom.model.agent import OVER
from controlroom.model.clock import Instant
from controlroom.model.effect import Assessment, EffectKind
from controlroom.model.event import GrantAsked, GrantRevoked, PolicyChanged
from controlroom.model.record import Kind
from controlroom.model.request import Grant, Request
from controlroom.model.tier import Tier

ALWAYS_ASKED = {EffectKind.CONFIG, EffectKind.RESTART}  # these always wait for a person


def covers(grant: Grant, request: Request, now: Instant) -> bool:
    """Whether this grant stands for an operator's yes to this request, now."""
    what = request.assessment
    if grant.session != request.session or grant.uses < 1 or grant.deadline.reached(now):
        return False
    if grant.subagent and grant.subagent != request.subagent:
        return False
    if what.tier is Tier.TX or not _kinds(what) <= set(grant.effects):
        return False
    if grant.argv:
        return what.argv == (grant.argv,) and request.action.cwd == grant.cwd
    if what.tier >= Tier.T2 and not what.undo:
        return False  # its giver was not told that this cannot be undone (S6); who names a command knows which
    targets = [*what.targets, *(t for e in what.effects if e.kind is not EffectKind.READ for t in e.targets)]
    return bool(targets) and all(t.certain and _within(t.path, grant.path) for t in targets)


def _kinds(what: Assessment) -> set[EffectKind]:
    return {e.kind for e in what.effects} - {EffectKind.READ}


def _within(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")


def use(turn: Turn, request: Request) -> Grant | None:
    """Take one use of the first grant that covers the request; None = none does."""
    for grant in turn.state.grants.values():
        if covers(grant, request, turn.at):
            left = {**turn.state.grants, grant.id: msgspec.structs.replace(grant, uses=grant.uses - 1)}
            turn.change(grants={k: g for k, g in left.items() if g.uses > 0})
            return grant
    return None


def on_grant_asked(turn: Turn, event: GrantAsked) -> None:
    """Give a grant, or say why not."""
    error = _refusal(turn, event)
    if error:
        turn.answer(event.ticket, error)
        return
    deadline = event.at.plus(min(event.seconds, turn.state.limits.grant_longest))
    cwd = turn.state.sessions[event.session].session.workspace if event.argv else ""
    grant = Grant(
        id=event.id,
        session=event.session,
        effects=event.effects,
        uses=event.uses,
        deadline=deadline,
        by=event.by,
        argv=event.argv,
        cwd=cwd,
        path=event.path,
        subagent=event.subagent,
        dev=event.dev,
        ino=event.ino,
    )
    turn.record(Kind.GRANT, grant, session=grant.session)
    turn.change(grants={**turn.state.grants, grant.id: grant})
    turn.answer(event.ticket)


def _refusal(turn: Turn, event: GrantAsked) -> str:
    held = turn.state.sessions.get(event.session)
    if turn.state.latch:
        return f"latched: emergency stop {turn.state.latch} is in force; reset it first"
    if held is None:
        return f"not-found: no session {event.session}"
    if held.session.kind == "unknown":
        return "refused: a peer that nobody launched or adopted gets no grant; answer its requests one by one"
    if bool(event.argv) == bool(event.path):
        return "usage: a grant has either a path or an argv"
    if held.session.state in OVER:
        return f"refused: the session is {held.session.state}"
    if ALWAYS_ASKED & set(event.effects):
        return "refused: configuration changes and restarts always wait for a person"
    if event.uses < 1 or event.seconds <= 0 or not event.effects:
        return "usage: a grant has at least one effect, one use and one second"
    return ""


def on_policy_changed(turn: Turn, event: PolicyChanged) -> None:
    """No grant outlives the policy under which it was given (A16)."""
    revoke(turn, lambda g: True, f"policy change by {event.by}")
    turn.change(limits=msgspec.structs.replace(turn.state.limits, hold=event.hold))


def on_grant_revoked(turn: Turn, event: GrantRevoked) -> None:
    """Take one grant back."""
    if event.id not in turn.state.grants:
        turn.answer(event.ticket, f"not-found: no grant {event.id}")
        return
    revoke(turn, lambda g: g.id == event.id, event.by)
    turn.answer(event.ticket)


def revoke(turn: Turn, which: Callable[[Grant], bool], by: str) -> None:
    """Take back every grant that `which` names, and record each."""
    for grant in turn.state.grants.values():
        if which(grant):
            turn.record(Kind.REVOKED, {"id": grant.id, "by": by}, session=grant.session)
    turn.change(grants={k: g for k, g in turn.state.grants.items() if not which(g)})


def expire(turn: Turn) -> None:
    """Drop the grants whose time is over."""
    revoke(turn, lambda g: g.deadline.reached(turn.at), "expiry")
