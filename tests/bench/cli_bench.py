"""How much the commands of an emergency add to the start of the bare interpreter."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from tests.bench.figure import Figure

ROUNDS = 40
ESTOP_BAR = 3.0  # measured: 2.4; json and socket are most of it
DENY_BAR = 3.5  # measured: 2.7
FULL_BAR = 400.0  # ms; measured: 111


def figures() -> list[Figure]:
    """Start to exit, medians, interleaved: `estop --help` and `deny` without a daemon as ratios to `python -c pass`."""
    timed: dict[str, list[float]] = {"bare": [], "estop": [], "deny": [], "agents": []}
    with tempfile.TemporaryDirectory(prefix="cr", dir="/tmp") as home:
        env = {**os.environ, "CONTROLROOM_HOME": home}
        commands = {
            "bare": ["-c", "pass"],
            "estop": ["-m", "controlroom", "estop", "--help"],
            "deny": ["-m", "controlroom", "deny", "1"],
            "agents": ["-m", "controlroom", "agents"],
        }
        for _ in range(ROUNDS):
            for name, words in commands.items():
                begun = time.perf_counter()
                subprocess.run([sys.executable, *words], env=env, capture_output=True, check=False)
                timed[name].append(time.perf_counter() - begun)
    middle = {name: statistics.median(seconds) for name, seconds in timed.items()}
    return [
        Figure("estop start-up / bare interpreter", middle["estop"] / middle["bare"], "ratio", ESTOP_BAR, "lower"),
        Figure("deny without a daemon / bare interpreter", middle["deny"] / middle["bare"], "ratio", DENY_BAR, "lower"),
        Figure("any other command, start to exit", middle["agents"] * 1000, "ms", FULL_BAR, "lower"),
    ]
