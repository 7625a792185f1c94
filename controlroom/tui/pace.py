"""How soon what the daemon tells is drawn: at once what an operator must see, in its own time what only moves. Pure."""

from controlroom.model.view import RoomView
from controlroom.tui.link import Contact

CALM_SECONDS = 4.0  # between two drawings of what only moves: figures, current tools: the link may be slow
LOG_SECONDS = 1.0  # the same while lines of a log are read
AGES_SECONDS = 30.0  # between two drawings of a room in which nothing happens: ages are coarse


class Pace:
    """Holds the contact that is drawn. Nothing is lost by waiting: the next drawing shows the newest."""

    def __init__(self) -> None:
        self._shown: Contact | None = None
        self._at = 0.0

    def shown(self, contact: Contact, at: float, calm: float = CALM_SECONDS) -> Contact:
        """What is to be on screen now: this contact, or the one before, while the difference can wait for `calm` seconds."""
        old = self._shown
        if old is None or _urgent(old, contact) or (at - self._at >= calm and _moved(old, contact)):
            self._shown, self._at = contact, at
            return contact
        return old


def _urgent(old: Contact, new: Contact) -> bool:
    """What is asked, how agents and house are, and whether there is a daemon."""
    if old.view is None or new.view is None:
        return old is not new
    return (old.state, old.why) != (new.state, new.why) or _matters(old.view) != _matters(new.view)


def _matters(view: RoomView) -> tuple[object, ...]:
    return view.status, view.pending, view.survivors, view.alarms, tuple((a.id, a.state, a.stop) for a in view.agents)


def _moved(old: Contact, new: Contact) -> bool:
    """Whether anything else could look otherwise now."""
    if old.view is None or new.view is None:
        return True
    later = new.view.now.seconds_since(old.view.now) >= AGES_SECONDS
    return later or (old.view.seq, old.view.agents, old.view.grants) != (new.view.seq, new.view.agents, new.view.grants)
