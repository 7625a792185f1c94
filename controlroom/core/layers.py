"""Changes of the files that agents read beside their task: recorded and told; what weakens the gate halts a session (G05)."""

from controlroom.core import sessions
from controlroom.core.orders import Alarm
from controlroom.core.turn import Turn
from controlroom.model.event import LayerSeen, LayerTaken
from controlroom.model.record import Kind

QUIET = ("memory",)  # what an agent writes down for itself in normal work


def on_seen(turn: Turn, event: LayerSeen) -> None:
    """Record it. What an operator allowed beforehand is not told again, nor is that the gate was put in; anything else is, and
    what weakens the gate pauses every session of ours that reads the file.
    """
    change = event.change
    first = event.sessions[0] if event.sessions else ""
    turn.record(Kind.LAYER, change, session=first)
    if change.confirmed:
        return
    if change.weakens or not (change.gate or change.role in QUIET):
        turn.order(Alarm("config", first, event.text))
    for session in event.sessions if change.weakens else ():
        held = turn.state.sessions.get(session)
        if held is not None and held.session.supervised:
            sessions.pause(turn, session, f"a changed file weakens the gate: {change.path}")


def on_taken(turn: Turn, event: LayerTaken) -> None:
    """An operator looked at it."""
    turn.record(Kind.LAYER_TAKEN, {"id": event.change, "by": event.by})
