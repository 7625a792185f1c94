"""Freeze, thaw, stop and kill on both rungs. Who lives is what the victims' heartbeats say, never what our scan says."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from controlroom.containment import control, hold, processes, rungs
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, ProcessId, Rung, StopResult
from tests.support.hostile import Grove, Held, hold_session

PROOF = {Rung.CGROUP: "cgroup populated 0", Rung.SUBREAPER: "ECHILD"}
TREES = [
    pytest.param("plain", 10, 10, id="plain tree"),
    pytest.param("daemons", 6, 6, id="double fork, setsid, no environment", marks=pytest.mark.row("K02")),
    pytest.param("chains", 8, 9, id="re-forking chain", marks=[pytest.mark.row("K03"), pytest.mark.serial]),
    pytest.param("bomb", 64, 64, id="fork bomb, bounded", marks=[pytest.mark.row("K03"), pytest.mark.serial]),
    pytest.param("stubborn", 4, 4, id="ignores TERM", marks=pytest.mark.row("K04")),
    pytest.param("zombies", 5, 1, id="zombies", marks=pytest.mark.row("K06")),
]


@contextmanager
def _up(
    probe: Probe, grove: Grove, kind: str, count: int, beating: int = 0
) -> Iterator[tuple[Held, "subprocess.Popen[bytes]"]]:
    """A session with its shim, in which as many as are wanted beat (`beating`; 0 = `count`)."""
    with hold_session(probe, grove.command(kind, count)) as held:
        shim = held.start()
        grove.wait_for(beating or count)
        yield held, shim


@contextmanager
def _bystander(grove: Grove) -> Iterator[ProcessId]:
    """A beating process that no session holds."""
    with subprocess.Popen(grove.command("plain")) as process:
        try:
            grove.wait_for(1)
            found = processes.identify(process.pid)
            assert found is not None
            yield found
        finally:
            process.kill()


@pytest.mark.parametrize(("kind", "count", "beating"), TREES)
def test_a_kill_ends_everything_and_proves_it(probe: Probe, grove: Grove, kind: str, count: int, beating: int) -> None:
    with _up(probe, grove, kind, count, beating) as (held, shim):
        result = hold.kill(held.handle())

        assert grove.heard() == set()
        assert result.proof == PROOF[probe.rung]
        assert result.survivors == ()
        assert shim.wait(20) == 128 + signal.SIGKILL
        assert held.nothing_left()


@pytest.mark.parametrize(("kind", "count", "beating"), [*TREES[:2], *TREES[4:]])
def test_a_freeze_silences_and_a_thaw_brings_back(probe: Probe, grove: Grove, kind: str, count: int, beating: int) -> None:
    with _up(probe, grove, kind, count, beating) as (held, _):
        frozen = hold.freeze(held.handle())
        quiet = grove.heard()
        thawed = hold.thaw(held.handle())

        assert quiet == set()
        grove.wait_heard(beating)
        on_cgroup = probe.rung is Rung.CGROUP
        assert (frozen.proof, thawed.proof) == (("cgroup frozen 1", "cgroup frozen 0") if on_cgroup else ("", ""))
        assert on_cgroup or frozen.why == "SIGSTOP sweep: no kernel proof"


@pytest.mark.row("K03")
@pytest.mark.serial
def test_a_cgroup_freeze_holds_a_re_forking_chain(cgroup_probe: Probe, grove: Grove) -> None:
    with _up(cgroup_probe, grove, "chains", 8, 9) as (held, _):
        assert hold.freeze(held.handle()).proof == "cgroup frozen 1"
        assert grove.heard() == set()


@pytest.mark.row("K05")
def test_sigcont_by_a_sibling_does_not_thaw_a_cgroup(cgroup_probe: Probe, grove: Grove) -> None:
    with _up(cgroup_probe, grove, "plain", 3) as (held, _):
        hold.freeze(held.handle())

        for stat in hold.members(held.handle()):
            os.kill(stat.pid, signal.SIGCONT)

        assert grove.heard() == set()


def test_a_frozen_session_can_be_killed(probe: Probe, grove: Grove) -> None:
    with _up(probe, grove, "plain", 3) as (held, _):
        hold.freeze(held.handle())

        assert hold.kill(held.handle()).proof == PROOF[probe.rung]


@pytest.mark.row("K04")
def test_stop_lets_the_polite_say_goodbye(probe: Probe, grove: Grove) -> None:
    with _up(probe, grove, "polite", 3) as (held, _):
        result = hold.stop(held.handle())

        assert result.confirmed
        assert result.killed == 0, "none had to be"
        assert len([name for name in grove.beats() if name.endswith(".bye")]) == 3
        assert grove.heard() == set()


@pytest.mark.row("K04")
def test_stop_kills_who_does_not_listen(probe: Probe, grove: Grove) -> None:
    with _up(probe, grove, "stubborn", 3) as (held, _):
        result = hold.stop(held.handle(), grace=0.5)

        assert result.proof == PROOF[probe.rung]
        assert result.ms >= 500
        assert grove.heard() == set()


def test_stop_of_a_frozen_session_runs_nothing_of_it_again(cgroup_probe: Probe, grove: Grove) -> None:
    with _up(cgroup_probe, grove, "polite", 3) as (held, _):
        hold.freeze(held.handle())
        before = grove.beats()

        result = hold.stop(held.handle())

        assert result.proof == "cgroup populated 0"
        assert result.why.startswith("was frozen: killed without TERM")
        assert grove.beats() == before


def test_any_other_process_of_ours_can_take_hold_by_the_handle_alone(probe: Probe, grove: Grove) -> None:
    code = (
        "import msgspec,sys; from controlroom.containment import hold; from controlroom.model.agent import Handle\n"
        "h = msgspec.json.decode(sys.stdin.buffer.read(), type=Handle)\n"
        "sys.stdout.buffer.write(msgspec.json.encode([hold.freeze(h), hold.kill(h)]))"
    )
    with _up(probe, grove, "daemons", 3) as (held, _):
        raw = msgspec.json.encode(held.handle())

        done = subprocess.run([sys.executable, "-c", code], input=raw, capture_output=True, timeout=20, check=True)

        _, killed = msgspec.json.decode(done.stdout, type=list[StopResult])
        assert killed.proof == PROOF[probe.rung]
        assert grove.heard() == set()


def test_two_kills_at_once_both_tell_the_truth(probe: Probe, grove: Grove) -> None:
    with _up(probe, grove, "plain", 5) as (held, _):
        handle = held.handle()

        first = hold.kill(handle)
        second = hold.kill(handle)

        assert first.confirmed
        assert second.proof == "cgroup populated 0" if handle.cgroup else second.proof in ("", "ECHILD")
        assert grove.heard() == set()


@pytest.mark.row("K11")
def test_without_its_shim_a_session_in_a_cgroup_is_still_killed_with_proof(cgroup_probe: Probe, grove: Grove) -> None:
    with _up(cgroup_probe, grove, "stubborn", 4) as (held, shim):
        shim.kill()
        shim.wait(20)
        grove.wait_heard(4)

        result = hold.kill(held.handle())

        assert result.proof == "cgroup populated 0"
        assert grove.heard() == set()
        assert held.nothing_left()


@pytest.mark.row("K03")
def test_without_its_shim_a_subreaper_session_is_swept_and_never_green(subreaper_probe: Probe, grove: Grove) -> None:
    with _up(subreaper_probe, grove, "stubborn", 4) as (held, shim):
        shim.kill()
        shim.wait(20)

        result = hold.kill(held.handle())

        assert grove.heard() == set()
        assert not result.confirmed
        assert result.why == "a sweep is no proof"


def test_a_shim_that_was_stopped_still_obeys(subreaper_probe: Probe, grove: Grove) -> None:
    with _up(subreaper_probe, grove, "plain", 3) as (held, shim):
        os.kill(shim.pid, signal.SIGSTOP)

        assert hold.kill(held.handle()).proof == "ECHILD"
        assert grove.heard() == set()


@pytest.mark.row("K01")
def test_a_handle_from_before_a_restart_touches_no_process(grove: Grove) -> None:
    with _bystander(grove) as now:
        old = Handle("old", "old", Rung.OBSERVED, root=ProcessId(now.pid, now.start, "another boot"))

        result = hold.kill(old)

        grove.wait_heard(1)
        assert result.proof == "boot id changed"


@pytest.mark.row("K01")
def test_a_handle_whose_pid_was_reused_touches_no_process(grove: Grove) -> None:
    with _bystander(grove) as now:
        handle = Handle("old", "old", Rung.OBSERVED, root=ProcessId(now.pid, now.start - 1, now.boot))

        results = [act(handle) for act in (hold.freeze, hold.thaw, hold.stop, hold.kill)]

        grove.wait_heard(1)
        assert not any(result.confirmed for result in results)


@pytest.mark.row("K08")
def test_a_process_of_another_user_is_named_as_survivor(subreaper_probe: Probe, grove: Grove) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to start a process of another user")
    grove.folder.chmod(0o777)
    with _bystander(grove) as root:
        handle = Handle("s", "s", Rung.OBSERVED, root=root)
        code = (
            "import os,msgspec,sys; from controlroom.containment import hold; from controlroom.model.agent import Handle\n"
            "h = msgspec.json.decode(sys.argv[1], type=Handle); os.setuid(60001)\n"
            "sys.stdout.buffer.write(msgspec.json.encode(hold.kill(h)))"
        )
        argv = [sys.executable, "-c", code, msgspec.json.encode(handle).decode()]
        done = subprocess.run(argv, capture_output=True, timeout=20)
        assert done.returncode == 0, done.stderr.decode()

        result = msgspec.json.decode(done.stdout, type=StopResult)
        assert not result.confirmed
        assert [one.why for one in result.survivors] == ["EPERM: runs as uid 0"]
        grove.wait_heard(1)


@pytest.mark.row("K08")
def test_a_child_of_another_user_keeps_its_shim_from_claiming_the_end(grove: Grove) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to start a process of another user")
    code = (
        "import os,subprocess,sys,msgspec; from controlroom.containment.reaper import Reaper, become_subreaper\n"
        "become_subreaper(); child = subprocess.Popen(sys.argv[1:], stdout=-3); os.setuid(60001)\n"
        "sys.stdout.buffer.write(msgspec.json.encode(Reaper('s', child.pid).kill_all(0.5))); sys.stdout.flush(); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *grove.command("plain")], stdout=subprocess.PIPE, timeout=30, check=True)
    result = msgspec.json.decode(done.stdout, type=StopResult)
    (left,) = result.survivors
    try:
        assert not result.confirmed
        assert left.why == "EPERM: runs as uid 0"
        grove.wait_heard(1)
    finally:
        processes.send(left.process, signal.SIGKILL)


def test_the_control_socket_refuses_the_agents_own_processes(probe: Probe, grove: Grove) -> None:
    code = (
        "import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        'open(sys.argv[2], "wb").write(s.recv(4096))'
    )
    with hold_session(probe, ("true",)) as held:
        said = held.folder / "said"
        held.spec = msgspec.structs.replace(held.spec, command=(sys.executable, "-c", code, held.spec.control, str(said)))
        held.start()
        held.ended()

        assert said.read_bytes() == b'{"error":"a process inside the session gives no orders"}\n'


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b'{"act":"dance"}\n', b'{"act":"kill","now":1}\n', b"\xff\n", b"x" * 5000 + b"\n"]
)
def test_the_control_socket_survives_rubbish(subreaper_probe: Probe, grove: Grove, line: bytes) -> None:
    with _up(subreaper_probe, grove, "plain", 1) as (held, _):
        handle = held.handle()
        assert Path(handle.control).stat().st_mode & 0o777 == 0o600
        answer = subprocess.run(
            [sys.executable, "-c", _TALK, handle.control], input=line, capture_output=True, timeout=20, check=True
        ).stdout

        assert line == b"x" * 5000 + b"\n" or b"error" in answer
        status = control.ask(handle, "status", 20)
        assert isinstance(status, StopResult)
        assert status.why == "1 processes"


_TALK = (
    "import socket,sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(5)\n"
    "s.sendall(sys.stdin.buffer.read())\n"
    "try: sys.stdout.buffer.write(s.recv(4096))\n"
    "except ConnectionError: pass"
)


def test_every_act_is_bounded_when_the_shim_does_not_answer(subreaper_probe: Probe, grove: Grove) -> None:
    with _bystander(grove) as one:
        result = hold.kill(Handle("s", "s", Rung.SUBREAPER, root=one, shim=one, control=str(grove.folder / "none")))

        assert not result.confirmed
        assert "the shim does not answer" in result.why


def test_the_rungs_name_why_they_are_no_better() -> None:
    assert rungs.probe(Rung.SUBREAPER).why == "subreaper shim, as asked for"
