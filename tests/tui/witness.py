"""Looks back over what happened and says why an allow should not have been given (S12). Knows events, not `approval`'s fields.

Only three facts of the state are believed: which request had the focus, whether a stop, a daemon or a screen stood in the way,
and the epoch; the rest is found again from the events themselves.
"""

import msgspec

from controlroom.model.tier import Tier, Verdict
from controlroom.tui import approval_events as ev
from controlroom.tui.approval import Approval
from controlroom.tui.approval_events import Answer, Decision, Event, OpenDialog

ARM = {Tier.T2: 0.5, Tier.T3: 1.0}
KEY_TIER = {"a": Tier.T2, "A": Tier.T3}


class Moment(msgspec.Struct, frozen=True):
    """One event, the state around it and what was answered."""

    event: Event
    before: Approval
    after: Approval
    answers: tuple[Answer, ...]


def objections(history: list[Moment]) -> list[str]:
    """What speaks against the decisions of the last moment."""
    last = history[-1]
    decisions = [answer for answer in last.answers if isinstance(answer, Decision)]
    found = ["one event decided two requests"] if len(decisions) > 1 else []
    for decision in decisions:
        if decision.verdict is Verdict.ALLOW:
            found += _allowed(history, decision)
        if last.before.read_only:
            found.append("a read-only room decided")
    return found


def _allowed(history: list[Moment], decision: Decision) -> list[str]:
    press = _press(history, decision)
    if press is None:
        return ["no key was pressed for it"]
    event, before = history[press].event, history[press].before
    assert isinstance(event, ev.Key)
    waiting = next((w for w in before.waiting if w.id == decision.request), None)
    if waiting is None:
        return ["it was not pending"]
    checks = {
        "the key is not one of its tier": _wrong_key(event.key, waiting.tier, decision),
        "it was not focused": before.focus != waiting.id,
        "another digest was on screen": decision.digest != waiting.digest,
        "not a plain key": event.source != "plain",
        "typed ahead": event.epoch != before.epoch,
        "another key within 20 ms": _burst(history, press),
        "held down": _held(history, press),
        "a stop was in force": bool(before.latch or history[-1].before.latch),
        "no daemon": not before.online,
        "another screen or a text field": bool(before.away),
        "the press had decided already": _used(history, press),
        "not wholly shown for long enough": not _seen(history, press, waiting),
        "something changed between press and decision": _disturbed_after(history, press),
    }
    return [why for why, wrong in checks.items() if wrong]


def _press(history: list[Moment], decision: Decision) -> int | None:
    """The last key that could have meant it."""
    keys = {"a", "A"} if not decision.lease else {"5", "s", "u"}
    for index in range(len(history) - 1, -1, -1):
        event = history[index].event
        if isinstance(event, ev.Key) and event.key in keys and index != len(history) - 1:
            return index
    return None


def _wrong_key(key: str, tier: Tier, decision: Decision) -> bool:
    return tier not in ARM or (not decision.lease and KEY_TIER[key] is not tier)


def _keys(history: list[Moment]) -> list[tuple[int, ev.Key]]:
    return [(index, m.event) for index, m in enumerate(history) if isinstance(m.event, ev.Key)]


def _burst(history: list[Moment], press: int) -> bool:
    at = history[press].event.at
    others = [key for index, key in _keys(history[:-1]) if index != press]
    return any(abs(key.at - at) < 0.02 - 1e-9 for key in others)


def _held(history: list[Moment], press: int) -> bool:
    before = [key for index, key in _keys(history) if index < press]
    event = history[press].event
    assert isinstance(event, ev.Key)
    return bool(before) and before[-1].key == event.key and event.at - before[-1].at < 0.08 - 1e-9


def _used(history: list[Moment], press: int) -> bool:
    """Whether a decision was already made after this press."""
    return any(isinstance(a, Decision) and a.verdict is Verdict.ALLOW for m in history[press:-1] for a in m.answers)


def _seen(history: list[Moment], press: int, waiting: ev.Waiting) -> bool:
    """Whether, since the last disturbance, all of it was on screen for the arming time."""
    start, calm = _calm(history, press, waiting)
    surface = "dialog" if history[press].before.granting else ""
    whole: float | None = None
    painted = scrolled = False
    for moment in history[start:press]:
        event = moment.event
        if isinstance(event, ev.Blurred):  # what was on screen is still there, but only now somebody looks at it again
            calm = max(calm, event.at)
        elif isinstance(event, ev.Shown) and (event.request, event.digest, event.tier) == (
            waiting.id,
            waiting.digest,
            waiting.tier,
        ):
            if event.at < calm or (event.surface == "dialog") != (surface == "dialog"):
                continue
            painted = not event.too_small
            if event.too_small or not (event.fits_fully or scrolled):
                whole, scrolled = None, False
            elif whole is None:
                whole = event.at
        elif isinstance(event, ev.ScrolledToEnd) and (event.request, event.digest) == (waiting.id, waiting.digest) and painted:
            scrolled = True
            whole = event.at if whole is None else whole
    at = history[press].event.at
    return whole is not None and at - max(whole, calm) >= ARM[waiting.tier] - 1e-9


def _calm(history: list[Moment], press: int, waiting: ev.Waiting) -> tuple[int, float]:
    """Index and time from which nothing took it off the screen: focus, digest, stop and screen are those of the press."""
    for index in range(press - 1, -1, -1):
        moment = history[index]
        same = moment.before.focus == waiting.id and waiting in moment.before.waiting
        same = same and moment.before.latch == moment.after.latch and moment.before.granting == moment.after.granting
        decided = any(isinstance(answer, (Decision, OpenDialog)) for answer in moment.answers)
        blurred = isinstance(moment.event, ev.Blurred)
        if (_disturbs(moment) and not blurred) or decided or not same:
            return index + 1, moment.event.at
    return 0, float("-inf")


def _disturbed_after(history: list[Moment], press: int) -> bool:
    waiting = history[press].before.request
    later = history[press + 1 :]
    return any(_disturbs(m) or m.before.request != waiting for m in later)


def _disturbs(moment: Moment) -> bool:
    """Whether this took the request, or the operator's eye, from the screen."""
    match moment.event:
        case ev.Away(why=why):
            return why != moment.before.away
        case ev.Closed():
            return moment.before.granting
    return isinstance(moment.event, (ev.Relaid, ev.Blurred, ev.Offline))
