"""What an agent did otherwise than the gate knows it: told, journalled, and a session that we launched is halted."""

import msgspec
import pytest

from controlroom.core import State, step
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import Rung, SessionState
from controlroom.model.event import DoubtKind
from controlroom.model.record import Kind
from tests.support.core_make import START, session


def opened(**how: object) -> State:
    return step(State(), ev.SessionOpened(START, session(**how)))[0]  # type: ignore[arg-type]


def doubted(state: State, kind: DoubtKind) -> tuple[State, list[od.Order]]:
    return step(state, ev.Doubted(START, "s1", kind, "why", "toolu_1"))


@pytest.mark.row("G06")
@pytest.mark.parametrize("kind", ["ungated", "other-input"])
def test_a_launched_session_is_halted(kind: DoubtKind) -> None:
    state, orders = doubted(opened(), kind)
    assert od.Alarm(kind, "s1", "why; the session is being paused", "toolu_1") in orders
    assert od.AwaitHooks("s1") in orders
    assert state.sessions["s1"].session.state is SessionState.PAUSING


@pytest.mark.parametrize("kind", ["ungated", "other-input"])
def test_one_that_we_only_observe_is_told(kind: DoubtKind) -> None:
    state, orders = doubted(opened(rung=Rung.OBSERVED), kind)
    assert orders == [od.Alarm(kind, "s1", "why", "toolu_1")]
    assert state.sessions["s1"].session.state is SessionState.RUNNING


@pytest.mark.row("G07")
def test_a_log_that_was_tampered_with_is_told_and_halts_nothing() -> None:
    state, orders = doubted(opened(), "transcript")
    assert orders == [od.Alarm("transcript", "s1", "why", "toolu_1")]
    assert state.sessions["s1"].session.state is SessionState.RUNNING


def test_one_that_is_paused_already_is_told_and_not_paused_again() -> None:
    orders = doubted(opened(state=SessionState.PAUSED), "ungated")[1]
    assert orders == [od.Alarm("ungated", "s1", "why", "toolu_1")]


def test_one_that_is_being_resumed_is_paused_again() -> None:
    state = step(opened(state=SessionState.PAUSED), ev.Steered(START, "s1", "resume", "operator:op"))[0]
    assert od.AwaitHooks("s1") in doubted(state, "ungated")[1]


def test_an_operator_clears_and_it_is_recorded_by_whom() -> None:
    orders = step(opened(), ev.Cleared(START, "s1", "operator:op", "t1"))[1]
    [append, answer] = orders
    assert isinstance(append, od.Append)
    assert append.record.kind is Kind.CLEARED
    assert msgspec.json.decode(append.record.body) == {"by": "operator:op"}
    assert answer == od.Answer("t1")


def test_nobody_clears_what_is_not_there() -> None:
    assert step(State(), ev.Cleared(START, "s1", "operator:op", "t1"))[1] == [od.Answer("t1", "not-found: no session s1")]
