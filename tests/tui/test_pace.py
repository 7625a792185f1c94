"""When a room draws: what must be seen at once, what waits a second, and what is not drawn at all."""

import pytest
from msgspec.structs import replace

from controlroom.model.view import RoomView
from controlroom.tui.link import Contact
from controlroom.tui.pace import AGES_SECONDS, CALM_SECONDS, Pace
from tests.support import views

SOON = CALM_SECONDS / 4


def contact(view: RoomView | None, state: str = "live") -> Contact:
    return replace(Contact(), state=state, view=view)


@pytest.mark.parametrize(
    "other",
    [views.pending_t2(), views.pending_t3(), views.stopped(), views.broken(), replace(views.busy(), agents=())],
    ids=["asked", "asked more", "stopped", "broken", "no agents"],
)
def test_what_matters_is_drawn_at_once(other: RoomView) -> None:
    pace = Pace()
    pace.shown(contact(views.busy()), 0.0)
    assert pace.shown(contact(other), SOON).view is other


def test_a_lost_daemon_is_drawn_at_once() -> None:
    pace = Pace()
    pace.shown(contact(views.busy()), 0.0)
    assert pace.shown(contact(views.busy(), "lost"), SOON).state == "lost"


def test_what_only_moves_is_drawn_once_a_second_and_then_the_newest() -> None:
    pace, first = Pace(), contact(views.busy())
    pace.shown(first, 0.0)
    moved = [contact(replace(views.busy(), seq=100 + n)) for n in range(3)]
    assert pace.shown(moved[0], SOON) is first
    assert pace.shown(moved[1], 2 * SOON) is first
    assert pace.shown(moved[2], CALM_SECONDS) is moved[2]


def test_a_room_in_which_nothing_happens_is_drawn_for_its_ages_alone() -> None:
    pace, first = Pace(), contact(views.busy())
    pace.shown(first, 0.0)
    same = contact(replace(views.busy(), now=views.NOW.plus(AGES_SECONDS - 0.1)))
    older = contact(replace(views.busy(), now=views.NOW.plus(AGES_SECONDS)))
    assert pace.shown(same, 60.0) is first
    assert pace.shown(older, 60.0) is older
