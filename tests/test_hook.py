"""The hook's client against a real socket: exit 0 only after a whole allow for its own nonce, else one line and exit 2."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom import hook
from controlroom.agents.command import hook_file, interpreter
from tests.support.gate import ALLOW, Answer, folder, gate, said

CALL = json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/"}).encode()
GATE, OBSERVED = "PreToolUse", "PostToolUse"


@pytest.fixture
def runtime() -> Iterator[Path]:
    with folder() as made:
        yield made


def run(
    where: Path | str, event: str = GATE, given: bytes = CALL, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the client as it is installed."""
    command = [str(interpreter()), "-I", "-S", str(hook_file()), str(where), "claude-code", event]
    return subprocess.run(command, input=given, capture_output=True, timeout=30, check=False, env=env)


def denied(done: subprocess.CompletedProcess[bytes], *words: str) -> None:
    """Exit 2, nothing on standard output, one line of ours that holds the words."""
    assert done.returncode == 2, done
    assert done.stdout == b""
    line = done.stderr.decode()
    assert line.startswith("controlroom: ") and line.endswith("\n") and line.count("\n") == 1, line
    for word in words:
        assert word in line


def test_an_allow_is_printed_whole_and_exits_0() -> None:
    with gate(said("allow", ALLOW)) as server:
        done = run(server.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, ALLOW, b"")


def test_an_answer_may_come_in_pieces() -> None:
    with gate(said("allow", ALLOW)) as server:
        server.piece = 1
        done = run(server.folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, ALLOW, b"")


def test_the_message_is_two_lines_and_the_sending_side_stays_open() -> None:
    with gate(said("allow", ALLOW)) as server:
        run(server.folder)
        header = server.headers[0]
        assert len(str(header.pop("nonce"))) == 32
        assert header == {"v": 1, "kind": "hook", "agent": "claude-code", "event": "PreToolUse"}
        assert server.payloads == [CALL]
        assert server.half_closed == [False]


def test_every_call_has_a_nonce_of_its_own() -> None:
    with gate(said("allow", ALLOW)) as server:
        for _ in range(3):
            run(server.folder)
        assert len({header["nonce"] for header in server.headers}) == 3


def test_a_denial_gives_its_reason_on_one_line() -> None:
    with gate(said("deny", b"denied by operator:ann: not\nthis one")) as server:
        denied(run(server.folder), "denied by operator:ann: not this one")


@pytest.mark.row("G10")
@pytest.mark.parametrize(
    "answer",
    [
        lambda nonce: f"controlroom/1 {'0' * 32} allow {len(ALLOW)}\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/2 {nonce} allow {len(ALLOW)}\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1 {nonce} allow {len(ALLOW)}\n".encode() + ALLOW[:-1],
        lambda nonce: f"controlroom/1 {nonce} allow {len(ALLOW)}\n".encode() + ALLOW,
        lambda nonce: f"controlroom/1 {nonce} allow {len(ALLOW)}\n".encode() + ALLOW + b"\nmore",
        lambda nonce: f"controlroom/1 {nonce} allow {len(ALLOW) + 1}\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1 {nonce} allow {len(ALLOW) - 1}\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1 {nonce} allow -1\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1 {nonce} allow\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1 {nonce} ALLOW {len(ALLOW)}\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1  {nonce} allow {len(ALLOW)}\n".encode() + ALLOW + b"\n",
        lambda nonce: f"controlroom/1 {nonce}".encode(),
        lambda nonce: b"x" * 300,
        lambda nonce: b"\xff\xfe\n",
        lambda nonce: b"\n",
        lambda nonce: b"",
        lambda nonce: ALLOW,
        said("ok", ALLOW),
        said("allow"),
        said("allow", b"yes"),
        said("perhaps", ALLOW),
        lambda nonce: f"controlroom/1 {nonce} allow {1 << 30}\n".encode() + b"x" * (2 << 20),
    ],
)
def test_anything_but_a_whole_allow_for_its_nonce_is_a_denial(answer: Answer) -> None:
    with gate(answer) as server:
        denied(run(server.folder))


@pytest.mark.row("G01")
@pytest.mark.parametrize("broken", ["no folder", "no socket", "nobody listens", "a file", "a folder"])
def test_without_a_daemon_it_denies_and_waits_for_none(runtime: Path, broken: str) -> None:
    place = runtime / "gate.sock"
    if broken == "no folder":
        runtime.rmdir()
    elif broken == "nobody listens":
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(place))
    elif broken == "a file":
        place.write_text("")
    elif broken == "a folder":
        place.mkdir()
    done = run(runtime)
    denied(done, "gate unavailable")
    assert b"in time" not in done.stderr and b"wait" not in done.stderr, "no deadline was reached"


def test_a_folder_open_to_others_is_refused() -> None:
    with gate(said("allow", ALLOW)) as server:
        server.folder.chmod(0o755)
        denied(run(server.folder), "mode 0700")
        assert not server.headers


def test_a_link_to_a_folder_is_refused() -> None:
    with gate(said("allow", ALLOW)) as server:
        link = server.folder.parent / "link"
        link.symlink_to(server.folder)
        denied(run(link), "not a folder of")
        assert not server.headers


@pytest.mark.skipif(os.geteuid() != 0, reason="root is missing: only root can give a file to another user")
@pytest.mark.parametrize("what", ["run", "run/gate.sock"])
def test_what_belongs_to_another_user_is_refused(what: str) -> None:
    with gate(said("allow", ALLOW)) as server:
        os.chown(server.folder.parent / what, 65534, 65534)
        denied(run(server.folder), "of uid 0")
        assert not server.headers


@pytest.mark.skipif(os.geteuid() != 0, reason="root is missing: only root can run the listener as another user")
def test_a_listener_of_another_user_is_refused(runtime: Path) -> None:
    listen = (
        "import os,socket,sys; os.seteuid(65534); s=socket.socket(socket.AF_UNIX, fileno=int(sys.argv[1])); s.listen(1);"
        " print(flush=True); sys.stdin.read()"
    )
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(runtime / "gate.sock"))
        command = [sys.executable, "-c", listen, str(bound.fileno())]
        with subprocess.Popen(
            command, pass_fds=[bound.fileno()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            assert other.stdout and other.stdout.readline() == "\n"
            denied(run(runtime), "another user")
            other.communicate("")


@pytest.mark.row("G17")
@pytest.mark.parametrize("form", ["file", "folder", "broken link", "fifo", "unreadable"])
def test_the_latch_in_any_form_stops_before_the_socket(form: str) -> None:
    with gate(said("allow", ALLOW)) as server:
        latch = server.folder / "latch"
        if form == "folder":
            latch.mkdir()
        elif form == "broken link":
            latch.symlink_to("nowhere")
        elif form == "fifo":
            os.mkfifo(latch)
        else:
            latch.touch(mode=0 if form == "unreadable" else 0o600)
        denied(run(server.folder), "emergency stop")
        assert not server.headers


@pytest.mark.row("G17")
def test_the_latch_holds_with_the_daemon_dead(runtime: Path) -> None:
    (runtime / "latch").touch()
    denied(run(runtime), "emergency stop")


@pytest.mark.row("G17")
def test_a_latch_that_comes_while_it_waits_beats_the_allow() -> None:
    with gate(lambda nonce: None) as server:
        place = server.folder / "latch"

        def answer(nonce: str) -> bytes | None:
            place.touch()
            return said("allow", ALLOW)(nonce)

        server.answer = answer
        denied(run(server.folder), "emergency stop")


def test_the_input_is_one_line_and_no_broken_json_becomes_valid() -> None:
    with gate(said("allow", ALLOW)) as server:
        run(server.folder, given=b'{"a":\r\n1,\n"b":"x\ny"}\r\n')
        assert server.payloads == [b'{"a":\r\t1,\t"b":"x\ty"}']
        with pytest.raises(json.JSONDecodeError):
            json.loads(server.payloads[0])


@pytest.mark.row("G08")
def test_a_call_over_1_mib_is_denied_and_not_sent() -> None:
    with gate(said("allow", ALLOW)) as server:
        denied(run(server.folder, given=b"x" * (hook.MOST_GATE + 1)), "larger than 1048576 bytes")
        denied(run(server.folder, given=b"x" * (100 << 20)), "larger than 1048576 bytes")
        assert not server.headers


def test_a_call_of_exactly_1_mib_is_sent() -> None:
    with gate(said("allow", ALLOW)) as server:
        assert run(server.folder, given=b"x" * hook.MOST_GATE).returncode == 0
        assert len(server.payloads[0]) == hook.MOST_GATE


@pytest.mark.parametrize("size", [0, 100, hook.MOST_OBSERVED, hook.MOST_OBSERVED + 1, 300_000, 3 << 20])
def test_an_observation_is_cut_in_the_middle(size: int) -> None:
    given = (b"%07d," % 0 + b"".join(b"%07d," % number for number in range(1, size // 8 + 1)))[:size]
    with gate(said("ok")) as server:
        done = run(server.folder, OBSERVED, given)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        half = hook.MOST_OBSERVED // 2
        whole = size <= hook.MOST_OBSERVED
        assert server.payloads == [given if whole else given[:half] + given[-half:]]
        assert server.headers[0].get("cut") == (None if whole else size)


def test_what_the_gate_says_to_an_observation_is_printed() -> None:
    with gate(said("ok", b'{"x":1}')) as server:
        assert run(server.folder, "SessionStart").stdout == b'{"x":1}'


@pytest.mark.parametrize("event", sorted(hook.OBSERVATIONS))
def test_an_observation_never_fails_the_agents_hook(runtime: Path, event: str) -> None:
    done = run(runtime, event)
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.startswith(b"controlroom: gate unavailable")
    with gate(said("deny", b"no")) as server:
        done = run(server.folder, event)
        assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("event", ["ConfigChange", "Stop", "SomethingNew", "pretooluse"])
def test_every_other_event_is_a_gate(runtime: Path, event: str) -> None:
    denied(run(runtime, event))


@pytest.mark.parametrize(
    "arguments",
    [[], ["/x"], ["/x", "claude-code"], ["/x", "claude-code", "PreToolUse", "more"], ["x", "claude-code", "PreToolUse"]],
)
def test_wrong_arguments_deny(arguments: list[str]) -> None:
    command = [str(interpreter()), "-I", "-S", str(hook_file()), *arguments]
    denied(subprocess.run(command, input=CALL, capture_output=True, timeout=30, check=False))


@pytest.mark.parametrize("word", ['a","kind":"probe', "a b", "", "x" * 65, "é", "a\n"])
def test_agent_and_event_cannot_break_out_of_the_header(word: str) -> None:
    with gate(said("allow", ALLOW)) as server:
        command = [str(interpreter()), "-I", "-S", str(hook_file()), str(server.folder), word, "PreToolUse"]
        denied(subprocess.run(command, input=CALL, capture_output=True, timeout=30, check=False))
        assert not server.headers


def test_a_probe_is_sent_as_one() -> None:
    with gate(said("deny", b"probe: the gate answers")) as server:
        denied(run(server.folder, given=hook.PROBE + b"\n"), "probe: the gate answers")
        assert server.headers[0]["kind"] == "probe"
        assert server.payloads == [b"{}"]


def test_a_reader_that_is_gone_turns_an_allow_into_a_denial() -> None:
    with gate(said("allow", ALLOW)) as server:
        reading, writing = os.pipe()
        os.close(reading)
        command = [str(interpreter()), "-I", "-S", str(hook_file()), str(server.folder), "claude-code", GATE]
        done = subprocess.run(command, input=CALL, stdout=writing, stderr=subprocess.PIPE, timeout=30, check=False)
        os.close(writing)
        assert done.returncode == 2
        assert done.stderr.startswith(b"controlroom: ")


@pytest.mark.row("G14")
def test_a_poisoned_environment_changes_nothing(runtime: Path, tmp_path: Path) -> None:
    for name in ("sitecustomize", "usercustomize", "select", "time", "posix", "_socket", "json"):
        (tmp_path / f"{name}.py").write_text("print('{}'); import os; os._exit(0)\n")
    script = tmp_path / "rc"
    script.write_text("exit 0\n")
    with gate(said("allow", ALLOW)) as friendly:
        env = {
            "PYTHONPATH": str(tmp_path),
            "PYTHONHOME": str(tmp_path),
            "PYTHONSTARTUP": str(script),
            "PYTHONINSPECT": "1",
            "PYTHONOPTIMIZE": "2",
            "PATH": str(tmp_path),
            "BASH_ENV": str(script),
            "ENV": str(script),
            "CONTROLROOM_HOME": str(friendly.folder.parent),
            "XDG_RUNTIME_DIR": str(friendly.folder.parent),
            "HOME": str(tmp_path),
        }
        denied(run(runtime, env=env), "gate unavailable")
        assert not friendly.headers


def test_the_client_reads_no_environment() -> None:
    assert not re.search(r"\benviron\b|\bgetenv\b|\bputenv\b", hook_file().read_text())


@pytest.mark.row("G13")
def test_noise_of_a_customised_interpreter_stays_out(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('noise')\n")
    with gate(said("allow", ALLOW)) as server:
        done = run(server.folder, env={"PYTHONPATH": str(tmp_path), "PYTHONVERBOSE": "1"})
    assert (done.returncode, done.stdout, done.stderr) == (0, ALLOW, b"")


def test_it_loads_a_fixed_small_set_of_modules() -> None:
    show = "; ".join(
        [
            "import sys",
            "before = set(sys.modules)",
            f"exec(compile(open({str(hook_file())!r}).read(), 'hook.py', 'exec'), {{'__name__': 'hook'}})",
            "print(*sorted(set(sys.modules) - before))",
        ]
    )
    done = subprocess.run([str(interpreter()), "-I", "-S", "-c", show], capture_output=True, text=True, timeout=30, check=True)
    assert set(done.stdout.split()) <= {"_socket", "select", "time"}


@pytest.mark.parametrize(
    ("agent", "event", "decision", "reason"),
    [
        ("copilot", "preToolUse", "permissionDecision", "permissionDecisionReason"),
        ("gemini", "BeforeTool", "decision", "reason"),
    ],
)
def test_some_agents_read_why_from_json_beside_the_denial(agent: str, event: str, decision: str, reason: str) -> None:
    why = 'operator:ann: not "build\\x", \u00e9\U0001f600'.encode()
    with gate(said("deny", b"denied by " + why)) as server:
        done = subprocess.run(
            [str(interpreter()), "-I", "-S", str(hook_file()), str(server.folder), agent, event],
            input=CALL,
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == b"controlroom: denied by " + why + b"\n"
    told = json.loads(done.stdout)
    assert told[decision] == "deny"
    assert told[reason].startswith('controlroom: denied by operator:ann: not "build\\x", \u00e9')
