"""Doubts: what an agent did otherwise than the gate knows it. A session that we launched is halted; a person clears them."""

from controlroom.core import sessions
from controlroom.core.orders import Alarm
from controlroom.core.turn import Turn
from controlroom.model.agent import SessionState
from controlroom.model.event import Cleared, Doubted
from controlroom.model.record import Kind

BY = {"ungated": "an ungated call", "other-input": "a call with another input than was judged"}


def on_doubted(turn: Turn, event: Doubted) -> None:
    """Tell the operators; a call past the gate, or another one than was judged, freezes a session that can be frozen."""
    held = turn.state.sessions.get(event.session)
    runs = held is not None and (held.session.state is SessionState.RUNNING or held.intent == "thaw")
    halts = runs and held is not None and held.session.supervised and event.kind in BY
    text = f"{event.text}; the session is being paused" if halts else event.text
    turn.order(Alarm(event.kind, event.session, text, event.call))
    if halts:
        sessions.pause(turn, event.session, BY[event.kind])


def on_cleared(turn: Turn, event: Cleared) -> None:
    """An operator has looked; what was doubted stays in the journal."""
    if event.session not in turn.state.sessions:
        turn.answer(event.ticket, f"not-found: no session {event.session}")
        return
    turn.record(Kind.CLEARED, {"by": event.by}, session=event.session)
    turn.answer(event.ticket)
