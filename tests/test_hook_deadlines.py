"""The hook's client in this process, where its clocks and deadlines can be set: it always ends, and always in a denial."""

import importlib.util
import json
import os
import posix
import select
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom import hook
from controlroom.agents.claude_settings import GATE_SECONDS, OBSERVED_SECONDS
from controlroom.agents.command import hook_file
from controlroom.core.state import Limits
from tests.support.gate import ALLOW, folder, gate, said

CALL = json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/"}).encode()
GATE = "PreToolUse"


@pytest.fixture
def runtime() -> Iterator[Path]:
    with folder() as made:
        yield made


def load(monkeypatch: pytest.MonkeyPatch, given: bytes) -> dict[int, bytes]:
    """Let `hook.main` run in this process: standard input is `given`, and what it writes is collected by descriptor."""
    written: dict[int, bytes] = {}
    reading, writing = os.pipe()
    os.write(writing, given)
    os.close(writing)
    poll, read = select.poll, os.read

    class Poll:
        def __init__(self) -> None:
            self._poll = poll()

        def register(self, fd: int, mask: int) -> None:
            self._poll.register(reading, mask)

        def poll(self, ms: float) -> list[tuple[int, int]]:
            return self._poll.poll(ms)

    def write(fd: int, data: bytes) -> int:
        written[fd] = written.get(fd, b"") + data
        return len(data)

    monkeypatch.setattr(select, "poll", Poll)
    monkeypatch.setattr(posix, "read", lambda fd, size: read(reading, size))
    monkeypatch.setattr(posix, "write", write)
    return written


@pytest.mark.row("G02", "G04")
def test_a_gate_that_never_answers_is_a_denial_at_its_own_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hook, "GATE_SECONDS", 0.3)
    written = load(monkeypatch, CALL)
    with gate(lambda nonce: None) as server:
        begun = time.monotonic()
        assert hook.main([str(server.folder), "claude-code", GATE]) == 2
        assert time.monotonic() - begun >= 0.3, "not before it"
    assert written == {2: b"controlroom: gate unavailable: no answer in time\n"}


@pytest.mark.row("G04")
def test_an_allow_that_comes_after_the_deadline_is_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    written, now = load(monkeypatch, CALL), time.time

    def late(nonce: str) -> bytes | None:
        monkeypatch.setattr(time, "time", lambda: now() + hook.GATE_SECONDS)
        return said("allow", ALLOW)(nonce)

    with gate(late) as server:
        assert hook.main([str(server.folder), "claude-code", GATE]) == 2
    assert written == {2: b"controlroom: gate unavailable: no answer in time\n"}


@pytest.mark.row("G02")
def test_a_listener_that_takes_nobody_is_a_denial(monkeypatch: pytest.MonkeyPatch, runtime: Path) -> None:
    monkeypatch.setattr(hook, "CONNECT_SECONDS", 0.2)
    written = load(monkeypatch, CALL)
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(str(runtime / "gate.sock"))
        listener.listen(0)
        first.connect(str(runtime / "gate.sock"))
        assert hook.main([str(runtime), "claude-code", GATE]) == 2
    assert b"controlroom: gate unavailable" in written[2]


@pytest.mark.row("G04")
def test_the_deadlines_fit_into_each_other() -> None:
    longest = hook.INPUT_SECONDS + hook.CONNECT_SECONDS + hook.GATE_SECONDS
    assert Limits().hold < hook.GATE_SECONDS
    assert longest + hook.CONNECT_SECONDS <= 0.8 * GATE_SECONDS
    assert hook.INPUT_SECONDS + hook.CONNECT_SECONDS + hook.OBSERVED_SECONDS < OBSERVED_SECONDS


@pytest.mark.row("G04")
@pytest.mark.parametrize("clock", ["monotonic", "time"])
def test_either_clock_ends_the_wait_and_neither_extends_it(monkeypatch: pytest.MonkeyPatch, clock: str) -> None:
    now = {"monotonic": 1000.0, "time": 5000.0}
    monkeypatch.setattr(time, "monotonic", lambda: now["monotonic"])
    monkeypatch.setattr(time, "time", lambda: now["time"])
    deadline = hook.Deadline(10, "late")
    assert deadline.left() == hook.SLICE_SECONDS
    now = {name: value + (10 if name == clock else -1e6) for name, value in now.items()}
    with pytest.raises(hook.Denied):
        deadline.left()


def test_any_exception_at_all_is_a_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    written = load(monkeypatch, CALL)

    def broken(*arguments: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(hook, "ask", broken)
    assert hook.main(["/x", "claude-code", GATE]) == 2
    assert written == {2: b"controlroom: gate unavailable: KeyboardInterrupt: \n"}


def test_without_the_fast_socket_module_it_takes_the_ordinary_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_socket", None)
    spec = importlib.util.spec_from_file_location("hook_slow", hook_file())
    assert spec and spec.loader
    slow = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(slow)
    assert slow.socket is socket
