"""Who a process is: pid, start time and boot id, read so that neither its name nor a reused pid deceives."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.containment import processes, sweep
from controlroom.model.agent import Handle, ProcessId, Rung

SLEEP = (sys.executable, "-I", "-S", "-c", "import time; time.sleep(30)")


@pytest.fixture
def sleeper() -> Iterator["subprocess.Popen[bytes]"]:
    """A child that does nothing."""
    with subprocess.Popen(SLEEP) as process:
        yield process
        process.kill()


def _identity(pid: int) -> ProcessId:
    found = processes.identify(pid)
    assert found is not None
    return found


@pytest.mark.parametrize(("flags", "exiting"), [(0x400040, False), (0x400044, True)])
def test_who_is_on_its_way_out_is_told_by_the_kernels_flag(flags: int, exiting: bool) -> None:
    stat = processes.parse_stat(f"42 (x) R 7 8 9 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 555 0 0".encode())

    assert (stat.exiting, stat.dead) == (exiting, False)


@pytest.mark.row("K19")
@given(st.binary(max_size=64))
def test_a_name_chosen_by_the_process_moves_no_field(name: bytes) -> None:
    stat = processes.parse_stat(b"42 (" + name + b") S 7 8 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 555 0 0")

    assert (stat.pid, stat.state, stat.ppid, stat.group, stat.sid, stat.threads, stat.start) == (42, "S", 7, 8, 9, 3, 555)
    msgspec.json.encode(stat)


@pytest.mark.row("K19")
def test_a_process_that_calls_itself_brackets_is_read_right(tmp_path: Path) -> None:
    code = "open('/proc/self/comm','wb').write(b') R 1 1 (\\x1b['); print(flush=True); input()"
    with subprocess.Popen((sys.executable, "-c", code), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        stat = processes.read_stat(process.pid)
        process.kill()

    assert stat is not None
    assert stat.ppid == os.getpid()
    assert stat.name == ") R 1 1 (\x1b["


@pytest.mark.row("K19")
def test_a_long_command_line_is_cut() -> None:
    code = "print(flush=True); input()"
    with subprocess.Popen((*SLEEP[:4], code, "x" * 100_000), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # its arguments stand: right after fork they are empty
        cut = processes.cmdline(process.pid, 4096)
        process.kill()

    assert len(cut) == 4096


@pytest.mark.row("K06")
def test_a_zombie_is_dead_but_still_itself(sleeper: "subprocess.Popen[bytes]") -> None:
    before = _identity(sleeper.pid)
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)

    assert processes.identify(sleeper.pid) == before
    assert not processes.is_alive(before)
    assert processes.open_pidfd(before) is None


def test_one_that_goes_while_it_is_looked_at_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> int:
        raise ProcessLookupError(errno.ESRCH, "No such process")  # the folder was still found, its process was not

    monkeypatch.setattr(os, "open", gone)

    assert processes.read_stat(os.getpid()) is None


@pytest.mark.row("K01")
@pytest.mark.parametrize("change", [{"start": 1}, {"boot": "another"}])
def test_a_reused_pid_is_not_signalled(sleeper: "subprocess.Popen[bytes]", change: dict[str, int | str]) -> None:
    old = msgspec.structs.replace(_identity(sleeper.pid), **change)

    assert not processes.is_alive(old)
    assert processes.open_pidfd(old) is None
    assert processes.send(old, signal.SIGKILL) is False
    assert sleeper.poll() is None


@pytest.mark.row("K01")
@pytest.mark.serial
def test_a_pid_that_the_kernel_really_gave_again_is_not_signalled() -> None:
    last = Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(last, os.W_OK):
        pytest.skip("needs a writable /proc/sys/kernel/ns_last_pid (root) to be given the same pid again")
    for _ in range(200):
        with subprocess.Popen(SLEEP) as first:
            old = _identity(first.pid)
            first.kill()
        last.write_text(str(old.pid - 1))
        with subprocess.Popen(SLEEP) as second:
            reused = second.pid == old.pid and _identity(second.pid).start != old.start
            sent = processes.send(old, signal.SIGKILL)
            running = second.poll() is None
            second.kill()
        if reused:
            assert not sent
            assert running
            return
    pytest.fail("the kernel never gave the same pid again")


def test_signal_and_wait_by_identity(sleeper: "subprocess.Popen[bytes]") -> None:
    one = _identity(sleeper.pid)

    assert not processes.wait_gone(one, 0)
    assert processes.send(one, signal.SIGTERM)
    assert processes.wait_gone(one, 5)


def test_ancestors_are_nearest_first(sleeper: "subprocess.Popen[bytes]") -> None:
    chain = processes.ancestors(sleeper.pid)

    assert chain[0] == _identity(os.getpid())
    assert chain[1].pid == os.getppid()
    assert sleeper.pid in processes.children(os.getpid())
    assert sleeper.pid in [stat.pid for stat in processes.tree(os.getpid())]


def test_a_process_belongs_to_the_session_of_its_nearest_root_or_shim(sleeper: "subprocess.Popen[bytes]") -> None:
    me, child = _identity(os.getpid()), _identity(sleeper.pid)
    by_shim = Handle("outer", "outer", Rung.SUBREAPER, shim=me)
    by_root = Handle("inner", "inner", Rung.SUBREAPER, root=child)

    assert processes.session_of(sleeper.pid, [by_shim]) == "outer"
    assert processes.session_of(sleeper.pid, [by_shim, by_root]) == "inner"
    assert processes.session_of(os.getpid(), [by_shim]) is None
    assert processes.session_of(sleeper.pid, []) is None


@pytest.mark.row("K01")
def test_nobody_is_taken_for_a_sessions_process_by_pid_alone(sleeper: "subprocess.Popen[bytes]") -> None:
    child = _identity(sleeper.pid)
    stale = Handle("old", "old", Rung.SUBREAPER, root=ProcessId(child.pid, child.start - 1, child.boot))

    assert processes.session_of(sleeper.pid, [stale]) is None


def test_a_process_that_is_gone_is_no_outsider(sleeper: "subprocess.Popen[bytes]") -> None:
    sleeper.kill()
    sleeper.wait()

    with pytest.raises(processes.GoneError, match="is gone"):
        processes.session_of(sleeper.pid, [])
    assert processes.identify(sleeper.pid) is None
    assert processes.ancestors(sleeper.pid) == []
    assert processes.children(sleeper.pid) == []
    assert processes.cmdline(sleeper.pid) == b""


def test_a_forest_holds_each_process_once_and_parents_first(sleeper: "subprocess.Popen[bytes]") -> None:
    found = [stat.pid for stat in processes.forest([sleeper.pid, os.getpid(), sleeper.pid])]

    assert found[0] == os.getpid()
    assert found.count(sleeper.pid) == 1
    assert processes.forest([]) == []


@pytest.mark.row("K07")
def test_a_process_that_waits_in_the_kernel_is_told_with_its_wait_channel(
    sleeper: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = processes.read_stat(sleeper.pid)
    assert stat is not None
    monkeypatch.setattr(processes, "wait_channel", lambda _pid: "nfs_wait_bit_killable")

    waiting = msgspec.structs.replace(stat, state="D")

    assert sweep.reason(waiting) == "D state in nfs_wait_bit_killable: the kill is pending in the kernel"
    assert sweep.reason(stat) == "still running"


def test_who_is_to_end_others_goes_before_them_where_the_kernel_allows_it(sleeper: "subprocess.Popen[bytes]") -> None:
    processes.hurry(sleeper.pid)

    assert os.sched_getscheduler(sleeper.pid) == (os.SCHED_RR if os.geteuid() == 0 else os.SCHED_OTHER)
