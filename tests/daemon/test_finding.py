"""The log of an agent that names none is found by what it has open, or by its folder, its age and its begin."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.containment import processes
from controlroom.daemon.finding import find, written_by
from controlroom.model.agent import ProcessId
from tests.support.mutator import recorded
from tests.support.waiting import eventually

PARENT = """
import os, subprocess, sys, time
subprocess.Popen(["sleep", "60"], env={**os.environ, "CLAUDE_CODE_SESSION_ID": sys.argv[1], "CLAUDE_PID": str(os.getpid())})
print("ready", flush=True)
time.sleep(60)
"""
UUID = "01a20000-0000-7000-8000-000000000001"
OPENS = "import sys, time; held = [open(name) for name in sys.argv[1:]]; print('ready', flush=True); time.sleep(60)"


class Agent:
    """A process that could be an agent: its home, its working folder, the files that it has open."""

    def __init__(self, home: Path, work: Path, *opens: Path) -> None:
        environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
        program = ["-c", OPENS, *map(str, opens)]
        self.process = subprocess.Popen([sys.executable, *program], cwd=work, env=environment, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        assert eventually(self.process.stdout.readline, 20, "it has its files open") == b"ready\n"
        found = processes.identify(self.process.pid)
        assert found is not None
        self.root: ProcessId = found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def agent(home: Path, work: Path) -> Iterator[Agent]:
    made = Agent(home, work)
    yield made
    made.close()


def search(kind: str, agent: Agent, work: Path, taken: set[str] | None = None) -> list[str]:
    found = find(kind, agent.root, [agent.process.pid], str(work), "/nowhere", taken or set())
    return [Path(path).name for path in found.logs]


def rollout(home: Path, work: str, name: str) -> Path:
    file = home / ".codex/sessions/2026/11/26" / f"rollout-{name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    head = recorded("codex")[0][1][0].replace(b"/home/op/shop", work.encode())
    file.write_bytes(head + b"\n")
    return file


def test_what_it_has_open_is_its_own_whatever_else_fits(home: Path, work: Path) -> None:
    mine, other = rollout(home, str(work), "mine"), rollout(home, str(work), "other")
    agent = Agent(home, work, mine)
    try:
        other.touch()
        assert search("codex", agent, work) == ["rollout-mine.jsonl"]
    finally:
        agent.close()


def test_else_the_newest_that_fits_its_folder(home: Path, work: Path, agent: Agent) -> None:
    now = 4_000_000_000
    for age, name, folder in ((3, "old", str(work)), (2, "mine", str(work)), (1, "elsewhere", "/other")):
        os.utime(rollout(home, folder, name), (now - age, now - age))
    assert search("codex", agent, work) == ["rollout-mine.jsonl"]


def test_what_was_written_before_it_began_is_not_its_own(home: Path, work: Path, agent: Agent) -> None:
    os.utime(rollout(home, str(work), "old"), (1000, 1000))
    assert search("codex", agent, work) == []


def test_what_is_somebody_elses_already_is_not_its_own(home: Path, work: Path, agent: Agent) -> None:
    taken = {str(rollout(home, str(work), "taken"))}
    assert search("codex", agent, work, taken) == []


def test_the_folder_of_a_claude_transcript_says_whose_it_is(home: Path, work: Path, agent: Agent) -> None:
    slug = "".join(letter if letter.isalnum() else "-" for letter in str(work))
    for folder in (slug, "-other"):
        (home / ".claude/projects" / folder).mkdir(parents=True)
        (home / ".claude/projects" / folder / f"{folder[-4:]}.jsonl").touch()
    assert search("claude-code", agent, work) == [f"{slug[-4:]}.jsonl"]


def test_of_two_agents_in_one_folder_each_ones_own_is_told_by_what_it_started(home: Path, work: Path, agent: Agent) -> None:
    slug = "".join(letter if letter.isalnum() else "-" for letter in str(work))
    folder = home / ".claude/projects" / slug
    folder.mkdir(parents=True)
    mine, other = f"{UUID}.jsonl", "7b6c0a52-1f0e-4f6e-9a2d-3c51f6b7a902.jsonl"
    for age, name in ((2, mine), (1, other)):
        (folder / name).touch()
        os.utime(folder / name, (4_000_000_000 - age,) * 2)
    found = find("claude-code", agent.root, [agent.process.pid], str(work), "/nowhere", set())
    assert ([Path(path).name for path in found.logs], found.others) == ([other], 1), "the newest, which is a guess"
    (told,) = written_by("claude-code", agent.root, [agent.process.pid], str(work), "/nowhere")
    assert told["read"].startswith("a guess: 1 more fit")

    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, UUID], cwd=work, env={"HOME": str(home), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert parent.stdout is not None and eventually(parent.stdout.readline, 20, "its child runs") == b"ready\n"
        root = processes.identify(parent.pid)
        assert root is not None
        pids = [parent.pid, *processes.children(parent.pid)]

        def own() -> bool:
            return find("claude-code", root, pids, str(work), "/nowhere", set()) == ((str(folder / mine),), 0)

        eventually(own, 20, "its own is found; the kernel shows an environment a little after the program has begun")
        (told,) = written_by("claude-code", root, pids, str(work), "/nowhere")
        assert (told["session"], told["read"]) == (UUID, "")
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()


def test_nothing_is_opened_that_is_no_plain_file(home: Path, work: Path, agent: Agent) -> None:
    file = rollout(home, str(work), "real")
    shutil.move(file, home / "moved")
    file.symlink_to(home / "moved")
    (file.parent / "rollout-folder.jsonl").mkdir()
    os.mkfifo(file.parent / "rollout-pipe.jsonl")
    assert search("codex", agent, work) == []


def test_an_agent_that_is_gone_has_none(home: Path, work: Path, agent: Agent) -> None:
    rollout(home, str(work), "mine")
    agent.close()
    assert search("codex", agent, work) == []
