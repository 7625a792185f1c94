"""How much the hook's client adds to the start of the bare isolated interpreter (libraries.md 3.2: 1.3 was measured)."""

import statistics
import subprocess
import time

from controlroom.agents.command import hook_file, interpreter
from tests.bench.figure import Figure
from tests.support.gate import ALLOW, gate, said

ROUNDS = 60
BAR = 1.5
CALL = b'{"hook_event_name":"PreToolUse","tool_name":"Bash","tool_input":{"command":"ls"},"cwd":"/","session_id":"s"}'


def figures() -> list[Figure]:
    """Start to exit of the hook, with a gate that answers at once, against `python -I -S -c pass`: medians, interleaved."""
    python = [str(interpreter()), "-I", "-S"]
    bare: list[float] = []
    asked: list[float] = []
    with gate(said("allow", ALLOW)) as server:
        hook = [*python, str(hook_file()), str(server.folder), "claude-code", "PreToolUse"]
        for _ in range(ROUNDS):
            bare.append(_seconds([*python, "-c", "pass"], b""))
            asked.append(_seconds(hook, CALL))
    middle = statistics.median(asked)
    return [
        Figure("hook start-up / bare interpreter", middle / statistics.median(bare), "ratio", BAR, "lower"),
        Figure("hook start to exit, median", middle * 1000, "ms", 100.0, "lower"),
    ]


def _seconds(command: list[str], given: bytes) -> float:
    begun = time.perf_counter()
    subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begun
