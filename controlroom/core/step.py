"""The one way through the core. No I/O, no clock: time comes in with the event."""

from collections.abc import Callable
from typing import Any

from controlroom.core import doubts, grants, layers, requests, sessions, trips, violations
from controlroom.core.orders import Order
from controlroom.core.state import State
from controlroom.core.turn import Turn
from controlroom.model import event as ev


def _on_tick(turn: Turn, event: ev.Tick) -> None:
    requests.expire(turn)
    grants.expire(turn)


def _on_stored(turn: Turn, event: ev.Stored) -> None:
    turn.change(storing=event.level)


# One handler an event; the key is the event's class, so the argument types cannot be told to the table.
_HANDLERS: dict[type, Callable[[Turn, Any], None]] = {
    ev.SessionOpened: sessions.on_opened,
    ev.SessionEnded: sessions.on_ended,
    ev.SubagentEnded: sessions.on_subagent_ended,
    ev.Steered: sessions.on_steered,
    ev.Doubted: doubts.on_doubted,
    ev.Cleared: doubts.on_cleared,
    ev.HooksGone: sessions.on_hooks_gone,
    ev.Contained: sessions.on_contained,
    ev.Estop: sessions.on_estop,
    ev.Reset: sessions.on_reset,
    ev.Asked: requests.on_asked,
    ev.Decided: requests.on_decided,
    ev.Snapped: requests.on_snapped,
    ev.Checked: requests.on_checked,
    ev.Durable: requests.on_durable,
    ev.Delivered: requests.on_delivered,
    ev.PeerGone: requests.on_peer_gone,
    ev.Finished: requests.on_finished,
    ev.GrantAsked: grants.on_grant_asked,
    ev.PolicyChanged: grants.on_policy_changed,
    ev.GrantRevoked: grants.on_grant_revoked,
    ev.Measured: trips.on_measured,
    ev.LayerSeen: layers.on_seen,
    ev.LayerTaken: layers.on_taken,
    ev.Violated: violations.on_violated,
    ev.Stored: _on_stored,
    ev.Tick: _on_tick,
}


def step(state: State, event: ev.Event) -> tuple[State, list[Order]]:
    """What becomes of `state` when `event` happens, and what is to be done, in order. `state` itself is not changed."""
    turn = Turn(state, event.at)
    _HANDLERS[type(event)](turn, event)
    for session in turn.unsettled:
        sessions.settle(turn, session)
    return turn.state, turn.orders
