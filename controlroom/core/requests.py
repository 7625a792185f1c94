"""Requests: asked, answered, saved, looked at again, made durable, delivered; everything else ends in a denial (S3)."""

import msgspec

from controlroom.core import grants, sessions, trips
from controlroom.core.orders import Alarm, Check, Reply, Snapshot
from controlroom.core.state import Act, Held
from controlroom.core.turn import Turn
from controlroom.model.agent import SessionState
from controlroom.model.event import Asked, Checked, Decided, Delivered, Durable, Finished, PeerGone, Snapped
from controlroom.model.record import Intent, Kind
from controlroom.model.request import Decision, Request, RequestState
from controlroom.model.storing import Storing
from controlroom.model.tier import Tier, Verdict

AGAIN = "You may ask again."


def on_asked(turn: Turn, event: Asked) -> None:
    """Record the intent, then pass, hold or deny."""
    request = event.request
    if request.id in turn.state.requests or request.id in turn.state.tombs:
        turn.order(Alarm("replay", request.session, f"request id {request.id} was used twice; the second was ignored"))
        return
    held = turn.state.sessions.get(request.session)
    turn.put_request(request)
    turn.record(Kind.INTENT, _intent(request, held), session=request.session, receipt=request.id)
    by, reason = _closed(turn, held)
    if held is None or reason:
        deny(turn, request, by, reason)
    elif row := trips.same_call(turn, request):
        deny(turn, request, "budget", f"the same call {row} times in a row: a person has to look before it goes on")
        trips.trip(turn, request.session, "same_call", row)
    elif request.assessment.tier is Tier.TX:
        deny(turn, request, "policy", _why(request))
    elif why := _unstorable(turn, request):
        deny(turn, request, "journal", why)
    elif request.assessment.tier <= Tier.T1:
        _go_on(turn, _decided(turn, request, "policy", _why(request)))
    elif grant := grants.use(turn, request):
        _go_on(turn, _decided(turn, request, f"grant:{grant.id}", f"covered by grant {grant.id}"))
    else:
        _hold(turn, held, request)


def _intent(request: Request, held: Held | None) -> Intent:
    name = held.session.name if held else "unknown"
    return Intent(request.digest, request.action, request.assessment, name, request.call, request.subagent, request.says)


def _closed(turn: Turn, held: Held | None) -> tuple[str, str]:
    """Who denies everything from this session at the moment, and why; ("", "") = nobody."""
    if turn.state.latch:
        return "stop", f"emergency stop {turn.state.latch} is in force; nothing runs until an operator resets it"
    if held is None:
        return "gate", "the session is not known to controlroom"
    if held.session.state is not SessionState.RUNNING or held.intent:
        return "pause", f"the session is {held.session.state}; an operator must resume it"
    return "", ""


def _why(request: Request) -> str:
    return "; ".join(r.text for r in request.assessment.reasons[:3]) or f"tier {request.assessment.tier}"


def _hold(turn: Turn, held: Held, request: Request) -> None:
    """Put the request before the operator, unless the session floods (S15)."""
    limits = turn.state.limits
    since = tuple(t for t in held.fresh if turn.at.seconds_since(t) < limits.fresh_window)
    waiting = sum(1 for r in turn.state.pending() if r.session == request.session)
    if waiting > limits.undecided or len(since) >= limits.fresh:
        deny(turn, request, "budget", f"operator busy: too many undecided requests from this session. {AGAIN}")
        sessions.pause_when_quiet(turn, request.session, "flood")
        return
    turn.put_held(msgspec.structs.replace(held, fresh=(*since, turn.at)))


def _decided(turn: Turn, request: Request, by: str, reason: str, shown_ms: int | None = None) -> Request:
    decision = Decision(request.id, request.digest, Verdict.ALLOW, by, reason, turn.at, shown_ms)
    return msgspec.structs.replace(request, decision=decision)


def _go_on(turn: Turn, request: Request) -> None:
    """Somebody said yes. What can be brought back is saved first; then comes the second look, last, so that nothing is long
    between it and the release. What policy passes and nothing can be saved of needs neither.
    """
    if request.assessment.undo:
        turn.put_request(msgspec.structs.replace(request, state=RequestState.SAVING))
        turn.order(Snapshot(request.id))
    elif request.assessment.tier <= Tier.T1:
        _record_allow(turn, request)
    else:
        _check(turn, request)


def _check(turn: Turn, request: Request) -> None:
    turn.put_request(msgspec.structs.replace(request, state=RequestState.CHECKING))
    turn.order(Check(request.id))


def _unstorable(turn: Turn, request: Request) -> str:
    """Why the journal's disk lets nothing like this pass; "" = it does (J04)."""
    if turn.state.storing is Storing.BROKEN:
        return "the journal failed: nothing is allowed until it is written again and an operator has taken note of it"
    if turn.state.storing is Storing.SCARCE and request.assessment.tier >= Tier.T2:
        return f"the journal's disk is nearly full: nothing of tier 2 and above is allowed until there is room. {AGAIN}"
    return ""


def _record_allow(turn: Turn, request: Request) -> None:
    if why := _unstorable(turn, request):
        deny(turn, request, "journal", why)
        return
    turn.put_request(msgspec.structs.replace(request, state=RequestState.RECORDING))
    turn.record(Kind.DECISION, request.decision, session=request.session, receipt=request.id, confirm=request.id)


def deny(
    turn: Turn,
    request: Request,
    by: str,
    reason: str,
    end: RequestState = RequestState.DENIED,
    shown_ms: int | None = None,
) -> None:
    """End a request without release: record, reply, tomb. The reply does not wait for the disk (S9: deny may be spooled)."""
    decision = Decision(request.id, request.digest, Verdict.DENY, by, reason, turn.at, shown_ms)
    turn.record(Kind.DECISION, decision, session=request.session, receipt=request.id)
    if end is not RequestState.VOID:
        _reply(turn, request, decision)
    turn.bury(request, end)
    turn.answer_request(request.id, f"refused: {reason}")
    sessions.count_answer(turn, request, by, end)
    turn.unsettled[request.session] = None


def _reply(turn: Turn, request: Request, decision: Decision) -> Act:
    act = Act(request.id, request.session, request.call, request.hooked)
    turn.change(replies={**turn.state.replies, act.request: act})
    turn.order(Reply(request.id, request.connection, decision.verdict, decision.by, decision.reason))
    return act


def on_decided(turn: Turn, event: Decided) -> None:
    """An operator's key. An allow needs the digest that was on screen; a deny is always taken while there is time (S5)."""
    request = turn.state.requests.get(event.request)
    refusal = _refusal(turn, event, request)
    if request is None or refusal:
        body = {"request": event.request, "verdict": event.verdict, "by": event.by, "why": refusal}
        known = request.session if request else ""
        turn.record(Kind.REFUSED, body, session=known, receipt=event.request if request else "")
        turn.answer(event.ticket, refusal)
    elif event.verdict is Verdict.DENY:
        deny(turn, request, event.by, event.reason or "the operator said no", shown_ms=event.shown_ms)
        turn.answer(event.ticket)
    else:
        turn.change(tickets={**turn.state.tickets, request.id: event.ticket} if event.ticket else turn.state.tickets)
        _go_on(turn, _decided(turn, request, event.by, event.reason, event.shown_ms))


def _refusal(turn: Turn, event: Decided, request: Request | None) -> str:
    """Why this decision cannot be taken; "" = it can."""
    if request is None:
        end = turn.state.tombs.get(event.request)
        return f"refused: request is already {end}" if end else f"not-found: no request {event.request}"
    if event.verdict is Verdict.DENY:
        return ""
    if turn.state.latch:
        return f"latched: emergency stop {turn.state.latch} is in force"
    if event.digest != request.digest:
        return "changed: the digest is not that of the request as it stands; look at it again"
    if request.state is not RequestState.PENDING:
        return f"refused: request is already {request.state}"
    if request.deadline.reached(turn.at):
        return "refused: its time is over"
    return ""


def on_snapped(turn: Turn, event: Snapped) -> None:
    """From T2 up an act of which the operator was told that it can be undone runs only with its snapshot (S6, J20)."""
    request = turn.state.requests.get(event.request)
    if request is None or request.state is not RequestState.SAVING:
        return
    turn.record(Kind.SNAPSHOT, event.saved, session=request.session, receipt=request.id)
    if not event.saved.seal and request.assessment.tier >= Tier.T2:
        deny(turn, request, "snapshot", f"it could not be undone, for no snapshot could be made: {event.saved.why}. {AGAIN}")
    else:
        _check(turn, request)


def on_checked(turn: Turn, event: Checked) -> None:
    """What was judged is what runs, or nothing runs (A07, A08)."""
    request = turn.state.requests.get(event.request)
    if request is None or request.state is not RequestState.CHECKING:
        return
    if event.changed:
        turn.order(Alarm("changed", request.session, event.changed))
        deny(turn, request, "gate", f"changed since it was shown: {event.changed}")
    else:
        _record_allow(turn, request)


def on_durable(turn: Turn, event: Durable) -> None:
    """Release, once and only with the journal on disk (S1, S2) and no stop in force (S4)."""
    request = turn.state.requests.get(event.request)
    if request is None or request.state is not RequestState.RECORDING or request.decision is None:
        return
    if event.error:
        deny(turn, request, "journal", f"the journal cannot be written: {event.error}")
    elif turn.state.latch:
        deny(turn, request, *_closed(turn, turn.state.sessions.get(request.session)))
    else:
        turn.bury(request, RequestState.DELIVERED)
        _open_act(turn, _reply(turn, request, request.decision))
        trips.expect(turn, request)
        sessions.count_answer(turn, request, request.decision.by, RequestState.DELIVERED)


def _open_act(turn: Turn, act: Act) -> None:
    """Wait for the outcome; the oldest of too many that nobody closed are given up, with a record (S15)."""
    acts = {**turn.state.acts, act.request: act}
    for old in list(acts.values())[: max(0, len(acts) - turn.state.limits.acts)]:
        turn.record(Kind.INTERRUPTED, {"why": "nobody told how it ended"}, session=old.session, receipt=old.request)
        del acts[old.request]
    turn.change(acts=acts)


def on_delivered(turn: Turn, event: Delivered) -> None:
    """The answer went out, or it did not: an allowed act is void then (A19), and an agent without its answer is frozen."""
    act = turn.state.replies.get(event.request)
    if act is None:
        return
    turn.change(replies={k: a for k, a in turn.state.replies.items() if k != act.request})
    if event.ok:
        if act.request in turn.state.acts:
            turn.record(Kind.STARTED, {}, session=act.session, receipt=act.request)
        turn.answer_request(act.request)
    else:
        turn.change(acts={k: a for k, a in turn.state.acts.items() if k != act.request})
        turn.record(Kind.UNDELIVERED, {"why": "the asker was gone"}, session=act.session, receipt=act.request)
        turn.answer_request(act.request, "undelivered: the asker was gone before the answer")
        _gate_lost(turn, act.session, act.hooked, "the asker was gone before the answer to its request")
    turn.unsettled[act.session] = None


def on_peer_gone(turn: Turn, event: PeerGone) -> None:
    """An asker is gone without a verdict: its requests are void, and a hooked agent is frozen (safety.md rule 5)."""
    for request in [r for r in turn.state.requests.values() if r.connection == event.connection]:
        if request.id not in turn.state.requests:
            continue  # the freeze for the one before has denied it
        turn.record(Kind.UNDELIVERED, {"why": "the asker was gone"}, session=request.session, receipt=request.id)
        deny(turn, request, "gate", "the asker was gone before an answer", RequestState.VOID)
        _gate_lost(turn, request.session, request.hooked, "a gate connection died without a verdict")


def _gate_lost(turn: Turn, session: str, hooked: bool, text: str) -> None:
    """An agent whose hook is gone may run the call all the same: tell, and freeze it."""
    if hooked:
        turn.order(Alarm("undelivered", session, text))
        sessions.pause(turn, session, "gate lost")


def on_finished(turn: Turn, event: Finished) -> None:
    """The agent says that a call is over: close its receipt."""
    for act in turn.state.acts.values():
        if act.session == event.session and event.call in (act.call, act.request) and event.call:
            turn.record(Kind.OUTCOME, event.outcome, session=act.session, receipt=act.request)
            turn.change(acts={k: a for k, a in turn.state.acts.items() if k != act.request})
            return


def expire(turn: Turn) -> None:
    """A request that is not out when its time is over is a denial, also where the second look or the disk hangs."""
    for request in list(turn.state.requests.values()):
        if request.deadline.reached(turn.at):
            late = "no operator answered" if request.state is RequestState.PENDING else "it was allowed, but not released"
            deny(turn, request, "expiry", f"{late} in time. {AGAIN}", RequestState.EXPIRED)
