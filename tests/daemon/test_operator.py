"""operator.sock with a real daemon: who may decide, and what stop, grant and show do."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from controlroom.client.rpc import Refused
from controlroom.containment import processes
from controlroom.model.agent import Handle, Rung
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually, never

AGENT = """
import json, os, socket, sys, threading, time
gate, operator, cwd, beat = sys.argv[1:]
def heart():
    while True:
        open(beat, "w").close(); time.sleep(0.02)
threading.Thread(target=heart, daemon=True).start()
for line in sys.stdin:
    words = line.split()
    s = socket.socket(socket.AF_UNIX)
    if words[0] == "operator":
        s.connect(operator)
        try:
            s.sendall(b'{"id":1,"method":"hello","params":{"version":1}}\\n')
        except BrokenPipeError:  # hung up on already
            pass
    else:
        s.connect(gate)
        s.sendall(b'{"v":1,"nonce":"0123456789abcdef0123456789abcdef","kind":"ask"}\\n')
        s.sendall(json.dumps({"op": "delete", "paths": [words[1]], "reason": "r", "cwd": cwd}).encode() + b"\\n")
    data = b""
    try:
        while part := s.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    print(json.dumps(data.decode()), flush=True)
"""


class Worker:
    """A real process with a heartbeat that connects to the sockets when it is told to."""

    def __init__(self, daemon: Daemon, name: str) -> None:
        self.beat = daemon.home.path / f"beat-{name}"
        sockets = [str(daemon.places.gate_sock), str(daemon.places.operator_sock)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", AGENT, *sockets, str(daemon.workspace), str(self.beat)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        eventually(self.beat.exists, 20, "its heart beats")

    def tell(self, *words: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout
        return str(json.loads(self.process.stdout.readline()))

    def end(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=10)


class Agent(Worker):
    """A worker that is supervised on the subreaper rung, known by its ancestry."""

    def __init__(self, daemon: Daemon, name: str) -> None:
        super().__init__(daemon, name)
        plan = daemon.call(
            "launch", name=name, kind="process", command=["agent"], workspace=str(daemon.workspace), contain="none"
        )
        self.session = plan["session"]
        handle = Handle(self.session, name, Rung.SUBREAPER, processes.identify(self.process.pid))
        daemon.call("launched", handle=msgspec.to_builtins(handle))


@pytest.fixture
def agent(daemon: Daemon) -> Iterator[Agent]:
    """A supervised agent."""
    made = Agent(daemon, "worker")
    yield made
    made.end()


@pytest.mark.row("K17")
def test_what_is_launched_or_adopted_stands_in_the_journal_when_that_is_answered(home: Home) -> None:
    """Else a daemon that is killed right then would know nothing of a session that runs."""
    daemon = daemons.start(home, "-c", daemons.SLOW_DISK)
    try:
        agent = Agent(daemon, "worker")
        assert agent.session in _opened(daemon)
        agent.end()
        with subprocess.Popen(["sleep", "60"]) as process:
            assert daemon.call("adopt", pid=process.pid)["id"] in _opened(daemon)
            process.kill()
    finally:
        daemons.stop(daemon)


def _opened(daemon: Daemon) -> set[str]:
    """The sessions of which the file has the begin."""
    return {record["session"] for record in daemon.records() if record["kind"] == "session"}


@pytest.mark.row("S04")
def test_an_agent_cannot_reach_the_operators_socket(daemon: Daemon, agent: Agent) -> None:
    agent.tell("operator")
    assert agent.hear() == "", "hung up without a word"
    eventually(lambda: [r for r in daemon.records() if r["kind"] == "alarm"], 20, "an alarm is in the journal")
    assert daemon.call("status")["agents"] == 1


@pytest.mark.row("G11")
def test_a_supervised_asker_is_known_by_its_ancestry(daemon: Daemon, agent: Agent) -> None:
    agent.tell("ask", "/x")
    (row,) = daemon.pending()
    assert row["session"] == agent.session
    daemon.call("deny", id=row["id"])
    assert "deny" in agent.hear()


@pytest.mark.row("A14")
def test_a_grant_stands_for_its_uses_and_no_more(daemon: Daemon, agent: Agent) -> None:
    (daemon.workspace / "tmp").mkdir()
    for name in "abc":
        (daemon.workspace / "tmp" / name).write_text("x")
    daemon.call("grant", name="worker", effects=["delete"], path=str(daemon.workspace / "tmp"), uses=2, seconds=60)
    for name in "ab":
        agent.tell("ask", str(daemon.workspace / "tmp" / name))
        assert " allow " in agent.hear()
    agent.tell("ask", str(daemon.workspace / "tmp" / "c"))
    (row,) = daemon.pending()
    daemon.call("deny", id=row["id"])
    assert not daemon.call("grants")


@pytest.mark.row("A16")
def test_an_emergency_stop_denies_revokes_and_takes_hold(daemon: Daemon, agent: Agent) -> None:
    daemon.call("grant", name="worker", effects=["delete"], path=str(daemon.workspace), uses=9, seconds=60)
    agent.tell("ask", "/x")
    (row,) = daemon.pending()
    done = daemon.call("estop")
    assert " deny " in agent.hear() if agent.process.poll() is None else True
    assert not daemon.call("grants")
    assert not daemon.call("pending")
    assert (daemon.places.state / "latch").exists()
    assert (daemon.places.runtime / "latch").exists()
    with pytest.raises(Exception, match="already denied"):
        daemon.call("allow", id=row["id"], digest=row["digest"])
    assert daemon.bash("rm -rf build").answer()[0] == "deny"
    assert daemon.bash("ls").answer()[0] == "deny", "while latched nothing is allowed"
    (result,) = [r for r in done["results"] if r["name"] == "worker"]
    assert result["state"] in ("stopped", "not confirmed")
    _heartbeat_stops(agent.beat)


def _heartbeat_stops(beat: Path) -> None:
    eventually(lambda: not _beats(beat), 20, "the agent's heart has stopped")
    never(lambda: _beats(beat), 1.0, "a heartbeat after the stop")


def _beats(beat: Path) -> bool:
    before = beat.stat().st_mtime_ns
    time.sleep(0.15)  # the silence window of a heart that beats every 20 ms
    return beat.stat().st_mtime_ns != before


@pytest.mark.row("E5")
def test_a_latch_pulled_from_outside_stops_a_running_daemon(daemon: Daemon) -> None:
    held = daemon.bash("rm -rf build")
    daemon.pending()
    (daemon.places.state / "latch").write_text("{}")
    assert held.answer()[0] == "deny"
    assert daemon.call("status")["latched"]
    (daemon.places.state / "latch").unlink()
    (daemon.places.runtime / "latch").unlink(missing_ok=True)
    eventually(lambda: (daemon.places.state / "latch").exists(), 20, "a latch that vanished is put back")


@pytest.mark.row("E6")
def test_a_reset_needs_the_stop_id_and_resumes_nothing(daemon: Daemon) -> None:
    daemon.bash("rm -rf build")
    daemon.pending()
    stop_id = daemon.call("estop")["stop_id"]
    with pytest.raises(Exception, match=stop_id):
        daemon.call("reset", stop_id="guess")
    daemon.call("reset", stop_id=stop_id)
    assert not daemon.call("status")["latched"]
    assert not (daemon.places.state / "latch").exists()
    assert daemon.bash("ls").answer()[0] == "deny", "the lane is still stopped"
    (lane,) = daemon.call("agents")
    daemon.call("resume", name=lane["name"])
    assert daemon.bash("ls").answer()[0] == "allow"


def test_pause_denies_what_is_pending_before_it_freezes(daemon: Daemon, agent: Agent) -> None:
    agent.tell("ask", "/x")
    daemon.pending()
    (result,) = daemon.call("pause", name="worker")
    assert result["state"] == "paused", result
    assert not daemon.call("pending")
    _heartbeat_stops(agent.beat)
    daemon.call("resume", name="worker")
    eventually(lambda: _beats(agent.beat), 20, "it lives again")
    assert " deny " in agent.hear()


def test_kill_takes_the_agent_away(daemon: Daemon, agent: Agent) -> None:
    daemon.call("kill", name="worker")
    _heartbeat_stops(agent.beat)
    eventually(lambda: daemon.call("agents")[0]["state"] in ("stopped", "ended"), 20, "it is shown as gone")
    (row,) = daemon.call("resume", name="worker")
    assert "refused" in row["why"]


def test_calls_before_hello_and_unknown_versions_are_refused(daemon: Daemon) -> None:
    for line, code in (
        (b'{"id":1,"method":"agents"}\n', "version"),
        (b'{"id":1,"method":"hello","params":{"version":9}}\n', "version"),
        (b"rubbish\n", "usage"),
    ):
        with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as answers:
            sock.connect(str(daemon.places.operator_sock))
            sock.settimeout(5)
            sock.sendall(line)
            assert json.loads(answers.readline())["error"]["code"] == code


def test_bad_parameters_are_a_usage_error_and_nothing_else(daemon: Daemon) -> None:
    for method, params in (("allow", {}), ("grant", {"name": 1}), ("launch", {"command": 3}), ("nonsense", {})):
        with pytest.raises(Exception, match=r"parameter|no agent|no method"):
            daemon.call(method, **params)
    assert daemon.call("status")["pid"] == daemon.process.pid


def test_adopt_names_a_live_process_and_its_requests_come_in_under_it(daemon: Daemon) -> None:
    worker = Worker(daemon, "adopted")
    try:
        agent = daemon.call("adopt", pid=worker.process.pid, name="me")
        assert (agent["name"], agent["label"]) == ("me", "ADVISORY")
        worker.tell("ask", "/x")
        (row,) = daemon.pending()
        assert row["agent"] == "me"
        worker.tell("operator")
        daemon.call("deny", id=row["id"])
        assert "deny" in worker.hear()
        assert worker.hear() == "", "an adopted agent does not decide either"
        with pytest.raises(Exception, match="already"):
            daemon.call("adopt", pid=worker.process.pid)
        with pytest.raises(Exception, match="no process"):
            daemon.call("adopt", pid=2**22 - 1)
    finally:
        worker.end()


def test_how_long_a_room_had_shown_it_stands_on_the_receipt_of_both_answers(daemon: Daemon) -> None:
    for name, method, shown in (("one", "allow", 1234), ("two", "deny", None)):
        (daemon.workspace / name).mkdir()
        asker = daemon.bash(f"rm -rf {name}", name)
        (request,) = daemon.pending()
        for wrong in (-1, "x", 10**10):
            with pytest.raises(Refused, match="shown_ms"):
                daemon.call(method, id=request["id"], digest=request["digest"], shown_ms=wrong)
        daemon.call(method, id=request["id"], digest=request["digest"], shown_ms=shown)
        assert asker.answer()[0] == method
        row = daemon.call("show", id=request["id"])
        assert row["shown_s"] == (None if shown is None else 1.234)

    def decided() -> list[object]:
        return [r["body"]["shown_ms"] for r in daemon.records() if r["kind"] == "decision"]

    eventually(lambda: len(decided()) == 2, 20, "both answers are on the disk: a denial does not wait for it")
    assert decided() == [1234, None]
