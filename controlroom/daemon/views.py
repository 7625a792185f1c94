"""Rows for whoever asks: frozen snapshots of the state as plain mappings (the CLI contract of product.md)."""

import msgspec

from controlroom.core.state import Held, State
from controlroom.daemon import words
from controlroom.model.agent import StopResult
from controlroom.model.clock import SECOND, Instant
from controlroom.model.effect import Effect, EffectKind
from controlroom.model.record import Receipt, Stage
from controlroom.model.request import Grant, Request, RequestState
from controlroom.model.touched import Seen
from controlroom.model.view import EffectView, ReceiptView, ToldView
from controlroom.storage.receipts import gaps

MOST_TEXT = 4096  # characters of one text of a receipt in a list; `show` gives all of it
MOST_NAMED = 50  # targets of a receipt in a list
MOST_REASONS = 8
TOLD = (Stage.DONE, Stage.FAILED)  # the agent told its end
type_of = msgspec.to_builtins
Row = dict[str, object]


def agent(held: Held, state: State, now: Instant) -> Row:
    """One session."""
    s = held.session
    waiting = [r for r in state.of_session(s.id) if r.state is RequestState.PENDING]
    return {
        "id": s.id,
        "name": s.name,
        "kind": s.kind,
        "state": s.state,
        "label": s.label,
        "rung": s.rung,
        "supervised": s.supervised,
        "workspace": s.workspace,
        "profile": s.profile,
        "command": list(s.command),
        "pid": s.root.pid if s.root else None,
        "pending": len(waiting),
        "age_s": round(now.seconds_since(s.opened), 1),
    }


def request(r: Request, state: State, now: Instant) -> Row:
    """One request, as much as is needed to decide it from a script."""
    held = state.sessions.get(r.session)
    a = r.assessment
    return {
        "id": r.id,
        "digest": r.digest,
        "tier": a.tier,
        "agent": held.session.name if held else "unknown",
        "session": r.session,
        "state": r.state,
        "action": type_of(r.action),
        "argv": [list(v) for v in a.argv],
        "effects": [{"kind": e.kind, "targets": [t.path for t in e.targets]} for e in a.effects],
        "targets": [type_of(t) for t in a.targets],
        "reasons": [type_of(x) for x in a.reasons],
        "diff": a.diff,
        "invalid": a.invalid,
        "undo": a.undo,
        "undo_why": a.undo_why,
        "call": r.call,
        "subagent": r.subagent,
        "says": r.says,
        "age_s": round(now.seconds_since(r.asked), 1),
        "ttl_s": round(max(0, min(r.deadline.boot - now.boot, r.deadline.wall - now.wall)) / SECOND, 1),
    }


def grant(g: Grant, state: State, now: Instant) -> Row:
    """One grant."""
    held = state.sessions.get(g.session)
    return {
        "id": g.id,
        "agent": held.session.name if held else "unknown",
        "session": g.session,
        "effects": list(g.effects),
        "path": g.path,
        "argv": list(g.argv),
        "uses": g.uses,
        "by": g.by,
        "ttl_s": round(max(0, min(g.deadline.boot - now.boot, g.deadline.wall - now.wall)) / SECOND, 1),
    }


def receipt(r: Receipt, log: ToldView | None = None) -> Row:
    """One receipt; `log`: what the agent's own log tells of its call. Its outcome is the agent's claim; `effects_observed` is
    null where no sensor tells (`observed_note`).
    """
    d = r.decision
    return {
        "id": r.id,
        "seq": r.seq,
        "agent": r.intent.agent,
        "session": r.session,
        "stage": r.stage,
        "tier": r.intent.assessment.tier,
        "tool": r.intent.action.tool,
        "does": words.brief(r.intent.action),
        "action": type_of(r.intent.action),
        "verdict": d.verdict if d else None,
        "by": d.by if d else None,
        "reason": d.reason if d else None,
        "digest": r.intent.digest,
        "at": r.at.wall,
        "outcome": type_of(r.outcome) if r.outcome else None,
        "note": r.note,
        "saved": type_of(r.saved) if r.saved else None,
        "undone": r.undone,
        "grant": _grant_used(r),
        "answered_after_s": round(d.at.seconds_since(r.at), 1) if d else None,
        "shown_s": None if d is None or d.shown_ms is None else d.shown_ms / 1000,
        "duration_s": round(r.ended.seconds_since(r.started), 1) if r.started and r.ended and r.stage in TOLD else None,
        "effects_declared": [{"kind": e.kind, "targets": [t.path for t in e.targets]} for e in r.intent.assessment.effects],
        "effects_observed": _observed(r),
        "observed_note": _limits(r.seen) if r.seen else "",
        "call": r.intent.call,
        "subagent": r.intent.subagent,
        "log": type_of(log),
        "gaps": list(gaps(r)),
    }


def receipt_view(r: Receipt, log: ToldView | None = None, *, whole: bool = False) -> ReceiptView:
    """One receipt for a room, its long texts and lists cut; all of them where it is `whole`."""
    a, d = r.intent.assessment, r.decision
    text = None if whole else MOST_TEXT
    named = None if whole else MOST_NAMED
    return ReceiptView(
        id=r.id,
        seq=r.seq,
        session=r.session,
        agent=r.intent.agent,
        stage=r.stage,
        tier=a.tier,
        tool=r.intent.action.tool,
        text=words.brief(r.intent.action)[:text],
        by=d.by if d else "",
        reason=d.reason[:text] if d else "",
        at=r.at,
        targets=tuple(t.path for t in a.targets[:named]),
        effects=tuple(e.kind for e in a.effects),
        ended=r.ended,
        ok=r.outcome.ok if r.outcome else None,
        note=(r.outcome.note if r.outcome else r.note)[:text],
        digest=r.intent.digest,
        cwd=r.intent.action.cwd,
        says=r.intent.says[:text],
        reasons=a.reasons[: None if whole else MOST_REASONS],
        verdict=d.verdict if d else None,
        answered=d.at if d else None,
        shown_ms=d.shown_ms if d else None,
        grant=_grant_used(r),
        undo_why=a.undo_why,
        saved=r.saved,
        undone=r.undone,
        started=r.started,
        took_ms=r.outcome.duration_ms if r.outcome else None,
        declared=tuple(_effect(e, named) for e in a.effects),
        gaps=gaps(r),
        seen=_seen(r.seen) if r.seen and not r.seen.why else None,
        seen_note=_limits(r.seen) if r.seen else "",
        call=r.intent.call,
        log=log,
    )


def _grant_used(r: Receipt) -> str:
    by = r.decision.by if r.decision else ""
    return by.removeprefix("grant:") if by.startswith("grant:") else ""


def _seen(seen: Seen) -> tuple[EffectView, ...]:
    """What the disk showed while the act was under way, by kind; `more` stands with the first of them."""
    told = ((EffectKind.CREATE, seen.created), (EffectKind.WRITE, seen.written), (EffectKind.DELETE, seen.deleted))
    rows = [EffectView(kind, paths) for kind, paths in told if paths]
    return (msgspec.structs.replace(rows[0], more=seen.more), *rows[1:]) if rows else ()


def _observed(r: Receipt) -> list[Row] | None:
    if r.seen is None or r.seen.why:
        return None
    return [{"kind": e.kind, "targets": list(e.targets), "more": e.more} for e in _seen(r.seen)]


def _limits(seen: Seen) -> str:
    """What the sensors cannot tell, in words."""
    if seen.why:
        return seen.why
    who = f"; {seen.others} other sessions work in this folder" if seen.others else ""
    return f"seen in the workspace while it was under way, not who did it{who}"


def _effect(e: Effect, named: int | None) -> EffectView:
    paths = tuple(t.path for t in e.targets[:named])
    return EffectView(e.kind, paths, len(e.targets) - len(paths))


def stop(result: StopResult | None, held: Held, error: str) -> Row:
    """What a pause, resume, stop or kill came to."""
    return {
        "id": held.session.id,
        "name": held.session.name,
        "state": held.session.state,
        "proof": result.proof if result else "",
        "ms": result.ms if result else None,
        "survivors": [type_of(s) for s in result.survivors] if result else [],
        "why": error or (result.why if result else ""),
        "found": type_of(result.found) if result and result.found else None,
    }
