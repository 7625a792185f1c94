"""`controlroom demo --headless`: the main job on a scripted agent, judged on the file system and not on what anybody says.

Everything is real: a daemon in a home of its own, an agent launched by `controlroom run` on the real hook path, the journal,
and a stop that the kernel proves. Without an operator, T2 is allowed and T3 denied.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from controlroom.agents.command import command, hook_file, interpreter
from controlroom.client.rpc import Operator, Refused
from controlroom.storage.paths import Places, places
from controlroom.text.safe import show

STEP_SECONDS = 30.0
SETTINGS = '{\n  "permissions": {"ask": ["Bash(*)"]}\n}\n'
CUSTOMERS = "the file that mattered\n"


class NotAsTold(Exception):
    """The story did not come true; the text says where."""


class Stage:
    """A home, a workspace and an operator of the demo's own."""

    def __init__(self, top: Path) -> None:
        self.home = top / "home"
        self.workspace = top / "shop"
        self.env = {**os.environ, "CONTROLROOM_HOME": str(self.home)}
        self.places: Places = places(self.env)
        self._told: set[str] = set()

    def set_up(self) -> None:
        """Files for the agent to work on, and a manifest that names one folder."""
        (self.workspace / "build").mkdir(parents=True)
        (self.workspace / "build" / "app.o").write_text("old\n")
        (self.workspace / "customers").mkdir()
        (self.workspace / "customers" / "all.db").write_text(CUSTOMERS)
        (self.workspace / ".claude").mkdir()
        (self.workspace / ".claude" / "settings.json").write_text(SETTINGS)
        (self.workspace / ".never-touch").write_text("customers/\n")
        (self.workspace / "README.md").write_text("# shop\n")
        (self.workspace / "app.py").write_text('print("hello")\n')
        self.home.mkdir(mode=0o700)

    def cli(self, *words: str, ok: bool = True) -> str:
        """Run one controlroom command and show it; gives what it printed. Raises NotAsTold when it failed and must not."""
        print(f"\n$ controlroom {' '.join(show(w) for w in words[:4])}{' ...' if len(words) > 4 else ''}", flush=True)
        done = subprocess.run(
            [sys.executable, "-m", "controlroom", *words],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for line in (done.stdout + done.stderr).splitlines():
            print(f"    {show(line)}")
        if ok and done.returncode != 0:
            raise NotAsTold(f"controlroom {words[0]} ended with {done.returncode}")
        return done.stdout

    def decide(self, operator: Operator) -> None:
        """Answer whatever is held, as a script without an operator may: T2 yes, the rest no."""
        for row in operator.call("pending"):
            yes = row["tier"] == "T2"
            try:
                if yes:
                    operator.call("allow", id=row["id"], digest=row["digest"])
                else:
                    operator.call("deny", id=row["id"], reason="nobody is here to look at this; ask a person")
            except Refused as e:
                raise NotAsTold(f"a decision was refused: {e}") from e

    def tell(self, operator: Operator) -> None:
        """Print each act once, when it has come to its end."""
        for row in operator.call("receipts"):
            if row["id"] not in self._told and row["stage"] in ("done", "denied", "failed"):
                self._told.add(row["id"])
                what = row["action"]["input"] if row["tool"] == "Bash" else f"{row['tool']} {row['action']['input']}"
                print(f"  {row['tier']}  {row['stage']:7} by {show(row['by'], limit=20):16} {show(what, limit=74)}")
                if row["stage"] == "denied":
                    print(f"      {show(row['reason'] or '', limit=110)}")
                sys.stdout.flush()

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Decide and tell until something is so on the file system. Raises NotAsTold when it does not come."""
        end = time.monotonic() + STEP_SECONDS
        with Operator(self.places) as operator:
            while not done():
                if time.monotonic() > end:
                    raise NotAsTold(f"not within {STEP_SECONDS:.0f} s: {what}")
                self.decide(operator)
                self.tell(operator)
                time.sleep(0.05)
            self.tell(operator)

    def agent(self, *more: str) -> list[str]:
        """The command of the scripted agent, with the hooks that an installed gate has."""
        python, hook = interpreter(), hook_file()
        hooks = [command(self.places.runtime, python, hook, "claude-code", event) for event in ("PreToolUse", "PostToolUse")]
        return [sys.executable, "-m", "controlroom.cli.demo_agent", str(self.workspace), *hooks, *more]


@contextmanager
def stage() -> Iterator[Stage]:
    """A stage that is gone afterwards, with all that ran on it."""
    top = Path(tempfile.mkdtemp(prefix="cr-demo-", dir="/tmp"))
    made = Stage(top)
    try:
        made.set_up()
        yield made
    finally:
        for words in (("kill", "all"), ("daemon", "stop")):
            subprocess.run(
                [sys.executable, "-m", "controlroom", *words], env=made.env, capture_output=True, timeout=60, check=False
            )
        shutil.rmtree(top, ignore_errors=True)


def headless() -> int:
    """Tell the story and check it. 0 = everything came true, 1 = it did not, with the line that failed."""
    with stage() as made:
        try:
            _story(made)
        except NotAsTold as e:
            print(f"\ndemo: NOT as told: {show(str(e))}", file=sys.stderr)
            return 1
    print("\ndemo: all of it came true")
    return 0


def _story(stage: Stage) -> None:
    print("An agent in a workspace of its own, on the real hook path. Nobody is at the keys: T2 is allowed, T3 denied.")
    stage.cli("daemon", "start")
    stage.cli("run", "--name", "demo", "--detach", "--workspace", str(stage.workspace), "--", *stage.agent())
    print()
    heartbeat = stage.workspace / "heartbeat"
    stage.until(heartbeat.exists, "the agent did its work and ran away")
    _expect(stage.workspace / "app.py", 'print("hello, world")\n', "the edit was made")
    if (stage.workspace / "build").exists():
        raise NotAsTold("the allowed deletion did not happen")
    _expect(stage.workspace / "customers" / "all.db", CUSTOMERS, "never-touch held")
    _expect(stage.workspace / ".claude" / "settings.json", SETTINGS, "the agent's settings stayed as they were")
    print("\nThe agent has run away: processes that fork, detach and ignore TERM. EMERGENCY STOP.")
    stage.cli("estop")
    _silent(heartbeat)
    stage.cli("kill", "all")
    if not stage.places.latch.exists():
        raise NotAsTold("the emergency stop is not latched")
    stage.cli("reset", "--yes")
    stage.cli("audit", "verify")


def _expect(path: Path, content: str, what: str) -> None:
    if path.read_text() != content:
        raise NotAsTold(f"{what}: {path.name} holds something else")
    print(f"  ok  {what}")


def _silent(heartbeat: Path) -> None:
    """The victims' own heartbeat says whether they live: silence for a second."""
    before = heartbeat.stat().st_mtime_ns
    time.sleep(0.2)
    before = max(before, heartbeat.stat().st_mtime_ns)
    time.sleep(1.0)
    if heartbeat.stat().st_mtime_ns != before:
        raise NotAsTold("a runaway process still beats after the stop")
    print("  ok  no heartbeat for a second")
