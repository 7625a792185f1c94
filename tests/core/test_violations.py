"""A never-touch member that changed on disk pauses whoever runs and could have done it, and says honestly what that means."""

import pytest

from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import ProcessId, Rung, SessionState
from tests.support.core_make import session
from tests.support.core_world import World

SAID = "changed on disk past the gate: /home/ann/.ssh/id was deleted"


def told(world: World, *walled: str) -> str:
    world.do(ev.Violated(world.now, SAID, walled))
    [text] = [order.text for order in world.all(od.Alarm) if order.kind == "never-touch"]
    assert text.startswith(SAID)
    return text


@pytest.mark.row("N14")
@pytest.mark.parametrize("rung", [Rung.CGROUP, Rung.PIDNS, Rung.SUBREAPER])
def test_on_each_rung_the_session_is_paused_after_its_pending_calls_are_denied(rung: Rung) -> None:
    world = World()
    world.open("s1", rung=rung)
    world.ask("r1")
    assert "is being paused" in told(world)
    assert world.denied("r1")
    assert world.word() is SessionState.PAUSING
    world.hooks_gone()
    assert world.acts() == ["freeze"]


@pytest.mark.row("N14")
def test_all_that_run_are_paused_but_those_behind_walls_and_those_that_stand_still() -> None:
    world = World()
    for name in ("s1", "s2", "walled", "paused"):
        world.open(name)
    world.paused("paused")
    text = told(world, "walled")
    words = {name: world.word(name) for name in ("s1", "s2", "walled", "paused")}
    assert words == {
        "s1": SessionState.PAUSING,
        "s2": SessionState.PAUSING,
        "walled": SessionState.RUNNING,
        "paused": SessionState.PAUSED,
    }
    assert "walled" not in text


@pytest.mark.row("N14")
def test_who_cannot_be_held_is_said_to_be_loose() -> None:
    world = World()
    adopted, lane = session("adopted", rung=Rung.OBSERVED, root=ProcessId(7, 7, "boot")), session("lane", rung=Rung.OBSERVED)
    for one in (adopted, lane):
        world.do(ev.SessionOpened(world.now, one))
    text = told(world)
    assert f"cannot be proved: {adopted.name}" in text
    assert f"only its calls are denied: {lane.name}" in text


def test_a_session_that_is_being_resumed_is_caught() -> None:
    world = World()
    world.open()
    world.paused()
    world.steer("resume")
    told(world)
    assert world.word() is SessionState.PAUSING


def test_with_nobody_there_it_is_told_all_the_same() -> None:
    assert "no session that runs could have done it" in told(World())
