"""When a key decides a request (S12). Pure: the time is what the events say.

Everything that could make a key mean something else than what the operator saw takes the readiness away: a new focus, a changed
request, a new layout, a lost focus, an earlier key, a paste. Only a complete paint and then time give it back. A denial needs
none of that. `step` is the only way on; the app feeds it events, draws `unready` and carries out the answers.
"""

from collections.abc import Iterable

import msgspec

from controlroom.model.request import RequestState
from controlroom.model.tier import Tier, Verdict
from controlroom.model.view import RequestView, RoomView
from controlroom.tui import approval_events as ev
from controlroom.tui.approval_events import Answer, Decision, Event, Lease, OpenDialog, Refusal, Settling, Surface, Waiting

ARM = {Tier.T2: 0.5, Tier.T3: 1.0}  # seconds from the first complete paint to the first key that allows
REST = 0.5  # seconds without a focus after a decision
REPEAT = 0.08  # seconds: the same key again within these is the same press, held down
BURST = 0.02  # seconds in which a person presses one key and a paste many
PANEL_BYTES = 64 * 1024  # more than this is allowed only from the full view, and only as T3
ALLOWS = {"a": Tier.T2, "A": Tier.T3}
LEASES: dict[str, Lease] = {"5": "minutes", "s": "session", "u": "uses"}  # keys of the grant dialog
LONG_AGO = float("-inf")

Step = tuple["Approval", tuple[Answer, ...]]


class Press(msgspec.Struct, frozen=True):
    """The last key, however long it is held down. `spent`: it decided something."""

    key: str = ""
    at: float = LONG_AGO
    spent: bool = False


class Candidate(msgspec.Struct, frozen=True):
    """An allow that settles until `due`."""

    decision: Decision
    due: float
    epoch: int


class Approval(msgspec.Struct, frozen=True):
    """Where the operator stands.

    `focus`: the request that keys decide, "" = none. `epoch` grows whenever keys of before must not count. `seen_at`: since
    when all of the request has been on screen in this layout. `armed_from`: arming counts from here at the earliest.
    `sent`: decided here and not yet gone from the view. `granting`: the grant dialog is open. `away`: why keys do not answer.
    """

    read_only: bool = False
    online: bool = False
    latch: str = ""
    waiting: tuple[Waiting, ...] = ()
    sent: frozenset[str] = frozenset()
    focus: str = ""
    epoch: int = 0
    away: str = ""
    surface: Surface = "panel"
    painted: bool = False
    too_small: bool = False
    scrolled: bool = False
    seen_at: float | None = None
    granting: bool = False
    armed_from: float = LONG_AGO
    rest_until: float = LONG_AGO
    press: Press = Press()
    candidate: Candidate | None = None

    @property
    def request(self) -> Waiting | None:
        """The focused request."""
        return next((w for w in self.waiting if w.id == self.focus), None)


def waiting_of(view: RoomView) -> tuple[Waiting, ...]:
    """What waits for a person in this view, in the inbox's order."""
    pending = (r for r in view.pending if r.state is RequestState.PENDING)
    return inbox(Waiting(r.id, r.digest, r.tier, r.asked.boot, judged(r)) for r in pending)


def inbox(waiting: Iterable[Waiting]) -> tuple[Waiting, ...]:
    """Highest tier first, then oldest, then by id so that two rooms agree."""
    return tuple(sorted(waiting, key=lambda w: (-list(Tier).index(w.tier), w.asked, w.id)))


def judged(request: RequestView) -> int:
    """Bytes of what a person must judge: the diff, else argv, else the canonical input."""
    words = "".join(word for command in request.argv for word in command)
    return len((request.diff or words or request.text).encode("utf-8", "surrogatepass"))


def step(now: Approval, event: Event) -> Step:
    """What the event makes of `now`, and what the app has to do or to say, in order."""
    after, answers = _handle(now, event)
    after = _autofocus(after, event.at)
    if after.candidate and after.candidate.epoch != after.epoch:
        after = _with(after, candidate=None)
        answers = (*answers, Refusal("the screen changed as you pressed: look, and press again"))
    return after, answers


def unready(now: Approval, at: float) -> str:
    """Why the key of the focused request's tier would not allow it at this moment; "" = it would."""
    waiting = now.request
    if now.read_only:
        return "this room is read-only"
    if not now.online:
        return "no daemon answers: nothing can be decided until it is back"
    if now.away:
        return now.away
    if now.latch:
        return "an emergency stop is in force: nothing is allowed before its reset"
    if waiting is None:
        return "no request is focused" if now.waiting else "nothing is pending"
    return _unarmed(now, waiting, at)


def due(now: Approval, at: float) -> float | None:
    """When time alone will change something next (feed a `Tick` then, draw again); None = not before another event."""
    moments = [now.candidate.due] if now.candidate else []
    if now.waiting and not now.focus:
        moments.append(now.rest_until)
    if now.request and now.seen_at is not None:
        moments.append(_armed_at(now, now.request))
    return min((m for m in moments if m > at), default=None)


def _handle(now: Approval, event: Event) -> Step:
    match event:
        case ev.Key():
            return _key(*_settle(now, event.at), event)
        case ev.Tick():
            return _settle(now, event.at)
        case ev.Moved():
            return _moved(now, event)
        case ev.Reasoned():
            return _reasoned(now, event)
        case ev.Focused():
            return _focused(now, event)
    return _screen(now, event), ()


def _screen(now: Approval, event: Event) -> Approval:
    """The events that answer nothing."""
    match event:
        case ev.Changed():
            return _changed(now, event)
        case ev.Offline():
            return _rearm(now, event.at, online=False, waiting=(), sent=frozenset(), focus="", granting=False)
        case ev.Shown():
            return _shown(now, event)
        case ev.ScrolledToEnd():
            return _scrolled(now, event)
        case ev.Relaid():
            return _rearm(now, event.at)
        case ev.Blurred():
            return _with(now, epoch=now.epoch + 1, armed_from=max(event.at, now.armed_from))
        case ev.Away():
            return now if event.why == now.away else _rearm(now, event.at, away=event.why)
        case ev.Closed():
            return _rearm(now, event.at, granting=False) if now.granting else now
        case ev.Failed():
            return _with(now, sent=now.sent - {event.request})
    return now


# What is on screen


def _with(now: Approval, **fields: object) -> Approval:
    return msgspec.structs.replace(now, **fields)


def _rearm(now: Approval, at: float, **fields: object) -> Approval:
    """Nothing counts as shown any more, and no key read before counts."""
    gone = {"epoch": now.epoch + 1, "painted": False, "too_small": False, "scrolled": False, "seen_at": None}
    return _with(now, **{**gone, "armed_from": max(at, now.armed_from), **fields})


def _changed(now: Approval, event: ev.Changed) -> Approval:
    waiting = inbox(event.waiting)
    after = _with(now, online=True, waiting=waiting, sent=now.sent & {w.id for w in waiting}, latch=event.latch)
    if now.focus and after.request is None:
        return _rearm(after, event.at, focus="", granting=False, rest_until=event.at + REST)
    if after.request != now.request or event.latch != now.latch or not now.online:
        return _rearm(after, event.at, granting=now.granting and after.request == now.request)
    return after


def _autofocus(now: Approval, at: float) -> Approval:
    """The first request of the inbox, when nothing is focused and nobody is typing. An arrival never moves a focus."""
    first = next((w.id for w in now.waiting if w.id not in now.sent), "")
    if now.focus or not first or now.away or at < now.rest_until:
        return now
    return _rearm(now, at, focus=first)


def _focused(now: Approval, event: ev.Focused) -> Step:
    if event.request == now.focus:
        return now, ()
    if event.request not in {w.id for w in now.waiting} - now.sent:
        return now, (Refusal("that request is no longer pending"),)
    return _rearm(now, event.at, focus=event.request, granting=False), ()


def _moved(now: Approval, event: ev.Moved) -> Step:
    ids = [w.id for w in now.waiting if w.id not in now.sent]
    if now.away or not ids:
        return now, (Refusal(now.away or "nothing is pending"),)
    at = ids.index(now.focus) + event.by if now.focus in ids else min(event.by, 0)
    return _focused(now, ev.Focused(event.at, ids[at % len(ids)]))


def _shown(now: Approval, event: ev.Shown) -> Approval:
    waiting = now.request
    if waiting is None or (event.request, event.digest, event.tier) != (waiting.id, waiting.digest, waiting.tier):
        return now  # a paint of something else, or of what it was before
    if event.at < now.armed_from or (event.surface == "dialog") != now.granting or now.away:
        return now
    lost = now.seen_at is not None and not now.scrolled and not event.fits_fully
    if event.surface != now.surface or (event.too_small and not now.too_small) or lost:
        now = _rearm(now, event.at, surface=event.surface)
    whole = event.fits_fully and not event.too_small
    seen_at = event.at if whole and now.seen_at is None else now.seen_at
    return _with(now, painted=True, too_small=event.too_small, seen_at=seen_at)


def _scrolled(now: Approval, event: ev.ScrolledToEnd) -> Approval:
    waiting = now.request
    if waiting is None or (event.request, event.digest) != (waiting.id, waiting.digest):
        return now
    if not now.painted or now.too_small or now.granting:
        return now
    return _with(now, scrolled=True, seen_at=event.at if now.seen_at is None else now.seen_at)


# What a key may do


def _armed_at(now: Approval, waiting: Waiting) -> float:
    if now.seen_at is None:
        return float("inf")
    return max(now.seen_at, now.armed_from) + ARM.get(waiting.tier, float("inf"))


def _unarmed(now: Approval, waiting: Waiting, at: float) -> str:
    """Why this focused request cannot be allowed now."""
    if waiting.tier is Tier.TX:
        return "never-touch: nobody can allow this"
    if waiting.tier not in ARM:
        return f"{waiting.tier} is not asked"
    if now.too_small:
        return "the terminal is too small to show what must be judged: make it larger"
    if not now.painted:
        return "the request is not on screen yet"
    if waiting.size > PANEL_BYTES and not now.granting and (now.surface != "full" or waiting.tier is not Tier.T3):
        return "more than 64 KiB is to be judged: only the full view (v) of a T3 request can allow it"
    if now.seen_at is None:
        return "not all of it was on screen: scroll to its end first"
    if at < _armed_at(now, waiting):
        return "not armed yet: look first, then press again"
    return ""


def _key(now: Approval, done: tuple[Answer, ...], event: ev.Key) -> Step:
    held = event.source == "repeat" or (event.key == now.press.key and event.at - now.press.at < REPEAT)
    fast = event.at - now.press.at < BURST
    now = _with(now, press=Press(event.key, event.at, held and now.press.spent))
    if now.candidate:
        now = _with(now, candidate=None)
        done = (*done, Refusal("keys came faster than a person types: press again"))
    if event.key in ("d", "D"):
        after, answers = _deny(now, event)
    elif event.key in ALLOWS or event.key == "g" or (now.granting and event.key in LEASES):
        after, answers = _allow(now, event, held=held, fast=fast)
    else:
        return now, done
    return after, (*done, *answers)


def _deny(now: Approval, event: ev.Key) -> Step:
    waiting = now.request
    if event.source == "paste":
        return now, (Refusal("pasted text answers nothing"),)
    if now.press.spent:
        return now, (Refusal("one press decides one request: let go of the key"),)
    if now.read_only or not now.online or now.away or waiting is None:
        return now, (Refusal(unready(_with(now, latch=""), event.at)),)
    if event.key == "D":
        return _rearm(now, event.at, granting=False), (OpenDialog("reason", waiting.id, waiting.digest),)
    return _decide(now, Decision(waiting.id, waiting.digest, Verdict.DENY), event.at)


def _allow(now: Approval, event: ev.Key, *, held: bool, fast: bool) -> Step:
    waiting = now.request
    why = _not_a_press(event, held, fast) or unready(now, event.at)
    if why or waiting is None:
        return now, (Refusal(why),)
    if event.epoch != now.epoch:
        return now, (Refusal("the key was pressed before this was on screen: press again"),)
    if event.key == "g" and not now.granting:
        return _rearm(now, event.at, granting=True), (OpenDialog("grant", waiting.id, waiting.digest),)
    if now.granting != (event.key in LEASES):
        return now, (Refusal("choose what to grant, or leave the dialog with escape"),)
    if not now.granting and ALLOWS[event.key] is not waiting.tier:
        key = next(k for k, tier in ALLOWS.items() if tier is waiting.tier)
        return now, (Refusal(f"this is {waiting.tier}: {key} allows it"),)
    decision = Decision(waiting.id, waiting.digest, Verdict.ALLOW, LEASES[event.key] if now.granting else "")
    settled = event.at + BURST
    return _with(now, candidate=Candidate(decision, settled, now.epoch)), (Settling(settled),)


def _not_a_press(event: ev.Key, held: bool, fast: bool) -> str:
    if event.source == "palette":
        return f"the palette never allows: press {event.key} in the room"
    if event.source == "mouse":
        return "the mouse never allows"
    if event.source == "paste":
        return "pasted text answers nothing"
    if held:
        return "a key held down never allows: let go, then press"
    return "keys came faster than a person types: press again" if fast else ""


def _settle(now: Approval, at: float) -> Step:
    """The allow that waited, once no other key came right behind it."""
    if now.candidate is None or at < now.candidate.due:
        return now, ()
    return _decide(_with(now, candidate=None), now.candidate.decision, at)


def _decide(now: Approval, decision: Decision, at: float) -> Step:
    """The focus goes to nobody for a while, so that a second press meets nothing."""
    press = msgspec.structs.replace(now.press, spent=True)
    after = _rearm(now, at, sent=now.sent | {decision.request}, focus="", granting=False, rest_until=at + REST, press=press)
    return after, (decision,)


def _reasoned(now: Approval, event: ev.Reasoned) -> Step:
    waiting = next((w for w in now.waiting if w.id == event.request and w.id not in now.sent), None)
    if waiting is None or now.read_only:
        return now, (Refusal("this room is read-only" if now.read_only else "that request is no longer pending"),)
    return _decide(now, Decision(waiting.id, waiting.digest, Verdict.DENY), event.at)
