"""The stages of a full disk as the core lives them (J04): nothing destructive without room, nothing without a journal."""

import pytest

from controlroom.model import event as ev
from controlroom.model.storing import Storing
from controlroom.model.tier import Tier
from tests.support.core_world import World


def world(level: Storing) -> World:
    made = World()
    made.open()
    made.do(ev.Stored(made.now, level))
    return made


@pytest.mark.row("J04")
@pytest.mark.parametrize(
    ("level", "tier", "denied"),
    [
        (Storing.LOW, Tier.T2, False),
        (Storing.SCARCE, Tier.T0, False),
        (Storing.SCARCE, Tier.T1, False),
        (Storing.SCARCE, Tier.T2, True),
        (Storing.SCARCE, Tier.T3, True),
        (Storing.BROKEN, Tier.T0, True),
        (Storing.BROKEN, Tier.T2, True),
    ],
)
def test_what_is_denied_at_which_stage(level: Storing, tier: Tier, denied: bool) -> None:
    made = world(level)
    made.ask(tier=tier)
    assert made.denied() == denied


@pytest.mark.row("J04")
def test_what_was_asked_before_is_not_released_when_the_room_is_gone() -> None:
    made = world(Storing.OK)
    made.ask(tier=Tier.T2)
    made.do(ev.Stored(made.now, Storing.SCARCE))
    made.release()
    assert made.denied()


@pytest.mark.row("J04")
def test_stops_need_no_room_and_room_brings_work_back() -> None:
    made = world(Storing.BROKEN)
    made.steer("kill")
    assert made.acts() == ["kill"]
    other = world(Storing.SCARCE)
    other.do(ev.Stored(other.now, Storing.OK))
    other.ask("r2", tier=Tier.T2)
    other.release("r2")
    assert other.allowed("r2")
