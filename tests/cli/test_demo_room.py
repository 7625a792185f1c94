"""The demo's advice fits what the newcomer sees, step by step, and claims nothing that was not proved."""

from pathlib import Path

import pytest

from controlroom.cli import demo_room
from controlroom.cli.demo import Stage
from controlroom.model.agent import SessionState
from controlroom.model.view import RoomView
from tests.support import views


def room(state: SessionState = SessionState.RUNNING, **more: object) -> RoomView:
    return views.room(agents=(views.agent(demo_room.NAME, state=state),), **more)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (room(), "Wait for its question"),
        (room(pending=(views.request_t2(),)), "a allows, d denies"),
        (room(pending=(views.request_t2(), views.request_t3())), "A allows, d denies"),
        (room(receipts=views.receipts()), "was denied, unasked"),
        (room(SessionState.PAUSED, status=views.status(stop_id="5f3a")), "R and the stop's id reset it"),
        (room(SessionState.PAUSED), "r lets it go on"),
        (room(SessionState.STOPPED), "q ends the demo"),
    ],
)
def test_the_advice_is_about_what_is_on_screen(tmp_path: Path, view: RoomView, said: str) -> None:
    assert said in demo_room.coach(Stage(tmp_path), view)


def test_after_it_ran_away_the_stop_key_is_named(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.workspace.mkdir(parents=True)
    (stage.workspace / "heartbeat").touch()
    assert "EMERGENCY STOP" in demo_room.coach(stage, room())
    assert "over" in demo_room.coach(stage, room(SessionState.ENDED))


@pytest.mark.row("S14")
def test_the_advice_calls_no_stop_proved(tmp_path: Path) -> None:
    view = room(SessionState.UNCONFIRMED, status=views.status(stop_id="5f3a"))
    assert "is proved" not in demo_room.coach(Stage(tmp_path), view)
