"""What happened while nobody looked, in a few words: from the receipts and alarms since the last visit."""

from collections import Counter
from collections.abc import Iterable

from controlroom.model.agent import SessionState
from controlroom.model.clock import SECOND
from controlroom.model.record import Stage
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier
from controlroom.model.view import RoomView

LEAST = 60 * SECOND  # a shorter absence is none
_DENIED = (Stage.DENIED,)
_PASSED = (Stage.ALLOWED, Stage.STARTED, Stage.DONE, Stage.FAILED)


def told(view: RoomView, seen: int) -> str:
    """One sentence about the time since `seen` (ns since the epoch), "" where there is nothing to tell.

    Counts what asked for an answer or was refused (T2 and above): harmless work is in the Log tab.
    """
    gone = view.now.wall - seen
    if not seen or gone < LEAST:
        return ""
    acts = [r for r in view.receipts if r.at.wall > seen and r.tier >= Tier.T2]
    parts = [
        *_answers("allowed", (r.by for r in acts if r.stage in _PASSED)),
        *_answers("denied", (r.by for r in acts if r.stage in _DENIED)),
        *_counted(sum(r.stage is Stage.INTERRUPTED for r in acts), "interrupted"),
        *_counted(sum(r.state is RequestState.PENDING for r in view.pending), "waiting for you"),
        *_counted(sum(a.state is SessionState.UNCONFIRMED for a in view.agents), "stops not confirmed"),
    ]
    alarms = [a.text for a in view.alarms if a.at.wall > seen]
    if alarms:
        parts.append(f"{len(alarms)} alarm{'s' if len(alarms) > 1 else ''}, the last: {alarms[-1]}")
    return f"While you were away ({_span(gone)}): {', '.join(parts) or 'nothing was asked'}."


def _answers(word: str, by: Iterable[str]) -> list[str]:
    """`3 denied (policy 2, operator 1)`."""
    who = Counter(one.partition(":")[0] or "nobody" for one in by)
    if not who:
        return []
    return [f"{who.total()} {word} ({', '.join(f'{name} {count}' for name, count in who.most_common(4))})"]


def _counted(count: int, word: str) -> list[str]:
    return [f"{count} {word}"] if count else []


def _span(ns: int) -> str:
    minutes = ns // (60 * SECOND)
    for size, unit in ((60 * 24, "d"), (60, "h")):
        if minutes >= size:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
