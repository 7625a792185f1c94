"""A changed file of an agent: recorded always, told unless an operator allowed it; one that weakens a gate halts a session."""

import msgspec
import pytest

from controlroom.core import State, step
from controlroom.core.orders import Alarm, Append, Order
from controlroom.model.agent import Rung
from controlroom.model.event import LayerSeen, LayerTaken, SessionOpened
from controlroom.model.permissions import LayerChange
from controlroom.model.record import Kind
from tests.support.core_make import START, session

CHANGE = LayerChange("c1", "/h/.claude/settings.json", "settings", "claude-code", "changed", "on disk, no call", "-a\n+b")


def opened(*rungs: Rung) -> State:
    state = State()
    for number, rung in enumerate(rungs):
        state, _ = step(state, SessionOpened(START, session(f"s{number}", rung=rung)))
    return state


def seen(state: State, *sessions: str, **changes: object) -> tuple[State, list[Order]]:
    change = msgspec.structs.replace(CHANGE, **changes)
    return step(state, LayerSeen(START, sessions, change, "it was changed"))


def states(state: State) -> list[str]:
    return [held.session.state.value for held in state.sessions.values()]


def alarms(orders: list[Order]) -> list[str]:
    return [order.kind for order in orders if isinstance(order, Alarm)]


@pytest.mark.row("G05")
def test_what_weakens_the_gate_pauses_every_session_of_ours_that_reads_it() -> None:
    rungs = Rung.CGROUP, Rung.OBSERVED, Rung.PIDNS, Rung.CGROUP
    state, orders = seen(opened(*rungs), "s2", "s1", "s0", weakens=("our hook is gone",))
    assert "config" in alarms(orders)
    assert states(state) == ["pausing", "running", "pausing", "running"]


def test_what_weakens_nothing_is_told_and_pauses_nobody() -> None:
    state, orders = seen(opened(Rung.CGROUP), "s0")
    assert alarms(orders) == ["config"] and states(state) == ["running"]


def test_that_our_gate_was_put_in_is_recorded_and_alarms_nobody() -> None:
    _, orders = seen(opened(Rung.CGROUP), "s0", gate=True)
    assert alarms(orders) == [] and [o.record.kind for o in orders if isinstance(o, Append)] == [Kind.LAYER]
    _, orders = seen(opened(Rung.CGROUP), "s0", gate=True, weakens=("the agent asks for nothing",))
    assert alarms(orders)[:1] == ["config"]


def test_what_an_operator_allowed_beforehand_is_recorded_and_not_told_again() -> None:
    state, orders = seen(opened(Rung.CGROUP), "s0", confirmed=True, weakens=("our hook is gone",))
    assert states(state) == ["running"]
    (order,) = orders
    assert isinstance(order, Append) and order.record.kind is Kind.LAYER and order.record.session == "s0"


def test_what_an_agent_notes_for_itself_is_recorded_alone() -> None:
    _, orders = seen(opened(Rung.CGROUP), "s0", role="memory")
    assert [type(order) for order in orders] == [Append]


def test_a_change_that_no_session_is_left_for_is_recorded_and_told() -> None:
    _, orders = seen(State(), "gone", weakens=("x",))
    assert isinstance(orders[0], Append) and alarms(orders) == ["config"]


def test_an_operator_takes_it() -> None:
    _, orders = step(opened(Rung.CGROUP), LayerTaken(START, "c1", "operator:ada"))
    (order,) = orders
    assert isinstance(order, Append) and order.record.kind is Kind.LAYER_TAKEN
