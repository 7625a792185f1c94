"""The room in a real tmux: others can press its keys, and say so (U13); a new request flags its window."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.daemon import Daemon
from tests.support.panes import Pane, Server, server
from tests.support.seat import CONTROLROOM
from tests.support.waiting import eventually
from tests.tui.test_life import asked

NOBODY = 65534


@pytest.fixture
def tmux(daemon: Daemon) -> Iterator[Server]:
    with server(daemon.home.path.parent / "tmux", {**daemon.home.env, "LANG": "C.UTF-8"}) as made:
        yield made


def room(daemon: Daemon, tmux: Server, size: tuple[int, int] = (80, 24)) -> Pane:
    return tmux.open("room", [CONTROLROOM], daemon.workspace, size)


@pytest.mark.row("U13")
def test_another_process_of_the_same_user_presses_keys_here_and_the_room_says_so_all_the_time(
    daemon: Daemon, tmux: Server
) -> None:
    asker, seat = asked(daemon), room(daemon, tmux)
    seat.shows("allow once")
    assert "ADVISORY" in seat.text.splitlines()[0]
    seat.press("R")  # a remark takes the place of the words that say why
    seat.shows("no emergency stop is in force")
    assert "keys can be typed" not in seat.text
    assert "ADVISORY" in seat.text.splitlines()[0]
    seat.press("a")
    assert asker.answer(20.0)[0] == "allow"
    seat.shows("nothing pending")
    assert "ADVISORY" in seat.text.splitlines()[0]


@pytest.mark.row("U13")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a process as another user")
def test_another_user_presses_no_keys_here(daemon: Daemon, tmux: Server) -> None:
    asker, seat = asked(daemon), room(daemon, tmux)
    seat.shows("allow once")
    tmux.socket.parent.chmod(0o755)  # not the folder keeps them out: the socket does
    tried = subprocess.run(
        ["tmux", "-S", str(tmux.socket), "send-keys", "-t", seat.name, "a"],
        user=NOBODY, group=NOBODY, extra_groups=(), cwd="/", env={"PATH": daemon.home.env["PATH"], "LANG": "C.UTF-8"},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    assert tried.returncode != 0
    assert "ermission denied" in tried.stderr or "access not allowed" in tried.stderr, tried.stderr
    assert len(daemon.call("pending")) == 1
    asker.hang_up()


def test_a_new_request_flags_the_window_of_the_room(daemon: Daemon, tmux: Server) -> None:
    """How often it rings is a matter of `Bell` alone (test_bell)."""
    seat = room(daemon, tmux)
    seat.shows("nothing pending")
    tmux.tmux("new-window", "-t", "room", "exec sleep 600")
    assert flags(tmux) == {"0": "-", "1": "*"}
    asked(daemon)
    eventually(lambda: "!" in flags(tmux)["0"], 20.0, "the window of the room is flagged")


def flags(tmux: Server) -> dict[str, str]:
    """What stands behind each window's number."""
    lines = tmux.tmux("list-windows", "-t", "room", "-F", "#{window_index} #{window_flags}").splitlines()
    return {index: set_flags for index, _, set_flags in (line.partition(" ") for line in lines)}
