"""Sessions: opened, paused, resumed, stopped, ended; and the emergency stop over all of them."""

import msgspec

from controlroom.core import grants, requests
from controlroom.core.orders import Alarm, AwaitHooks, Contain, Forget, Latch, Unlatch
from controlroom.core.state import Held
from controlroom.core.turn import Turn
from controlroom.model.agent import OVER, Rung, SessionState
from controlroom.model.clock import Instant
from controlroom.model.event import (
    Contained,
    Estop,
    HooksGone,
    Reset,
    SessionEnded,
    SessionOpened,
    Steered,
    SubagentEnded,
)
from controlroom.model.record import Kind
from controlroom.model.request import Request, RequestState

# which result ends which intent; any other result was overtaken by a newer order
ENDS = {"thaw": "thaw", "freeze": "freeze", "halt": "freeze", "stop": "stop", "kill": "kill"}
# which intents an operator's word does not weaken (E12)
OUTRANKS: dict[str, tuple[str, ...]] = {"freeze": ("halt", "stop", "kill"), "stop": ("halt", "kill"), "kill": ()}


def on_opened(turn: Turn, event: SessionOpened) -> None:
    """A session begins. While latched nothing is launched (S4); a lane of an unknown peer may be heard, never allowed."""
    session, known = event.session, turn.state.sessions.get(event.session.id)
    unseen = event.review != "" and not _frozen_for_good(Held(session))
    if unseen:  # until it is frozen its gate is shut, also where it cannot be
        session = msgspec.structs.replace(session, state=SessionState.UNCONFIRMED)
    caught = turn.state.latch and session.supervised and not _frozen_for_good(Held(session))
    if caught and event.ticket:
        turn.answer(event.ticket, f"latched: emergency stop {turn.state.latch} is in force; nothing is launched")
        return
    if known and (known.intent or known.session.state not in OVER):
        turn.answer(event.ticket, f"refused: session {session.id} is already open")
        return
    grants.revoke(turn, lambda g: g.session == session.id, "session start")
    turn.record(Kind.SESSION, session, session=session.id)
    turn.put_held(Held(session))
    if caught:  # nobody launches it: it lived before this daemon did
        _halt_for_stop(turn, turn.state.sessions[session.id], "emergency stop", turn.at)
    elif unseen:
        turn.order(Alarm("review", session.id, f"{session.name} is frozen until you look at it: {event.review}"))
        _halt(turn, session.id, "freeze", event.review)
    turn.answer(event.ticket)


def on_ended(turn: Turn, event: SessionEnded) -> None:
    """A session is over: its requests are denied, its grants end, what it had begun is interrupted."""
    held = turn.state.sessions.get(event.session)
    if held is None or held.session.state in (SessionState.ENDED, SessionState.LOST):
        return
    deny_all(turn, event.session, "gate", "the session is over")
    grants.revoke(turn, lambda g: g.session == event.session, "session end")
    for act in [a for a in turn.state.acts.values() if a.session == event.session]:
        turn.record(Kind.INTERRUPTED, {"why": "the session ended"}, session=act.session, receipt=act.request)
    turn.change(acts={k: a for k, a in turn.state.acts.items() if a.session != event.session})
    held = turn.state.sessions[event.session]
    state = SessionState.STOPPED if held.session.state is SessionState.STOPPED else event.state
    if held.intent in ("freeze", "thaw"):
        _finish(turn, held, state, "refused: the session is over")
    else:
        _enter(turn, held, state, event.note)
    turn.order(Forget(held.session))
    over = [k for k, h in turn.state.sessions.items() if h.session.state in OVER and not h.intent]
    drop = set(over[: max(0, len(over) - turn.state.limits.over)])
    turn.change(sessions={k: h for k, h in turn.state.sessions.items() if k not in drop})


def on_subagent_ended(turn: Turn, event: SubagentEnded) -> None:
    """A subagent's grants end with it."""
    grants.revoke(turn, lambda g: g.session == event.session and g.subagent == event.subagent, "subagent end")


def on_steered(turn: Turn, event: Steered) -> None:
    """An operator pauses, resumes, stops or kills a session."""
    held = turn.state.sessions.get(event.session)
    if held is None:
        turn.answer(event.ticket, f"not-found: no session {event.session}")
    elif held.session.state in OVER:
        turn.answer(event.ticket, f"refused: the session is {held.session.state}")
    elif event.act == "resume":
        _resume(turn, held, event)
    elif event.act == "pause" and held.session.state is SessionState.PAUSED:
        turn.answer(event.ticket)
    else:
        _steer(turn, held, "freeze" if event.act == "pause" else event.act, event)


def _steer(turn: Turn, held: Held, intent: str, event: Steered) -> None:
    """Join what is already under way, override what is weaker, never weaken (E12)."""
    if held.intent in OUTRANKS[intent]:
        turn.answer(event.ticket, "refused: the session is being stopped")
        return
    _add_ticket(turn, held, event.ticket)
    if held.intent != intent or not held.ordered:
        _halt(turn, event.session, intent, event.by)


def _resume(turn: Turn, held: Held, event: Steered) -> None:
    if turn.state.latch:
        turn.answer(event.ticket, f"latched: emergency stop {turn.state.latch} is in force; reset it first")
    elif held.session.state is SessionState.RUNNING and not held.intent:
        turn.answer(event.ticket)
    elif held.intent in OUTRANKS["freeze"]:
        turn.answer(event.ticket, "refused: the session is being stopped")
    elif held.intent == "thaw":
        _add_ticket(turn, held, event.ticket)
    else:
        turn.record(Kind.STOP, {"act": "thaw", "by": event.by}, session=event.session)
        for ticket in held.tickets:
            turn.answer(ticket, "refused: the session was resumed before it was paused")
        tickets = (event.ticket,) if event.ticket else ()
        held = Held(held.session, "thaw", ordered=True, since=turn.at, tickets=tickets, meter=held.meter)
        turn.put_held(held)
        if held.holdable:
            turn.order(Contain(event.session, "thaw"))
        else:
            _finish(turn, held, SessionState.RUNNING, "")


def _add_ticket(turn: Turn, held: Held, ticket: str) -> None:
    if ticket:
        turn.put_held(msgspec.structs.replace(held, tickets=(*held.tickets, ticket)))


def pause(turn: Turn, session: str, by: str) -> None:
    """Pause a session of our own accord now, also when that was to wait until it is quiet, or when it is being resumed."""
    held = turn.state.sessions.get(session)
    if held is None:
        return
    runs = held.session.state is SessionState.RUNNING and not held.intent
    if runs or held.intent == "thaw" or (held.intent == "freeze" and not held.ordered):
        _halt(turn, session, "freeze", by)


def stop(turn: Turn, session: str, by: str) -> None:
    """Stop a session of our own accord, unless that is under way."""
    held = turn.state.sessions.get(session)
    if held is not None and held.session.state not in OVER and held.intent not in OUTRANKS["stop"] and held.intent != "stop":
        _halt(turn, session, "stop", by)


def pause_when_quiet(turn: Turn, session: str, by: str) -> None:
    """Close the session to new requests now, and freeze it once what is before the operator has been answered."""
    held = turn.state.sessions.get(session)
    if held and held.session.state is SessionState.RUNNING and not held.intent:
        turn.record(Kind.STOP, {"act": "freeze", "by": by}, session=session)
        held = msgspec.structs.replace(held, intent="freeze", ordered=False)
        _enter(turn, held, SessionState.PAUSING, by)
        turn.order(Alarm("paused", session, f"session is being paused: {by}"))
        turn.unsettled[session] = None


def _halt(turn: Turn, session: str, intent: str, by: str) -> None:
    """Deny what is pending, then take hold: a frozen agent must not have a hook waiting (safety.md rule 4)."""
    turn.record(Kind.STOP, {"act": intent, "by": by}, session=session)
    held = turn.state.sessions[session]
    word = SessionState.PAUSING if intent == "freeze" else SessionState.STOPPING
    if intent == "freeze" and held.session.state is SessionState.UNCONFIRMED:
        word = SessionState.UNCONFIRMED  # a pause that is refused must not open the gate again
    _enter(turn, msgspec.structs.replace(held, intent=intent, ordered=False, since=turn.at), word, by)
    deny_all(turn, session, "pause" if intent == "freeze" else "stop", f"the session is being halted: {by}")
    turn.unsettled[session] = None


def deny_all(turn: Turn, session: str, by: str, reason: str) -> None:
    """Deny everything undecided of a session, whatever its state (S5: also what is allowed and not yet out)."""
    for request in turn.state.of_session(session):
        requests.deny(turn, request, by, reason)


def settle(turn: Turn, session: str) -> None:
    """Carry out what is intended as soon as nothing of the session is undecided."""
    held = turn.state.sessions.get(session)
    if held is None or not held.intent or held.ordered or turn.state.of_session(session):
        return
    held = msgspec.structs.replace(held, ordered=True, since=held.since or turn.at)
    turn.put_held(held)
    if not held.holdable:
        done = SessionState.PAUSED if held.intent == "freeze" else SessionState.UNCONFIRMED
        _finish(turn, held, done, "" if held.intent == "freeze" else "unconfirmed: there is no process to take hold of")
    elif held.intent in ("stop", "kill"):
        turn.order(Contain(session, held.intent))
    else:
        turn.order(AwaitHooks(session))


def on_hooks_gone(turn: Turn, event: HooksGone) -> None:
    """Freeze only when no hook waits; else a pause is refused and an emergency stop kills."""
    held = turn.state.sessions.get(event.session)
    if held is None or held.intent not in ("freeze", "halt") or not held.ordered:
        return
    if event.ok:
        turn.order(Contain(event.session, "freeze"))
    elif held.intent == "halt":
        _kill_instead(turn, held)
    else:
        why = "a hook of the session still waits after its answer"
        turn.order(Alarm("pause refused", event.session, why))
        ran = held.session.state is SessionState.PAUSING and not turn.state.latch
        _finish(turn, held, SessionState.RUNNING if ran else SessionState.UNCONFIRMED, f"refused: {why}")


def _kill_instead(turn: Turn, held: Held) -> None:
    """An emergency stop that cannot freeze kills."""
    turn.put_held(msgspec.structs.replace(held, intent="kill"))
    turn.order(Contain(held.session.id, "kill"))


def on_contained(turn: Turn, event: Contained) -> None:
    """What came of it: `stopped` only on the kernel's word (S14)."""
    result = event.result
    held = turn.state.sessions.get(result.session)
    turn.record(Kind.PROOF, result, session=result.session)
    if held is None or not held.ordered or ENDS.get(held.intent) != result.act:
        return
    if held.intent == "halt" and not result.confirmed:
        _kill_instead(turn, held)
        return
    ends = {"freeze": SessionState.PAUSED, "thaw": SessionState.RUNNING}
    state = ends.get(result.act, SessionState.STOPPED)
    # Below a cgroup nothing proves a freeze or a thaw, and none is claimed; a cgroup that proves nothing has failed.
    claimed = result.act in ends and held.session.rung is not Rung.CGROUP and not result.survivors
    whole = result.confirmed or claimed
    if held.session.state in OVER and (result.act in ends or not (whole or result.survivors)):
        state = held.session.state  # it is over, whatever came of the order
    elif not whole:
        state = SessionState.UNCONFIRMED
    _finish(turn, held, state, "" if whole else f"unconfirmed: {result.why or 'survivors'}")


def _finish(turn: Turn, held: Held, state: SessionState, error: str) -> None:
    _enter(turn, msgspec.structs.replace(held, intent="", ordered=False, since=None, tickets=()), state, error)
    for ticket in held.tickets:
        turn.answer(ticket, error)


def _enter(turn: Turn, held: Held, state: SessionState, note: str) -> None:
    """Move a session to a state, with its record."""
    session = msgspec.structs.replace(held.session, state=state)
    if state is not held.session.state:
        turn.record(Kind.SESSION, {"state": state, "note": note}, session=session.id)
    turn.put_held(msgspec.structs.replace(held, session=session))


def count_answer(turn: Turn, request: Request, by: str, end: RequestState) -> None:
    """Keep the rows of denials and expiries; a row that is too long pauses the session."""
    held = turn.state.sessions.get(request.session)
    if held is None:
        return
    denied = end is RequestState.DENIED and (by.startswith("operator") or by == "policy")
    if denied:
        held = msgspec.structs.replace(held, denials=held.denials + 1)
    elif end is RequestState.EXPIRED:
        held = msgspec.structs.replace(held, expiries=held.expiries + 1)
    if by.startswith("operator"):
        allowed = end is RequestState.DELIVERED
        held = msgspec.structs.replace(held, expiries=0, fresh=(), denials=0 if allowed else held.denials)
    turn.put_held(held)
    if denied and (most := held.session.trips.denials) is not None and held.denials >= most:
        pause_when_quiet(turn, request.session, f"{held.denials} denials in a row")
    elif end is RequestState.EXPIRED and held.expiries >= turn.state.limits.expiries_in_a_row:
        pause_when_quiet(turn, request.session, f"{held.expiries} requests in a row expired")


def on_estop(turn: Turn, event: Estop) -> None:
    """Latch, deny all, revoke all, freeze or kill all; in this order (safety.md)."""
    stop_id = turn.state.latch or event.stop_id
    if not turn.state.latch:
        turn.change(latch=stop_id)
        turn.record(Kind.LATCHED, {"stop_id": stop_id, "by": event.by})
    turn.order(Latch(stop_id, event.by))
    for request in list(turn.state.requests.values()):
        requests.deny(turn, request, "stop", f"emergency stop {stop_id}")
    grants.revoke(turn, lambda g: True, "emergency stop")
    for held in list(turn.state.sessions.values()):
        if held.session.state not in OVER and not _frozen_for_good(held):
            _halt_for_stop(turn, held, event.by, event.since or turn.at)
    turn.answer(event.ticket)


def _halt_for_stop(turn: Turn, held: Held, by: str, since: Instant) -> None:
    """Freeze where that is safe, else kill; what is already being stopped is not let off with a freeze."""
    freeze = held.session.rung is Rung.CGROUP and held.intent not in ("stop", "kill")
    turn.record(Kind.STOP, {"act": "halt", "by": by}, session=held.session.id)
    held = msgspec.structs.replace(held, intent="halt" if freeze else "kill", ordered=False, since=since)
    _enter(turn, held, SessionState.STOPPING, "emergency stop")
    turn.unsettled[held.session.id] = None


def _frozen_for_good(held: Held) -> bool:
    """Whether nobody can set it going again from outside: only a frozen cgroup, where SIGCONT does nothing."""
    return held.session.state is SessionState.PAUSED and held.session.rung is Rung.CGROUP and not held.intent


def on_reset(turn: Turn, event: Reset) -> None:
    """Take the latch away; everything stays as it lies."""
    if not turn.state.latch:
        turn.answer(event.ticket, "refused: no emergency stop is in force")
    elif event.stop_id != turn.state.latch:
        turn.answer(event.ticket, f"refused: the stop in force is {turn.state.latch}")
    else:
        turn.record(Kind.RESET, {"stop_id": event.stop_id, "by": event.by})
        turn.change(latch="")
        turn.order(Unlatch(event.stop_id))
        turn.answer(event.ticket)
