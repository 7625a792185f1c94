"""Runaways: a session that comes over one of its figures is halted, and a person has to let it go on."""

import msgspec

from controlroom.core import sessions
from controlroom.core.orders import Alarm
from controlroom.core.state import Held, Meter
from controlroom.core.turn import Turn
from controlroom.model.agent import SessionState
from controlroom.model.clock import Instant
from controlroom.model.effect import EffectKind
from controlroom.model.event import Measured, Usage
from controlroom.model.request import Request

CPU_WINDOW = 600.0  # seconds
CPU_STEP = 10.0  # seconds between two moments that are kept
LEAVE = 180.0  # seconds in which a released act may still be deleting
UNBOUNDED = 1 << 40  # files of a target that was not counted to its end

WORDS = {
    "processes": "{:.0f} processes",
    "cpu_minutes": "{:.1f} CPU minutes in 10 minutes",
    "memory_gib": "{:.1f} GiB of memory",
    "deletes": "{:.0f} files deleted in a minute",
    "writes": "{:.0f} files written in a minute",
    "same_call": "the same call {:.0f} times in a row",
    "tokens": "{:.0f} tokens",
    "cost_usd": "{:.2f} dollars",
    "wall_minutes": "running for {:.0f} minutes",
    "alone_minutes": "{:.0f} minutes without an operator",
}


def on_measured(turn: Turn, event: Measured) -> None:
    """Compare what a running session has come to with its figures; the first that is over halts it."""
    held = turn.state.sessions.get(event.session)
    if held is None or held.session.state is not SessionState.RUNNING or held.intent:
        return
    held = _kept(turn, held, event.usage)
    turn.put_held(held)
    for figure, value in _figures(held, event.usage, turn.at).items():
        if (bar := _bar(held, figure)) is not None and value > bar:
            trip(turn, event.session, figure, value)
            return


def _kept(turn: Turn, held: Held, usage: Usage) -> Held:
    """With this moment's CPU time, and without what is too old to count."""
    meter, at = held.meter, turn.at
    kept = tuple(one for one in meter.cpu if at.seconds_since(one[0]) <= CPU_WINDOW + CPU_STEP)
    if usage.cpu is not None and (not kept or at.seconds_since(kept[-1][0]) >= CPU_STEP):
        kept = (*kept, (at, usage.cpu))
    leave = tuple(one for one in meter.leave if not one[0].reached(at))
    return msgspec.structs.replace(held, meter=msgspec.structs.replace(meter, cpu=kept, leave=leave))


def _figures(held: Held, usage: Usage, at: Instant) -> dict[str, float]:
    """What is known, by the names of `Trips`."""
    known: dict[str, float | None] = {
        "processes": usage.processes,
        "cpu_minutes": _cpu_minutes(held.meter, usage),
        "memory_gib": None if usage.memory is None else usage.memory / 2**30,
        "deletes": None if usage.deletes is None else usage.deletes - sum(files for _, files in held.meter.leave),
        "writes": usage.writes,  # nothing is counted off: writes need nobody's word, so each of a loop would have been released
        "tokens": usage.tokens,
        "cost_usd": usage.cost,
        "wall_minutes": at.seconds_since(held.session.opened) / 60,
        "alone_minutes": None if usage.alone is None else usage.alone / 60,
    }
    return {figure: value for figure, value in known.items() if value is not None}


def _cpu_minutes(meter: Meter, usage: Usage) -> float | None:
    if usage.cpu is None or not meter.cpu:
        return None
    return max(0.0, usage.cpu - meter.cpu[0][1]) / 60


def _bar(held: Held, figure: str) -> float | None:
    """Where this session trips now: its figure, or what a person has let it go on from; None = never."""
    limit: float | None = getattr(held.session.trips, figure)
    return None if limit is None else max(limit, held.meter.bars.get(figure, 0.0))


def same_call(turn: Turn, request: Request) -> int:
    """Counts the same action in a row; how often it came where that trips, else 0."""
    held = turn.state.sessions.get(request.session)
    if held is None:
        return 0
    key = f"{request.action.tool}\0{request.action.cwd}\0{request.action.input}\0{request.subagent}"
    row = held.meter.row + 1 if key == held.meter.call else 1
    turn.put_held(msgspec.structs.replace(held, meter=msgspec.structs.replace(held.meter, call=key, row=row)))
    bar = _bar(held, "same_call")
    return row if bar is not None and row >= bar else 0


def expect(turn: Turn, request: Request) -> None:
    """A released act may delete what was shown; that is no runaway."""
    held = turn.state.sessions.get(request.session)
    doomed = [t for e in request.assessment.effects if e.kind is EffectKind.DELETE for t in e.targets]
    if held is None or not doomed:
        return
    files = sum(UNBOUNDED if t.partial or not t.certain else max(1, t.files or 1) for t in doomed)
    leave = (*held.meter.leave, (turn.at.plus(LEAVE), files))[-64:]
    turn.put_held(msgspec.structs.replace(held, meter=msgspec.structs.replace(held.meter, leave=leave)))


def trip(turn: Turn, session: str, figure: str, value: float) -> None:
    """Halt the session and say which figure; once a person lets it go on, it trips again at twice of what it had come to."""
    held = turn.state.sessions[session]
    why = f"runaway: {WORDS[figure].format(value)}"
    meter = msgspec.structs.replace(held.meter, call="", row=0, cpu=(), bars={**held.meter.bars, figure: 2 * value})
    turn.put_held(msgspec.structs.replace(held, meter=meter))
    turn.order(
        Alarm("runaway", session, f"{why}: the session is {'stopped' if _stops(held) else 'paused'}; look before it goes on")
    )
    if _stops(held):
        sessions.stop(turn, session, why)
    else:
        sessions.pause(turn, session, why)


def _stops(held: Held) -> bool:
    return held.session.trips.act == "stop"
