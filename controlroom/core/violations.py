"""Never-touch members that changed on the disk: every session that could have done it is paused, and a person looks (N14)."""

from controlroom.core import sessions
from controlroom.core.orders import Alarm
from controlroom.core.state import Held
from controlroom.core.turn import Turn
from controlroom.model.agent import OVER, Rung, SessionState
from controlroom.model.event import Violated


def on_violated(turn: Turn, event: Violated) -> None:
    """Tell, then pause. Nobody knows who did it, so nobody who runs and could have is left out."""
    able = [h for h in turn.state.sessions.values() if h.session.state not in OVER and h.session.id not in event.walled]
    running = [h for h in able if h.session.state is SessionState.RUNNING or h.intent == "thaw"]
    who = running[0].session.id if len(running) == 1 else ""
    turn.order(Alarm("never-touch", who, f"{event.text}; {_what_happens(running)}"))
    for held in running:
        sessions.pause(turn, held.session.id, "a never-touch file was changed on disk")


def _what_happens(running: list[Held]) -> str:
    """What becomes of whom, and honestly so: not everybody can be held."""
    sure = [h.session.name for h in running if h.session.rung is not Rung.OBSERVED]
    tried = [h.session.name for h in running if h.session.rung is Rung.OBSERVED and h.holdable]
    loose = [h.session.name for h in running if not h.holdable]
    told = (
        ("could have done it and is being paused: ", sure),
        ("only observed, a pause of it is tried and cannot be proved: ", tried),
        ("no process to take hold of, only its calls are denied: ", loose),
    )
    return (
        "; ".join(f"{words}{', '.join(names)}" for words, names in told if names) or "no session that runs could have done it"
    )
