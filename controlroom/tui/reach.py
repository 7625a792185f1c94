"""Who else could press keys here (U13): another process of this user through tmux, screen or TIOCSTI."""

import os
from collections.abc import Mapping
from pathlib import Path

LEGACY = Path("/proc/sys/dev/tty/legacy_tiocsti")


def badge(env: Mapping[str, str] = os.environ, legacy: Path = LEGACY) -> str:
    """Why approvals on this terminal are only ADVISORY, "" where nothing is known to reach it.

    A tmux or screen server takes keys from every process of its user; `legacy_tiocsti` 1 lets a process push input into its
    own terminal (kernel documentation, sysctl/dev.rst). Agents that controlroom launches have a terminal of their own.
    """
    ways = [name for name, variable in (("tmux", "TMUX"), ("screen", "STY")) if env.get(variable)]
    try:
        if legacy.read_text().strip() == "1":
            ways.append("TIOCSTI")
    except OSError:
        pass  # older kernels have neither the switch nor a way to turn it off; said in docs
    return f"keys can be typed for you by {' and '.join(ways)}" if ways else ""
