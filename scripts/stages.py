"""Runs the stages of the suite in order, all of them, and closes with one honest line of what passed, failed and was skipped.

    python scripts/stages.py lint units serial e2e

A stage that takes more than twice its budget is killed and counts as failed. Exit code: 0 only when nothing failed.
"""

import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
REPORTS = ROOT / ".cache" / "reports"
NOTHING_COLLECTED = 5  # pytest's exit code


@dataclass(frozen=True)
class Count:
    """How many checks passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def plus(self, other: "Count") -> "Count":
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def run(command: list[str], limit: float) -> int:
    """The exit code of `command`; its whole process group is killed after `limit` seconds (then 124)."""
    print(f"$ {' '.join([Path(command[0]).name, *command[1:]])}", flush=True)
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        print(f"killed: more than {limit:.0f} s", flush=True)
        return 124
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def plain(*commands: list[str]) -> Callable[[float], Count]:
    """A stage of commands, each of which passes or fails as a whole."""

    def stage(limit: float) -> Count:
        failed = sum(1 for command in commands if run(command, limit) != 0)
        return Count(len(commands) - failed, failed)

    return stage


def pytest(name: str, *arguments: str) -> Callable[[float], Count]:
    """A stage of pytest; counted from its own report, and failed when it ends badly with no failing case in the report."""

    def stage(limit: float) -> Count:
        report = REPORTS / f"{name}.xml"
        report.unlink(missing_ok=True)
        code = run([str(BIN / "python"), "-m", "pytest", f"--junit-xml={report}", *arguments], limit)
        if code == NOTHING_COLLECTED:
            return Count()
        counted = read(report) if report.exists() else Count()
        return counted.plus(Count(failed=1)) if code != 0 and counted.failed == 0 else counted

    return stage


def read(report: Path) -> Count:
    """The counts of one report of pytest's own making."""
    total = Count()
    for suite in ET.parse(report).getroot().iter("testsuite"):
        failed, skipped = int(suite.get("failures", 0)) + int(suite.get("errors", 0)), int(suite.get("skipped", 0))
        total = total.plus(Count(int(suite.get("tests", 0)) - failed - skipped, failed, skipped))
    return total


def system(limit: float) -> Count:
    """The optional programs: what is missing is a skip with its line, never a failure."""
    process = subprocess.run(
        [str(ROOT / "scripts" / "system")], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=limit, check=False
    )
    print(process.stdout, end="", flush=True)
    return Count(skipped=process.stdout.count("SKIPPED"))


STAGES: dict[str, tuple[float, Callable[[float], Count]]] = {  # name: (budget in seconds on two cores, stage)
    "system": (600, system),
    "lint": (
        120,
        plain(
            [str(BIN / "ruff"), "check", "."],
            [str(BIN / "ruff"), "format", "--check", "."],
            [str(BIN / "mypy")],
            [str(BIN / "lint-imports"), "--no-logo"],
        ),
    ),
    "units": (420, pytest("units", "-n", "2", "-m", "not serial")),
    "serial": (120, pytest("serial", "-m", "serial")),
    "e2e": (900, pytest("e2e", "tests/e2e")),
}


def main(names: list[str]) -> int:
    """Run the named stages; 0 when nothing failed."""
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        print(f"stages: {', '.join(unknown) or 'no name'} given; there are: {' '.join(STAGES)}", file=sys.stderr)
        return 2
    REPORTS.mkdir(parents=True, exist_ok=True)
    total, lines = Count(), []
    for name in names:
        budget, stage = STAGES[name]
        print(f"== {name}", flush=True)
        began = time.monotonic()
        count = stage(2 * budget)
        took = time.monotonic() - began
        total = total.plus(count)
        lines.append(f"{name:8} {count}  {took:.0f} s" + (f"  OVER its budget of {budget:.0f} s" if took > budget else ""))
    print("== result", *lines, f"{'FAILED' if total.failed else 'ok'}: {total}", sep="\n", flush=True)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
