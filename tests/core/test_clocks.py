"""Whatever the clocks do: nothing lives longer, nothing comes back, nothing is allowed by itself, no time is negative (S13)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.daemon import views
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier
from tests.support.core_world import World

HOLD, GRANT = 600, 300  # seconds
# How far both clocks go on, and how far the wall clock is set then: a leap second, an hour of summer time, a day, years.
MOVES = st.tuples(
    st.floats(0, 400, allow_nan=False),
    st.sampled_from([0, 1, -1, 3600, -3600, 86_400, -86_400, 10**9, -(10**9)]) | st.integers(-(10**6), 10**6),
)


def _shown(world: World) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """The request and the grant as an operator is shown them, None = they are not."""
    asked = world.state.requests.get("r1")
    pending = asked if asked is not None and asked.state is RequestState.PENDING else None
    grant = world.state.grants.get("g1")
    return (
        views.request(pending, world.state, world.now) if pending else None,
        views.grant(grant, world.state, world.now) if grant else None,
    )


@pytest.mark.row("T01")
@given(moves=st.lists(MOVES, max_size=12))
def test_no_story_of_the_clocks_extends_revives_or_allows_anything(moves: list[tuple[float, int]]) -> None:
    world = World()
    world.open()
    world.ask(tier=Tier.T3)
    world.grant(seconds=GRANT)
    before, passed = _shown(world), 0.0
    assert all(before), "both are there at the beginning"
    for seconds, jump in moves:
        world.wait(seconds)
        world.set_wall(jump)
        passed += seconds
        now = _shown(world)
        for was, shown, most in zip(before, now, (HOLD, GRANT), strict=True):
            assert was or not shown, "what is over does not come back"
            assert not shown or passed < most, "nothing outlives its time on the clock that is never set"
            assert not shown or 0 <= shown["ttl_s"] <= most - passed + 0.11
        if now[0]:
            assert now[0]["age_s"] == pytest.approx(passed, abs=0.11)
        assert not world.allowed()
        before = now
    world.wait(HOLD)
    assert _shown(world) == (None, None)
    assert world.denied() and not world.allowed()
