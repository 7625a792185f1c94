"""The whole of it, as people use it: the real Claude Code in one tmux window, the room in another, and keys."""

import json
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.e2e.room import CONTROLROOM, MODEL, Room
from tests.e2e.sshd import Host, listen
from tests.support.model_server import Call, Model, call_id
from tests.support.panes import Pane, Server, server
from tests.support.waiting import eventually, never

REMOVE = Call("Bash", {"command": "rm -rf build", "description": "clean"})
FIRST = call_id("main", 0)
KEY = "dummy"


@pytest.fixture
def tmux(room: Room) -> Iterator[Server]:
    """A terminal server; the daemon runs."""
    room.start()
    with server(room.home.path.parent / "tmux", room.home.env) as made:
        yield made


def script(*turns: Sequence[Call]) -> Model:
    return Model({"main": [*turns, "all done"]})


def agent(room: Room, tmux: Server, model: Model) -> Pane:
    """The interactive Claude Code under `controlroom run`, at work on its first prompt."""
    known = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [KEY]},
        "projects": {str(room.workspace): {"hasTrustDialogAccepted": True}},
    }
    (room.home.user / ".claude.json").write_text(json.dumps(known), encoding="utf-8")
    command = [CONTROLROOM, "run", "--name", "claude", "--", str(room.claude), "--model", MODEL, "[[main]] clean up"]
    env = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": KEY, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    return tmux.open("agent", command, room.workspace, env={**env, "DISABLE_TELEMETRY": "1"})


def view(room: Room, tmux: Server, size: tuple[int, int] = (120, 40)) -> Pane:
    return tmux.open("room", [CONTROLROOM], room.workspace, size)


def login(room: Room, tmux: Server, host: Host) -> Pane:
    """The room as most people open it: through ssh."""
    home = f"CONTROLROOM_HOME={room.home.path} HOME={room.home.user}"
    return tmux.open("ssh", host.client(f"{home} exec {CONTROLROOM}"), room.workspace)


def still(pane: Pane) -> bool:
    """Whether nothing is drawn for a second; an agent at work turns its wheel. What it wrote before may come late."""
    before = pane.text
    time.sleep(1.0)
    return pane.text == before


def gone(room: Room) -> bool:
    return not (room.workspace / "build").exists()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_one_key_allows_what_the_agents_own_screen_shows_as_waiting(room: Room, tmux: Server, size: tuple[int, int]) -> None:
    with script([REMOVE]) as model:
        claude, seat = agent(room, tmux, model), view(room, tmux, size)
        claude.shows("waiting for operator")
        seat.shows("rm -rf build")
        seat.shows("allow once")
        assert not gone(room)
        seat.press("a")
        claude.shows("all done")
        assert gone(room)
        seat.shows("nothing pending")
    assert not model.results[FIRST].error


def test_in_a_window_too_small_to_read_it_only_denial_is_left(room: Room, tmux: Server) -> None:
    with script([REMOVE]) as model:
        claude, seat = agent(room, tmux, model), view(room, tmux, (20, 5))
        seat.shows("? 1")
        seat.shows("STOP")
        seat.press("a", "A")
        never(lambda: gone(room), 1.5, "an allowance that nobody could read")
        seat.press("d")
        claude.shows("all done")
        assert not gone(room)
    assert model.results[FIRST].error


def test_the_agent_is_told_why_it_was_denied(room: Room, tmux: Server) -> None:
    with script([REMOVE]) as model:
        claude, seat = agent(room, tmux, model), view(room, tmux)
        seat.shows("rm -rf build")
        seat.press("D")
        seat.shows("DENY, and say why")
        seat.type("only copy, use cache/")
        seat.press("Enter")
        claude.shows("all done")
        assert not gone(room)
    assert "only copy, use cache/" in model.results[FIRST].text


def test_a_window_that_changes_its_size_under_the_finger_allows_nothing(room: Room, tmux: Server) -> None:
    with script([REMOVE]) as model:
        claude, seat = agent(room, tmux, model), view(room, tmux)
        seat.shows("allow once")
        seat.resize(20, 5)
        seat.shows("STOP ^")
        seat.press("a")
        never(lambda: gone(room), 1.0, "allowed in a window that shows nothing")
        seat.resize(80, 24)
        seat.shows("allow once")
        seat.press("a")
        claude.shows("all done")
        assert gone(room)


def test_the_emergency_stop_freezes_it_and_reset_and_resume_let_it_go_on(room: Room, tmux: Server) -> None:
    with Model({"main": [[REMOVE], "all done"]}, thinks=True) as model:
        claude, seat = agent(room, tmux, model), view(room, tmux)
        seat.shows("rm -rf build")
        seat.press("C-\\")
        seat.shows("EMERGENCY STOP in force")
        seat.shows("every stop is proved")
        eventually(lambda: still(claude), 20, "a frozen agent draws no more")
        assert room.state() == "paused"
        stop = str(room.json("daemon", "status")["stop_id"])
        seat.press("R")
        seat.shows("RESET the emergency stop")
        seat.type(stop)
        seat.press("Enter")
        eventually(lambda: room.json("daemon", "status")["latched"] is False, 20, "the stop is taken back")
        assert room.state() == "paused"
        seat.shows("nothing was resumed")
        seat.press("r")
        model.go_on()
        claude.shows("all done")
        assert not gone(room)
    assert model.results[FIRST].error


def test_over_ssh_it_answers_and_a_lost_connection_leaves_the_next_request_waiting(room: Room, tmux: Server) -> None:
    again = Call("Bash", {"command": "rm -rf build", "description": "once more"})
    with listen(room.home.path.parent / "ssh") as host, script([REMOVE], [again]) as model:
        claude, seat = agent(room, tmux, model), login(room, tmux, host)
        seat.shows("allow once")
        first = room.pending()[0]["id"]
        seat.press("d")
        eventually(lambda: [row for row in room.pending() if row["id"] != first], 20, "the second request waits")
        seat.shows("allow once")
        host.drop()
        eventually(
            lambda: not [1 for line in room.home.processes().values() if line.endswith("bin/controlroom")], 20, "it ends"
        )
        [waiting] = room.pending()
        assert not gone(room)
        room.deny(waiting, "nobody is there")
        claude.shows("all done")
    assert model.results[FIRST].error
