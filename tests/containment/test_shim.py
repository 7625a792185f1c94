"""The shim: exact exit statuses, pipelines, nothing before the handle is safe, nothing left behind at the end."""

import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from controlroom.containment import cage, hold, processes, rungs
from controlroom.containment.rungs import Probe
from tests.support.hostile import Grove, hold_session
from tests.support.waiting import eventually


def _python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code, *arguments)


@pytest.mark.parametrize(
    ("code", "status"),
    [("pass", 0), ("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137), ("import os; os.abort()", 134)],
)
def test_the_exit_status_is_the_agents(probe: Probe, code: str, status: int) -> None:
    with hold_session(probe, _python(code)) as held:
        assert held.start().wait(20) == status
        assert held.ended().status == status
        assert held.nothing_left()


def test_pipelines_pass_through_byte_for_byte(probe: Probe) -> None:
    data = bytes(range(256)) * 4096
    with hold_session(probe, ("cat",)) as held:
        shim = held.start(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        output, _ = shim.communicate(data, timeout=20)

        assert output == data
        assert shim.returncode == 0


BAD_COMMANDS = [
    pytest.param(("no-such-program",), 127, "cannot run 'no-such-program': not found", id="not found"),
    pytest.param(("/etc/passwd",), 126, "cannot run '/etc/passwd': Permission denied", id="not executable"),
    pytest.param(("{folder}/text",), 126, "neither a program nor a script", id="no format"),
    pytest.param(("{folder}/lost",), 127, "the interpreter that its first line names was not found", id="no interpreter"),
    pytest.param(("true", "a\0b"), 125, "a NUL byte", id="NUL"),
    pytest.param((), 125, "no command was given", id="empty"),
]


@pytest.mark.parametrize("mode", ["attached", "detached"])
@pytest.mark.parametrize(("command", "status", "text"), BAD_COMMANDS)
def test_what_cannot_run_is_told_and_leaves_nothing(
    probe: Probe, mode: str, command: tuple[str, ...], status: int, text: str
) -> None:
    with hold_session(probe, command) as held:
        for name, content in (("text", "no program\n"), ("lost", "#!/no/such/interpreter\n")):
            (held.folder / name).write_text(content)
            (held.folder / name).chmod(0o700)
        words = tuple(word.replace("{folder}", str(held.folder)) for word in command)
        held.spec = msgspec.structs.replace(held.spec, command=words)
        shim = held.start(mode, stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert shim.returncode == status
        assert errors.decode().startswith("controlroom: ")
        assert text in errors.decode()
        if status != 125:
            assert held.ended().status == status
        assert held.nothing_left()


def test_a_folder_that_is_not_there_is_told(probe: Probe) -> None:
    with hold_session(probe, ("true",), cwd="/no/such/folder") as held:
        shim = held.start(stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert (shim.returncode, errors) == (
            125,
            b"controlroom: the agent cannot start in '/no/such/folder': No such file or directory\n",
        )
        assert held.nothing_left()


def test_a_leaf_that_cannot_be_made_starts_nothing(cgroup_probe: Probe, grove: Grove) -> None:
    with hold_session(cgroup_probe, grove.command("plain"), cgroup=f"{cgroup_probe.base}/missing/leaf/") as held:
        held.spec = msgspec.structs.replace(held.spec, cgroup="/proc/no/leaf")
        shim = held.start(stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert shim.returncode == 125
        assert b"cannot make the cgroup /proc/no/leaf" in errors
        assert grove.beats() == {}
        held.spec = msgspec.structs.replace(held.spec, cgroup="")


@pytest.mark.parametrize("mode", ["attached", "detached"])
def test_nothing_of_the_agent_runs_when_the_handle_is_not_taken(probe: Probe, grove: Grove, mode: str) -> None:
    with hold_session(probe, grove.command("plain")) as held:
        (held.folder / "refuse").touch()
        shim = held.start(mode, stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert shim.returncode != 0
        assert b"the daemon refused the session" in errors
        assert grove.beats() == {}
        assert held.nothing_left()


@pytest.mark.row("K02")
def test_what_the_agent_left_behind_is_listed_and_killed(probe: Probe, grove: Grove) -> None:
    code = "import os,subprocess,sys,time; subprocess.Popen(sys.argv[1:])\nwhile not os.path.exists('go'): time.sleep(0.01)"
    with hold_session(probe, _python(code, *grove.command("daemons", 3))) as held:
        held.start()
        grove.wait_for(3)
        (held.folder / "go").touch()

        ended = held.ended()

        assert ended.status == 0
        assert ended.left == ["left behind: killed"] * 3
        assert grove.heard() == set()
        assert held.nothing_left()


def test_the_agent_gets_no_descriptor_but_its_three(probe: Probe) -> None:
    with hold_session(probe, ("ls", "-l", "/proc/self/fd")) as held:
        shim = held.start(stdout=subprocess.PIPE)
        output, _ = shim.communicate(timeout=20)

        names = re.findall(r" (\d+) -> ", output.decode())
        assert names == ["0", "1", "2", "3"]  # 3 is the listing itself


def test_the_agent_hears_sigpipe_and_stands_in_its_own_session(probe: Probe) -> None:
    code = "import os,signal; print(signal.getsignal(signal.SIGINT)); print(os.getsid(0) == os.getpid())"
    show = ("sh", "-c", 'grep SigIgn /proc/self/status; exec "$@"', "sh", *_python(code))
    with hold_session(probe, show) as held:
        shim = held.start(stdout=subprocess.PIPE)
        ignored, handler, own = shim.communicate(timeout=20)[0].decode().splitlines()

        assert not int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1))
        assert handler == "<built-in function default_int_handler>"
        assert own == "True"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_shim_ends_the_session(probe: Probe, grove: Grove, number: signal.Signals) -> None:
    with hold_session(probe, grove.command("plain")) as held:
        shim = held.start()
        grove.wait_for(1)

        shim.send_signal(number)

        assert shim.wait(20) == 128 + number
        assert held.ended().status == 128 + number
        assert held.nothing_left()


def test_ctrl_c_reaches_an_agent_in_a_pipeline(probe: Probe, grove: Grove) -> None:
    with hold_session(probe, grove.command("plain")) as held:
        shim = held.start()
        grove.wait_for(1)

        shim.send_signal(signal.SIGINT)

        assert shim.wait(20) == 128 + signal.SIGINT


def test_detached_returns_at_once_and_the_agent_has_a_terminal_of_its_own(probe: Probe, grove: Grove) -> None:
    code = "import os,sys; print(os.isatty(0), os.get_terminal_size(), flush=True); os.execv(sys.argv[1], sys.argv[1:])"
    with hold_session(probe, _python(code, *grove.command("plain"))) as held:
        assert held.start("detached").wait(10) == 0
        grove.wait_for(1)
        handle = held.handle()
        assert handle.shim is not None
        descriptors = Path(f"/proc/{handle.shim.pid}/fd")
        assert {os.readlink(descriptors / name) for name in ("0", "1", "2")} == {"/dev/null"}

        assert hold.kill(handle).confirmed

        assert held.ended().status == 137
        log = held.folder / f"{held.spec.session}.log"
        assert "True os.terminal_size(columns=120, lines=40)" in log.read_text()
        assert stat.S_IMODE(log.stat().st_mode) == 0o600
        assert grove.heard() == set()


def test_detached_keeps_no_pipe_of_its_caller_open(probe: Probe, grove: Grove) -> None:
    with hold_session(probe, grove.command("plain")) as held:
        launched = subprocess.run(held.argv("detached"), capture_output=True, timeout=10, cwd=Path(__file__).parents[2])

        assert (launched.returncode, launched.stdout, launched.stderr) == (0, b"", b"")
        grove.wait_for(1)


def test_a_second_shim_does_not_take_a_socket_in_use(probe: Probe, grove: Grove) -> None:
    with hold_session(probe, grove.command("plain")) as first, hold_session(probe, ("true",)) as second:
        first.start()
        grove.wait_for(1)
        second.spec = msgspec.structs.replace(second.spec, control=first.spec.control)
        shim = second.start(stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert shim.returncode == 125
        assert b"another shim listens on" in errors
        assert Path(first.spec.control).exists()


def test_the_shim_cannot_be_read_by_its_agent(probe: Probe, grove: Grove) -> None:
    with hold_session(probe, grove.command("plain")) as held:
        held.start()
        grove.wait_for(1)
        handle = held.handle()
        assert handle.shim is not None
        assert handle.root is not None

        assert processes.session_of(handle.root.pid, [handle]) == held.spec.session
        assert processes.session_of(handle.shim.pid, [handle]) is None
        assert processes.session_of(os.getpid(), [handle]) is None


ODD = {
    "exits at once": "pass",
    "closes its terminal": "import os; os.closerange(0, 3)",
    "calls itself controlroom": "import pathlib; pathlib.Path('/proc/self/comm').write_text('controlroom')",
    "has a command line of 128 KiB": "",
    "leaves a zombie's child": (
        "import os, time\nif os.fork() == 0:\n  if os.fork() == 0: time.sleep(60)\n  os._exit(0)\ntime.sleep(0.1)"
    ),
    "closes its terminal and lives on": "import os, time; os.closerange(0, 3); time.sleep(0.3)",
}


@pytest.mark.parametrize("mode", ["attached", "detached"])
@pytest.mark.parametrize("odd", ODD)
def test_an_odd_agent_ends_as_itself_and_leaves_nothing(probe: Probe, odd: str, mode: str) -> None:
    long = tuple("x" * 1000 for _ in range(128)) if odd.startswith("has") else ()
    with hold_session(probe, _python(ODD[odd] or "pass", *long)) as held:
        held.start(mode)

        assert held.ended(20).status == 0
        eventually(held.nothing_left, 20, "the cgroup and the socket are gone")


@pytest.mark.parametrize("mode", ["attached", "detached"])
@pytest.mark.parametrize(("command", "status"), [(("no-such-program",), 127), (("/etc/passwd",), 126)])
def test_what_cannot_run_in_a_cage_is_told_and_leaves_nothing(
    subreaper_probe: Probe, command: tuple[str, ...], status: int, mode: str
) -> None:
    if rungs.bwrap_refuses():
        pytest.skip(f"needs a PID namespace by bwrap: {rungs.bwrap_refuses()}")
    with hold_session(subreaper_probe, command, cage=cage.namespace(cage.find_bwrap())) as held:
        shim = held.start(mode, stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert shim.returncode == status
        assert f"cannot run '{command[0]}'" in errors.decode()
        eventually(held.nothing_left, 20, "the socket is gone")


def test_a_cage_that_cannot_be_built_is_told_in_its_own_words(subreaper_probe: Probe) -> None:
    if rungs.bwrap_refuses():
        pytest.skip(f"needs a PID namespace by bwrap: {rungs.bwrap_refuses()}")
    built = cage.namespace(cage.find_bwrap())
    built = msgspec.structs.replace(built, options=(*built.options, "--bind", "/no/such/folder", "/mnt"))
    with hold_session(subreaper_probe, ("true",), cage=built) as held:
        shim = held.start(stderr=subprocess.PIPE)
        _, errors = shim.communicate(timeout=20)

        assert shim.returncode == 125
        assert "the sandbox cannot be built: bwrap: Can't find source path /no/such/folder" in errors.decode()
        assert held.nothing_left()


def test_ctrl_c_reaches_the_agent_in_a_cage_and_not_bwrap(subreaper_probe: Probe) -> None:
    if rungs.bwrap_refuses():
        pytest.skip(f"needs a PID namespace by bwrap: {rungs.bwrap_refuses()}")
    code = "import time\ntry:\n  print('up', flush=True)\n  time.sleep(30)\nexcept KeyboardInterrupt: raise SystemExit(9)"
    with hold_session(subreaper_probe, _python(code), cage=cage.namespace(cage.find_bwrap())) as held:
        shim = held.start(stdout=subprocess.PIPE)
        assert shim.stdout is not None
        with shim.stdout as output:
            assert output.readline() == b"up\n"

            shim.send_signal(signal.SIGINT)

            assert shim.wait(20) == 9


def test_what_is_kept_goes_on_and_the_session_with_it(probe: Probe, grove: Grove) -> None:
    code = "import subprocess,sys; subprocess.Popen(sys.argv[1:])"
    with hold_session(probe, _python(code, *grove.command("plain", 2)), keep=True) as held:
        shim = held.start()
        grove.wait_for(2)
        grove.wait_heard(2)
        assert shim.poll() is None

        assert hold.kill(held.handle()).confirmed

        assert held.ended().status == 0
        assert grove.heard() == set()
        assert held.nothing_left()
