"""A runaway is halted by the figure it comes over, says which, and goes on only by a person's word."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import SessionState
from controlroom.model.effect import Assessment, Effect, EffectKind, Target
from controlroom.model.event import Usage
from controlroom.model.tier import Tier
from controlroom.model.trips import Trips
from tests.support.core_make import assessment, session
from tests.support.core_world import World

GIB = 2**30
OVER = {
    "513 processes": Usage(processes=513),
    "8.1 GiB": Usage(memory=int(8.1 * GIB)),
    "2001 files deleted in a minute": Usage(deletes=2001),
}
AT_THE_BAR = Usage(processes=512, memory=8 * GIB, deletes=2000)


def world(trips: Trips | None = None) -> World:
    made = World()
    opened = msgspec.structs.replace(session(), trips=trips or Trips())
    made.do(ev.SessionOpened(made.now, opened))
    return made


def measure(made: World, usage: Usage) -> None:
    made.do(ev.Measured(made.now, "s1", usage))


def alarms(made: World) -> list[str]:
    return [o.text for o in made.all(od.Alarm) if o.kind == "runaway"]


@pytest.mark.parametrize("said", OVER)
def test_a_figure_that_is_over_its_bar_pauses_the_session_and_is_named(said: str) -> None:
    made = world()
    made.ask("r1")
    measure(made, AT_THE_BAR)
    assert made.word() is SessionState.RUNNING, "the bar itself is allowed"
    measure(made, OVER[said])
    assert made.word() is SessionState.PAUSING
    assert made.denied("r1"), "what was pending is denied before the freeze (safety.md rule 4)"
    assert said in alarms(made)[0]


def test_cpu_counts_over_the_last_ten_minutes_only() -> None:
    made = world()
    for minute in range(60):  # 2.5 cores without end: 25 minutes in any 10, never over 30
        measure(made, Usage(cpu=minute * 150.0))
        made.wait(60)
    assert made.word() is SessionState.RUNNING
    for minute in range(60, 75):  # 3.5 cores: 35 minutes in 10
        measure(made, Usage(cpu=60 * 150.0 + (minute - 60) * 210.0))
        made.wait(60)
    assert made.word() is SessionState.PAUSING
    assert "CPU minutes in 10 minutes" in alarms(made)[0]


def test_the_same_call_twenty_times_in_a_row_is_denied_and_pauses() -> None:
    made = world()
    first = made.ask("r0", tier=Tier.T0)
    for n in range(1, 20):
        again = msgspec.structs.replace(first, id=f"r{n}", connection=f"c{n}")
        made.do(ev.Asked(made.now, again))
    by_budget = [o.request for o in made.all(od.Reply) if o.by == "budget"]
    assert by_budget == ["r19"]
    assert made.word() is SessionState.PAUSING
    assert "the same call 20 times" in alarms(made)[0]


def test_another_call_in_between_starts_the_row_again() -> None:
    made = world()
    for n in range(60):
        made.ask(f"r{n}", tier=Tier.T0)  # each has an input of its own
    assert made.word() is SessionState.RUNNING


def test_what_a_released_act_was_shown_to_delete_is_no_runaway() -> None:
    made = world()
    doomed = Target("/ws/build", files=30_000)
    judged = msgspec.structs.replace(assessment(), effects=(Effect(EffectKind.DELETE, (doomed,)),))
    released(made, judged)
    measure(made, Usage(deletes=31_900))
    assert made.word() is SessionState.RUNNING
    measure(made, Usage(deletes=32_001))
    assert made.word() is SessionState.PAUSING


def test_the_leave_to_delete_ends() -> None:
    made = world()
    released(made, msgspec.structs.replace(assessment(), effects=(Effect(EffectKind.DELETE, (Target("/ws", partial=True),)),)))
    measure(made, Usage(deletes=1_000_000))
    assert made.word() is SessionState.RUNNING
    made.wait(181)
    measure(made, Usage(deletes=2001))
    assert made.word() is SessionState.PAUSING


def test_a_build_may_write_as_it_likes_where_no_profile_says_otherwise_and_nothing_is_counted_off_where_one_does() -> None:
    free = world()
    measure(free, Usage(writes=1_000_000))
    assert free.word() is SessionState.RUNNING
    bound = world(Trips(writes=5000))
    many = Effect(EffectKind.WRITE, (Target("/ws", files=30_000, partial=True),))
    released(bound, msgspec.structs.replace(assessment(), effects=(many,)))
    measure(bound, Usage(writes=5000))
    assert bound.word() is SessionState.RUNNING, "the bar itself is allowed"
    measure(bound, Usage(writes=5001))
    assert bound.word() is SessionState.PAUSING
    assert "5001 files written in a minute" in alarms(bound)[0]


def released(made: World, judged: Assessment) -> None:
    made.ask("r1", what=judged)
    made.allow("r1")
    made.checked("r1")
    made.durable("r1")
    made.delivered("r1")


def test_once_a_person_lets_it_go_on_it_trips_again_at_twice_of_it() -> None:
    made = world()
    measure(made, Usage(processes=600))
    made.hooks_gone()
    made.contained("freeze")
    assert made.word() is SessionState.PAUSED
    made.do(ev.Steered(made.now, "s1", "resume", "operator:ann"))
    made.contained("thaw")
    measure(made, Usage(processes=1200))
    assert made.word() is SessionState.RUNNING
    measure(made, Usage(processes=1201))
    assert made.word() is SessionState.PAUSING


def test_a_profile_may_stop_instead_of_pause() -> None:
    made = world(Trips(act="stop"))
    measure(made, Usage(processes=513))
    assert made.word() is SessionState.STOPPING
    assert od.Contain("s1", "stop") in made.orders


@pytest.mark.parametrize(
    ("trips", "usage", "seconds"),
    [
        (Trips(wall_minutes=60), Usage(), 3601),
        (Trips(cost_usd=2.5), Usage(cost=2.51), 0),
        (Trips(alone_minutes=10), Usage(alone=601), 0),
        (Trips(tokens=1000), Usage(tokens=1001), 0),
        (Trips(writes=5000), Usage(writes=5001), 0),
    ],
)
def test_the_other_figures_trip_where_a_profile_names_them(trips: Trips, usage: Usage, seconds: float) -> None:
    made = world(trips)
    made.wait(seconds)
    measure(made, usage)
    assert made.word() is SessionState.PAUSING


@given(
    st.builds(
        Usage,
        st.none() | st.integers(0, 5000),
        st.none() | st.floats(0, 1e6),
        st.none() | st.integers(0, 64 * GIB),
        st.none() | st.integers(0, 50_000),
        st.none() | st.integers(0, 50_000),
        st.none() | st.integers(0, 10**9),
        st.none() | st.floats(0, 1e6),
    )
)
def test_what_is_unknown_or_not_watched_never_trips_and_nothing_is_ever_allowed_by_a_measure(usage: Usage) -> None:
    off = Trips(processes=None, cpu_minutes=None, memory_gib=None, deletes=None, same_call=None)
    made = world(off)
    made.ask("r1")
    measure(made, usage)
    measure(made, Usage())
    assert made.word() is SessionState.RUNNING
    watched = world()
    watched.ask("r1")
    measure(watched, usage)
    assert not watched.allowed("r1")
