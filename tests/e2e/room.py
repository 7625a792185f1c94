"""Driving both sides of a case: the operator's command line and the real agent, in a home and workspace of the case's own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from controlroom.client.rpc import Operator
from controlroom.storage.paths import places
from tests.support.home import Home
from tests.support.model_server import Model
from tests.support.waiting import eventually

CONTROLROOM = str(Path(sys.executable).parent / "controlroom")
GEMINI_SETTINGS = {"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"enableAutoUpdate": False}}
ANSWER = 20.0  # seconds in which a held call must show up, and an answered one must end
MODEL = "claude-sonnet-4-5"


@dataclass
class Run:
    """One run of the agent."""

    process: "subprocess.Popen[bytes]"
    output: Path

    def wait(self, seconds: float = ANSWER) -> int:
        """The exit code; raises AssertionError with the end of the output when it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            end = self.output.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise AssertionError(f"the agent did not end within {seconds:g} s; its output ends:\n{end}") from None

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it and everything in its process group."""
        if self.alive:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


@dataclass
class Room:
    """A controlroom with a real agent in it."""

    home: Home
    workspace: Path
    claude: Path
    runs: list[Run] = field(default_factory=list)

    def cli(self, *arguments: str, expect: int | None = 0) -> str:
        """Standard output of one `controlroom` command; AssertionError when its exit code is not `expect` (None = any)."""
        return self._run(arguments, expect).stdout

    def told(self, *arguments: str) -> str:
        """What a command that is refused (exit code 1) says of it."""
        return self._run(arguments, 1).stderr

    def _run(self, arguments: Sequence[str], expect: int | None) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [CONTROLROOM, *arguments], cwd=self.workspace, env=self.home.env, capture_output=True, text=True, timeout=30,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        told = f"controlroom {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        assert expect is None or done.returncode == expect, told
        return done

    def json(self, *arguments: str) -> Any:
        """What a listing prints with --json."""
        return json.loads(self.cli(*arguments, "--json"))

    def call(self, method: str, **params: object) -> Any:
        """One operator's call without a command of its own, for what must not wait for the start of a program."""
        with Operator(places(self.home.env)) as operator:
            return operator.call(method, **params)

    def configure(self, text: str) -> None:
        """Write the operator's config.toml."""
        folder = self.home.path / "config"
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / "config.toml").write_text(text, encoding="utf-8")

    def start(self) -> int:
        """Start the daemon; its pid."""
        self.cli("daemon", "start")
        return int(self.json("daemon", "status")["pid"])

    def pending(self, count: int = 1) -> list[dict[str, Any]]:
        """The pending requests, once there are `count` of them."""

        def look() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = [row for row in self.json("pending") if row["state"] == "pending"]
            return found if len(found) == count else []

        return eventually(look, ANSWER, f"{count} pending request(s)")

    def allow(self, request: dict[str, Any], expect: int | None = 0) -> str:
        return self.cli("allow", request["id"], "--digest", request["digest"], expect=expect)

    def deny(self, request: dict[str, Any], reason: str) -> str:
        return self.cli("deny", request["id"], "--reason", reason)

    def supervised(self, model: Model, prompt: str, *options: str) -> Run:
        """`controlroom run -- claude -p PROMPT`: the hooks go with the launch."""
        return self._launch(model, [CONTROLROOM, "run", "--name", "claude", *options, "--", *self._command(prompt)])

    def agent(self, model: Model, program: Sequence[str], prompt: str) -> Run:
        """`controlroom run -- PROGRAM ... -p PROMPT`: an agent that is not known by its name, with its own settings."""
        words = [*program, *self._command(prompt)[1:]]
        return self._launch(model, [CONTROLROOM, "run", "--name", "claude", "--", *words])

    def plain(self, model: Model, prompt: str) -> Run:
        """`claude -p PROMPT` as its user starts it: the hooks are those that are installed."""
        return self._launch(model, self._command(prompt))

    def held(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Run:
        """`controlroom run --name NAME -- COMMAND`: an agent with an environment of its own."""
        return self._start([CONTROLROOM, "run", "--name", name, "--", *command], environment)

    def walled(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Run:
        """The same at ENFORCED."""
        return self._start([CONTROLROOM, "run", "--name", name, "--contain", "enforced", "--", *command], environment)

    def alone(self, command: Sequence[str], environment: Mapping[str, str]) -> Run:
        """COMMAND as its user starts it, outside of the room."""
        return self._start(command, environment)

    def hooks(self) -> list[int]:
        """The hook clients that wait now."""
        return [pid for pid, line in self.home.processes().items() if re.match(r"\S*python\S* -I -S \S*hook\.py ", line)]

    def wrappers(self) -> list[int]:
        """The shells around the hook clients."""
        return [pid for pid, line in self.home.processes().items() if re.match(r"\S*sh (?:--\S+ )*-c .*hook\.py ", line)]

    def state(self, name: str = "claude") -> str:
        """The state word of the agent."""
        return next(str(agent["state"]) for agent in self.json("agents") if agent["name"] == name)

    def describe(self) -> str:
        """What the operator would see now, for a failed case."""
        said = [
            f"$ controlroom {words}\n{self.cli(*words.split(), expect=None)}"
            for words in ("daemon status", "agents", "pending", "receipts")
        ]
        return "\n".join([*said, "processes:", *(f"  {pid} {line[:200]}" for pid, line in self.home.processes().items())])

    def close(self) -> None:
        """End the agents and the daemon; nothing of the case stays."""
        self.cli("kill", "all", expect=None)
        for run in self.runs:
            run.kill()
        self.cli("daemon", "stop", expect=None)

    def _command(self, prompt: str) -> list[str]:
        flags = ["--output-format", "stream-json", "--verbose", "--model", MODEL]
        # Its own permission prompts are out of the way: what does not run was stopped by the gate and by nothing else.
        return [str(self.claude), "-p", prompt, *flags, "--dangerously-skip-permissions"]

    def _launch(self, model: Model, command: Sequence[str]) -> Run:
        environment = {
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "dummy",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "IS_SANDBOX": "1",  # root may skip the prompts only so
        }
        return self._start(command, environment)

    def _start(self, command: Sequence[str], environment: Mapping[str, str]) -> Run:
        output = self.home.path.parent / f"agent-{len(self.runs)}.log"
        self.home.logs.append(output)
        with output.open("wb") as sink:
            process = subprocess.Popen(
                list(command), cwd=self.workspace, env={**self.home.env, **environment}, stdin=subprocess.DEVNULL, stdout=sink,
                stderr=sink, start_new_session=True,
            )  # fmt: skip
        run = Run(process, output)
        self.runs.append(run)
        return run


def copilot_command(room: Room, program: Path, model: Model, prompt: str) -> tuple[list[str], Mapping[str, str]]:
    """`copilot -p`, with the scripted model as its provider."""
    flags = ["-p", prompt, "--output-format", "json", "--allow-all-tools"]
    provider = {
        "COPILOT_PROVIDER_BASE_URL": f"{model.url}/v1",
        "COPILOT_PROVIDER_API_KEY": "dummy",
        "COPILOT_MODEL": "scripted",
    }
    return [str(program), *flags], {"COPILOT_OFFLINE": "true", "COPILOT_AUTO_UPDATE": "false", **provider}


def alarms(room: Room) -> list[str]:
    """What the journal tells of calls that are not as the gate knows them."""
    rows = room.cli("audit", "export", "--format", "jsonl").splitlines()
    return [
        row for row in rows if any(word in row for word in ("UNGATED: ", "UNWATCHED: ", "OTHER INPUT: ", "RAN THOUGH DENIED: "))
    ]


def gemini_settings(room: Room) -> Path:
    """The settings of Gemini CLI's user, who signs in to the scripted model; written where there are none yet."""
    file = room.home.user / ".gemini" / "settings.json"
    if not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text("// by hand\n" + json.dumps(GEMINI_SETTINGS, indent=2) + "\n", encoding="utf-8")
    return file


def gemini_command(room: Room, program: Path, model: Model, prompt: str) -> tuple[list[str], Mapping[str, str]]:
    """`gemini -p`, without questions of its own."""
    gemini_settings(room)
    flags = ["-m", "gemini-2.5-flash", "--yolo", "--skip-trust", "--output-format", "json", "-p", prompt]
    return [str(program), *flags], {"GEMINI_API_KEY": "dummy", "GOOGLE_GEMINI_BASE_URL": model.url}
