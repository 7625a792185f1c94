"""How long policy takes: one typical command, many commands at once, and whether long commands cost only their length.

The bars are on this program's own processor time, so that what others do on the machine meanwhile does not count; the same
on the clock of the wall stands beside it. The assessment is measured without the look into folders, which comes after it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from controlroom.model.action import Action
from controlroom.policy import Context, Draft, Manifest, Tree
from controlroom.sensing.tree import RealTree
from tests.bench.figure import Figure
from tests.policy.fake import WORK, context, shop

ROUNDS = 300
LINES = 20_000
TYPICAL = [
    "ls -la",
    "git status --short",
    "cd src && npm test 2>&1 | tail -20",
    "git add -A && git commit -m 'fix the parser'",
    "rg -n 'def main' src | head -20",
    "find . -name '*.py' | xargs grep -n todo",
    "sed -n '1,80p' src/main.py",
    'python3 -c \'import json; print(json.load(open("package.json"))["name"])\'',
    "curl -s https://example.invalid/a | jq '.items[0]'",
    "cat > new.md <<'EOF'\nsome text\nEOF",
    "mkdir -p out && cp a.py out/",
    "docker compose logs --tail=50 web",
    'for f in *.py; do wc -l "$f"; done',
    "rm -rf build",
    "echo done > new.log",
]
LONG = {
    "commands": "ls; ",
    "pipes": "cat x | ",
    "words": "a ",
    "quotes": "'a'\"b\"",
    "escapes": "\\a",
    "substitutions": "$(a) ",
    "backticks": "`a` ",
    "braces": "{a,b} ",
    "variables": "$a ",
    "globs": "* ",
    "assignments": "a=$b; ",
    "functions": "f() { a; }; ",
    "redirections": "a > x; ",
    "here-strings": "cat <<< a; ",
    "open braces": "{",
    "open brackets": "[",
    "open quotes": "'\"",
    "python": "python3 -c 'a = a + b'; ",
    "awk": "awk 'print > $1 | a' x; ",
    "sed": "sed 's/a/b/;s/[/]/x/' x; ",
}


def figures() -> list[Figure]:
    """Microseconds for one command (median and 99th of 100) on both clocks, lines a second through the program, growth,
    and how long the look into a folder without end takes.
    """
    tree: Tree = shop()
    where = context()
    actions = [_action(command) for command in TYPICAL]
    for action in actions * 3:
        _seconds(action, where, tree)
    own = _microseconds(actions, where, tree, time.process_time)
    wall = _microseconds(actions, where, tree, time.perf_counter)
    lines, lines_wall = _a_second()
    return [
        Figure("policy, typical command, p50", own[0], "us", 150.0, "lower"),
        Figure("policy, typical command, p99", own[1], "us", 1000.0, "lower"),
        Figure("policy, the same, wall time, p50", wall[0], "us", 0.0, "shown"),
        Figure("policy, the same, wall time, p99", wall[1], "us", 0.0, "shown"),
        Figure("policy check --stdin", lines, "lines/s", 2000.0, "higher"),
        Figure("policy check --stdin, wall time, with start", lines_wall, "lines/s", 0.0, "shown"),
        Figure("policy, look into 30,000 files, wall time", _look() * 1e3, "ms", 200.0, "lower"),
        Figure("policy, twice as long / once, worst kind", _growth(where, tree), "ratio", 3.0, "lower"),
    ]


def _microseconds(actions: list[Action], where: Context, tree: Tree, clock: Callable[[], float]) -> tuple[float, float]:
    """Median and 99th of 100."""
    times = sorted(_seconds(action, where, tree, clock) for _ in range(ROUNDS) for action in actions)
    return statistics.median(times) * 1e6, times[len(times) * 99 // 100] * 1e6


def _look() -> float:
    """Seconds that the look into one large folder takes, after the assessment without it."""
    with tempfile.TemporaryDirectory(prefix="cr-bench-") as folder:
        for number in range(30):
            below = Path(folder, "big", str(number))
            below.mkdir(parents=True)
            for name in range(1000):
                (below / str(name)).touch()
        action = Action("Bash", '{"command":"rm -rf big"}', folder)
        draft = Draft(action, Context(folder, "/nonexistent", Manifest()), RealTree())
        begun = time.perf_counter()
        found = draft.scanned()
        took = time.perf_counter() - begun
        assert found.targets[0].partial, "there is more than it may look at"
        return took


def _action(command: str) -> Action:
    return Action("Bash", msgspec.json.encode({"command": command}).decode(), WORK)


def _seconds(action: Action, where: Context, tree: Tree, clock: Callable[[], float] = time.process_time) -> float:
    begun = clock()
    _ = Draft(action, where, tree).assessment
    return clock() - begun


def _a_second() -> tuple[float, float]:
    """Lines a second: of processor time of the program itself, its start taken off; and by the wall, its start included."""
    with tempfile.TemporaryDirectory(prefix="cr-bench-") as folder:
        home = Path(folder)
        lines = [
            msgspec.json.encode({"id": index, "command": TYPICAL[index % len(TYPICAL)], "cwd": folder})
            for index in range(LINES)
        ]
        empty = _program(home, b"")
        begun = time.perf_counter()
        taken = _program(home, b"\n".join(lines) + b"\n")
        return LINES / max(taken - empty, 1e-9), LINES / (time.perf_counter() - begun)


def _program(home: Path, given: bytes) -> float:
    environment = {"HOME": str(home), "CONTROLROOM_HOME": str(home / "room"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "controlroom", "policy", "check", "--stdin"]
    before = os.times()
    subprocess.run(command, input=given, stdout=subprocess.DEVNULL, check=True, cwd=home, env=environment)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def _growth(where: Context, tree: Tree) -> float:
    """The worst ratio of the time for twice the length to that for once, over every kind of text (2 = linear)."""
    worst = 0.0
    for unit in LONG.values():
        once, twice = (_best(_action(unit * (size // len(unit))), where, tree) for size in (1500, 3000))
        worst = max(worst, twice / once)
    return worst


def _best(action: Action, where: Context, tree: Tree) -> float:
    return min(_seconds(action, where, tree) for _ in range(7))
