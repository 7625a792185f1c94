"""How long policy takes: one typical command, many commands at once, and whether long commands cost only their length.

Times are of this program's own processor time: what others do on the machine meanwhile does not count.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from controlroom.model.action import Action
from controlroom.policy import Context, Stat, Tree, assess
from controlroom.policy.tree import Scan
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


class _Unscanned:
    """The shop's tree without the target scan, which comes after and has its own bound."""

    def __init__(self) -> None:
        self._tree = shop()

    def lstat(self, path: str) -> Stat | None:
        return self._tree.lstat(path)

    def realpath(self, path: str) -> str | None:
        return self._tree.realpath(path)

    def listdir(self, path: str) -> tuple[str, ...] | None:
        return self._tree.listdir(path)

    def read(self, path: str, limit: int) -> bytes | None:
        return self._tree.read(path, limit)

    def scan(self, path: str, max_entries: int) -> Scan:
        return Scan(0, 0, False)

    def elsewhere(self, path: str) -> tuple[str, ...]:
        return self._tree.elsewhere(path)

    def mounts(self, path: str) -> tuple[str, ...]:
        return self._tree.mounts(path)

    def tracked(self, path: str) -> bool | None:
        return None


def figures() -> list[Figure]:
    """Microseconds for one command (median and 99th of 100), commands a second through the program, and growth."""
    tree: Tree = _Unscanned()
    where = context()
    actions = [_action(command) for command in TYPICAL]
    for action in actions * 3:
        assess(action, where, tree)
    times = sorted(_seconds(action, where, tree) for _ in range(ROUNDS) for action in actions)
    return [
        Figure("policy, typical command, p50", statistics.median(times) * 1e6, "us", 150.0, "lower"),
        Figure("policy, typical command, p99", times[len(times) * 99 // 100] * 1e6, "us", 1000.0, "lower"),
        Figure("policy check --stdin", _a_second(), "lines/s", 2000.0, "higher"),
        Figure("policy, twice as long / once, worst kind", _growth(where, tree), "ratio", 3.0, "lower"),
    ]


def _action(command: str) -> Action:
    return Action("Bash", msgspec.json.encode({"command": command}).decode(), WORK)


def _seconds(action: Action, where: Context, tree: Tree) -> float:
    begun = time.process_time()
    assess(action, where, tree)
    return time.process_time() - begun


def _a_second() -> float:
    """Lines a second of processor time of the program itself, its start taken off."""
    with tempfile.TemporaryDirectory(prefix="cr-bench-") as folder:
        home = Path(folder)
        lines = [
            msgspec.json.encode({"id": index, "command": TYPICAL[index % len(TYPICAL)], "cwd": folder})
            for index in range(LINES)
        ]
        empty = _program(home, b"")
        return LINES / max(_program(home, b"\n".join(lines) + b"\n") - empty, 1e-9)


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
