"""The demo's agent: a scripted program that behaves like a coding agent on the real hook path.

Run as `python -m controlroom.cli.demo_agent WORKSPACE PRE POST [PACE]`, where PRE and POST are the installed hook commands and
PACE the seconds that it thinks before each act. Before an act it runs PRE as an agent would, and acts only when that exits 0;
afterwards it runs POST. Its last act is a runaway: processes that fork and go on by themselves.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

RUNNERS = 6
BEAT = 0.05  # seconds
LIFE = 120.0  # seconds: a runaway of the demo ends by itself if nobody stops it
PACED_LIFE = 900.0  # seconds: the same where a newcomer looks on


class Agent:
    """Asks, acts, tells."""

    def __init__(self, workspace: Path, pre: str, post: str, pace: float = 0.0) -> None:
        self.workspace = workspace
        self._pace = pace
        self._pre = pre
        self._post = post
        self._calls = 0

    def shell(self, command: str, says: str) -> None:
        """One shell call."""
        given = {"command": command, "description": says}
        call = self._ask("Bash", given)
        if call:
            done = subprocess.run(["bash", "-c", command], cwd=self.workspace, capture_output=True, text=True, check=False)
            self._tell(call, "Bash", given, done.stdout + done.stderr)

    def write(self, path: Path, content: str) -> None:
        """One file, written whole."""
        given = {"file_path": str(path), "content": content}
        call = self._ask("Write", given)
        if call:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            self._tell(call, "Write", given, "written")

    def edit(self, path: Path, old: str, new: str) -> None:
        """One replacement in a file."""
        given = {"file_path": str(path), "old_string": old, "new_string": new}
        call = self._ask("Edit", given)
        if call:
            path.write_text(path.read_text().replace(old, new, 1))
            self._tell(call, "Edit", given, "edited")

    def _ask(self, tool: str, given: dict[str, str]) -> str:
        """The call's id when the gate lets it pass, "" when it does not."""
        time.sleep(self._pace)
        self._calls += 1
        call = f"toolu_demo{self._calls}"
        done = self._hook(
            self._pre, {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": given, "tool_use_id": call}
        )
        return call if done == 0 else ""

    def _tell(self, call: str, tool: str, given: dict[str, str], said: str) -> None:
        told = {"hook_event_name": "PostToolUse", "tool_name": tool, "tool_input": given, "tool_use_id": call}
        self._hook(self._post, {**told, "tool_response": said[:1000], "duration_ms": 1})

    def _hook(self, command: str, body: dict[str, object]) -> int:
        common = {"session_id": "demo", "transcript_path": str(self.workspace / "none"), "cwd": str(self.workspace)}
        payload = json.dumps({**common, **body}).encode()
        return subprocess.run(["/bin/sh", "-c", command], input=payload, capture_output=True, check=False).returncode

    def run_away(self) -> None:
        """Fork runners that detach themselves and keep forking; each beats into the file `heartbeat`."""
        time.sleep(self._pace)
        beat, end = self.workspace / "heartbeat", time.monotonic() + (PACED_LIFE if self._pace else LIFE)
        for _ in range(RUNNERS):
            if os.fork() == 0:
                os.setsid()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                _run(beat, end)
        while time.monotonic() < end:
            time.sleep(BEAT)


def _run(beat: Path, end: float) -> None:
    """A runner: beat, fork, let the child go on. Ends itself at `end`."""
    while time.monotonic() < end:
        beat.touch()
        time.sleep(BEAT)
        if os.fork() > 0:
            os._exit(0)
    os._exit(0)


def main() -> None:
    """The story: read, edit, delete, try what must not be touched, change configuration, run away."""
    workspace = Path(sys.argv[1])
    agent = Agent(workspace, sys.argv[2], sys.argv[3], float(sys.argv[4]) if len(sys.argv) > 4 else 0.0)
    agent.shell("cat README.md", "read the readme")
    agent.edit(workspace / "app.py", "hello", "hello, world")
    agent.shell("rm -rf build", "remove old build output")
    agent.shell("rm -rf build customers", "clean the workspace")
    agent.write(workspace / ".claude" / "settings.json", '{\n  "permissions": {"allow": ["Bash(*)"]}\n}\n')
    agent.run_away()


if __name__ == "__main__":
    main()
