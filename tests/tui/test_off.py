"""A key that is off says why; a read-only room looks, and can stop everything."""

import pytest
from msgspec.structs import replace

from controlroom.model.agent import SessionState
from controlroom.model.view import RoomView
from controlroom.tui import keys
from tests.support import views
from tests.support.stage import room, story


@pytest.mark.parametrize(
    ("view", "key", "why"),
    [
        (views.busy(), "a", "nothing is pending"),
        (views.busy(), "R", "no emergency stop is in force"),
        (views.empty(), "p", "no agent is selected"),
        (views.busy(), "s", "only in the grant dialog"),
        (views.stopped(), "r", "an emergency stop is in force"),
    ],
)
@story
async def test_a_key_that_is_off_says_why_on_screen(view: RoomView, key: str, why: str) -> None:
    async with room(view) as visit:
        await visit.press("escape", key)  # off the stop screen, where there is one
        await visit.sees(why)
        assert visit.line.orders == []


@pytest.mark.parametrize("state", [SessionState.RUNNING, SessionState.PAUSED])
@story
async def test_a_read_only_room_orders_nothing_and_still_stops_everything(state: SessionState) -> None:
    agents = tuple(replace(agent, state=state) for agent in views.pending_t2().agents)
    async with room(replace(views.pending_t2(), agents=agents), read_only=True) as visit:
        for one in keys.COMMANDS:
            if one.danger in ("control", "decide") and "room" in one.scope:
                await visit.press(*one.keys)
        await visit.sees("this room is read-only")
        assert "read-only" in visit.text().splitlines()[0]
        await visit.press("ctrl+backslash")
        await visit.until(lambda: len(visit.pulled) == 1, "the stop is pulled")
        assert visit.line.orders == []
