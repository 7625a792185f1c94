"""Budgets: floods, rows of denials and rows of expiries pause the session; nothing is lost, nothing is allowed by them."""

import msgspec
import pytest

from controlroom.core import Limits
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import SessionState
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier
from controlroom.model.trips import Trips
from tests.support.core_make import session
from tests.support.core_world import World


@pytest.fixture
def world() -> World:
    made = World()
    made.open()
    return made


def _pending(world: World) -> int:
    return sum(1 for r in world.state.requests.values() if r.state is RequestState.PENDING)


@pytest.mark.row("A20")
def test_the_eleventh_new_request_without_an_answer_is_denied_and_the_session_paused(world: World) -> None:
    for n in range(10):
        world.ask(f"r{n}")
        world.wait(1)
    assert _pending(world) == 10
    world.ask("r10")
    assert world.denied("r10")
    assert "operator busy" in next(o.reason for o in world.all(od.Reply) if o.request == "r10")
    assert world.word() is SessionState.PAUSING
    assert _pending(world) == 10, "the older ones are still before the operator"
    for n in range(11, 40):
        world.ask(f"r{n}", tier=Tier.T0)
    assert _pending(world) == 10
    assert [o.kind for o in world.all(od.Alarm)] == ["paused"], "one alarm"


@pytest.mark.row("A20")
def test_more_than_twenty_undecided_are_never_held() -> None:
    world = World(Limits(fresh=1000))
    world.open()
    for n in range(20):
        world.ask(f"r{n}")
    assert (_pending(world), world.word()) == (20, SessionState.RUNNING)
    world.ask("r20")
    assert world.denied("r20")
    assert (_pending(world), world.word()) == (20, SessionState.PAUSING)


@pytest.mark.row("A20")
def test_a_flood_of_one_session_leaves_the_others_alone(world: World) -> None:
    world.open("s2")
    for n in range(11):
        world.ask(f"r{n}")
    world.ask("other", of="s2")
    assert world.state.requests["other"].state is RequestState.PENDING
    assert world.word("s2") is SessionState.RUNNING


def test_an_answer_in_between_starts_the_count_of_new_requests_again(world: World) -> None:
    for n in range(10):
        world.ask(f"a{n}")
    world.deny("a0")
    for n in range(10):
        world.ask(f"b{n}")
    assert world.word() is SessionState.RUNNING
    assert _pending(world) == 19


def test_new_requests_that_are_older_than_the_window_do_not_count() -> None:
    world = World(Limits(fresh=2, hold=9000))
    world.open()
    for n in range(6):
        world.ask(f"r{n}", hold=9000)
        world.wait(300)
    assert (_pending(world), world.word()) == (6, SessionState.RUNNING)


def test_a_flooding_session_is_frozen_once_what_is_before_the_operator_is_answered(world: World) -> None:
    for n in range(11):
        world.ask(f"r{n}")
    for n in range(9):
        world.deny(f"r{n}")
    assert od.AwaitHooks("s1") not in world.orders
    world.allow("r9")
    world.checked("r9")
    world.durable("r9")
    assert world.allowed("r9"), "what was held before the flood can still be allowed"
    world.delivered("r9")
    assert world.last[-1] == od.AwaitHooks("s1")
    world.hooks_gone()
    world.contained("freeze")
    assert world.word() is SessionState.PAUSED


@pytest.mark.parametrize("who", ["operator", "never-touch", "both"])
def test_three_denials_in_a_row_pause_the_session(world: World, who: str) -> None:
    for n in range(3):
        assert world.word() is SessionState.RUNNING
        touch = who == "never-touch" or (who == "both" and n == 1)
        world.ask(f"r{n}", tier=Tier.TX if touch else Tier.T2)
        if not touch:
            world.deny(f"r{n}")
    assert world.word() is SessionState.PAUSING


@pytest.mark.parametrize(("most", "word"), [(2, SessionState.PAUSING), (None, SessionState.RUNNING)])
def test_a_profile_says_how_many_denials_in_a_row(most: int | None, word: SessionState) -> None:
    world = World()
    opened = msgspec.structs.replace(session(), trips=Trips(denials=most, same_call=None))
    world.do(ev.SessionOpened(world.now, opened))
    for n in range(2 if most else 5):
        world.ask(f"r{n}")
        world.deny(f"r{n}")
    assert world.word() is word


def test_an_allow_ends_the_row_of_denials(world: World) -> None:
    for n in range(2):
        world.ask(f"a{n}")
        world.deny(f"a{n}")
    world.ask("yes")
    world.release("yes")
    for n in range(2):
        world.ask(f"b{n}")
        world.deny(f"b{n}")
    assert world.word() is SessionState.RUNNING


def test_denials_of_stop_flood_pause_and_expiry_are_not_the_agents_row(world: World) -> None:
    for n in range(2):
        world.ask(f"a{n}")
        world.deny(f"a{n}")
    world.ask("late")
    world.wait(600)
    world.ask("changed")
    world.allow("changed")
    world.checked("changed", changed="script")
    assert world.word() is SessionState.RUNNING
    assert world.state.sessions["s1"].denials == 2


def test_five_expired_in_a_row_pause_the_session(world: World) -> None:
    for n in range(5):
        assert world.word() is SessionState.RUNNING
        world.ask(f"r{n}")
        world.wait(600)
    assert world.word() is SessionState.PAUSING


def test_an_answer_ends_the_row_of_expiries(world: World) -> None:
    for n in range(4):
        world.ask(f"a{n}")
        world.wait(600)
    world.ask("no")
    world.deny("no")
    for n in range(4):
        world.ask(f"b{n}")
        world.wait(600)
    assert world.word() is SessionState.RUNNING


def test_a_resume_starts_every_row_again(world: World) -> None:
    for n in range(3):
        world.ask(f"r{n}")
        world.deny(f"r{n}")
    world.hooks_gone()
    world.contained("freeze")
    world.steer("resume")
    world.contained("thaw")
    world.ask("again")
    world.deny("again")
    assert world.word() is SessionState.RUNNING
