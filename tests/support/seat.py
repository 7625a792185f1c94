"""An operator's seat: the real `controlroom` on a terminal of its own, over the home of a test."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import terminal
from tests.support.home import Home
from tests.support.terminal import Terminal

CONTROLROOM = str(Path(sys.executable).parent / "controlroom")
ELSEWHERE = ("TMUX", "TMUX_PANE", "STY", "SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT", "COLORTERM", "NO_COLOR", "TERM", "LANG")
PATIENCE = 20.0  # seconds: the room starts slowly on a machine under load


@contextmanager
def sit(home: Home, *options: str, columns: int = 120, rows: int = 40, **env: str) -> Iterator[Terminal]:
    """The room, opened with these options; what the caller's own terminal is stays out of it. It is killed at the end."""
    kept = {name: value for name, value in home.env.items() if name not in ELSEWHERE}
    given = {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", **env}
    with terminal.run([CONTROLROOM, *options], columns=columns, rows=rows, env=given) as seat:
        yield seat


def live(seat: Terminal) -> Terminal:
    """Waits until the room shows what the daemon says."""
    seat.until(lambda screen: "live" in screen.lines[0], "live", PATIENCE)
    return seat
