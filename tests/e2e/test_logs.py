"""The logs of the real Claude Code in the room: what its terminal showed, and a file that a tool call of it writes."""

from collections.abc import Iterator

import pytest

from tests.e2e.room import ANSWER, CONTROLROOM, MODEL, Room
from tests.support.model_server import Call, Model
from tests.support.panes import Server, server
from tests.support.waiting import eventually


@pytest.fixture
def tmux(room: Room) -> Iterator[Server]:
    """A terminal server; the daemon runs."""
    room.start()
    with server(room.home.path.parent / "tmux", room.home.env) as made:
        yield made


def test_its_terminal_and_a_log_that_it_writes_are_shown(room: Room, tmux: Server) -> None:
    write = Call("Bash", {"command": "echo WARN from its tool >> app.log", "description": "log"})
    with Model({"main": [[write], "all is done here"]}) as model:
        words = ["run", "--detach", "--name", "claude", "--log", "app.log", "--", str(room.claude), "-p", "[[main]] log it"]
        env = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "dummy", "DISABLE_TELEMETRY": "1", "IS_SANDBOX": "1"}
        flags = ["--model", MODEL, "--dangerously-skip-permissions"]
        tmux.open("agent", [CONTROLROOM, *words, *flags], room.workspace, env=env)
        # Not by what it prints: tmux's own word that a program has ended scrolls the only line away.
        eventually(lambda: room.json("agents"), ANSWER, "it is launched")
        seat = tmux.open("room", [CONTROLROOM], room.workspace, (120, 40))
        seat.shows("app.log  WARN from its tool")  # the room answers: it has asked for the lines itself
        seat.press("1")
        seat.press("1")
        seat.shows("terminal 1/")
        seat.shows("all is done here")
        seat.press("1")
        seat.shows("app.log 2/")
        seat.shows("1  WARN from its tool")
        said = room.cli("logs", "claude", "--log", "app.log")
        assert said == "WARN from its tool\n"
