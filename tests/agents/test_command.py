"""The literal installed command: whatever happens to the client, it denies with a line (G03)."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.agents.command import UNAVAILABLE, command, hook_file, interpreter, is_ours, probe
from tests.support.gate import ALLOW, folder, gate, said
from tests.support.waiting import eventually

CALL = json.dumps({"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/"}).encode()
GATE, OBSERVED = "PreToolUse", "PostToolUse"
SHELLS = [path for path in ("/bin/sh", "/bin/dash", "/bin/bash") if Path(path).exists()]


@pytest.fixture
def runtime() -> Iterator[Path]:
    with folder() as made:
        yield made


def line(where: Path, event: str = GATE, python: Path | None = None, hook: Path | None = None) -> str:
    return command(where, python or interpreter(), hook or hook_file(), "claude-code", event)


def run(text: str, shell: str = "/bin/sh", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a line as an agent would."""
    return subprocess.run([shell, "-c", text], input=CALL, capture_output=True, timeout=30, check=False, env=env)


def closed(done: subprocess.CompletedProcess[bytes]) -> None:
    """Denied: exit 2 with a line that says why, and nothing for the agent to read as an answer."""
    assert (done.returncode, done.stdout) == (2, b""), done
    assert done.stderr.endswith(b"\n") and done.stderr.strip()


def copy_of_python(place: Path) -> Path:
    """An interpreter of the test's own, to break."""
    made = place / "python"
    shutil.copy2(interpreter(), made)
    return made


@pytest.mark.parametrize("shell", SHELLS)
def test_an_allow_passes_through(shell: str) -> None:
    with gate(said("allow", ALLOW)) as server:
        done = run(line(server.folder), shell)
    assert (done.returncode, done.stdout, done.stderr) == (0, ALLOW, b"")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_denial_keeps_its_reason(shell: str) -> None:
    with gate(said("deny", b"no such luck")) as server:
        done = run(line(server.folder), shell)
    closed(done)
    assert done.stderr == b"controlroom: no such luck\n"


@pytest.mark.row("G03")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "broken", ["no hook", "hook is a folder", "crash", "rubbish", "exit 1", "raises", "no python", "bad python"]
)
def test_a_broken_client_is_a_denial(tmp_path: Path, shell: str, broken: str) -> None:
    hook, python = tmp_path / "hook.py", interpreter()
    shutil.copy(hook_file(), hook)
    sources = {"crash": "import nothing_like_it", "rubbish": "\0(((", "exit 1": "raise SystemExit(1)", "raises": "1/0"}
    if broken in sources:
        hook.write_text(sources[broken])
    elif broken == "no hook":
        hook.unlink()
    elif broken == "hook is a folder":
        hook.unlink()
        hook.mkdir()
    elif broken == "no python":
        python = tmp_path / "python"
    else:
        python = tmp_path / "python"
        python.write_bytes(b"\x7fELF rubbish")
        python.chmod(0o755)
    with gate(said("allow", ALLOW)) as server:
        done = run(line(server.folder, python=python, hook=hook), shell)
        assert not server.headers
    closed(done)
    assert ("can't open file" if broken == "no hook" else UNAVAILABLE) in done.stderr.decode()


@pytest.mark.row("G03")
@pytest.mark.parametrize("mode", [0o644, 0o000])
def test_an_interpreter_that_may_not_be_run_is_a_denial(tmp_path: Path, mode: int) -> None:
    python = copy_of_python(tmp_path)
    python.chmod(mode)
    with gate(said("allow", ALLOW)) as server:
        closed(run(line(server.folder, python=python)))


@pytest.mark.row("G03")
def test_a_client_without_memory_is_a_denial() -> None:
    with gate(said("allow", ALLOW)) as server:
        for kilobytes in (2_000, 6_000, 9_000, 12_000):
            closed(run(f"ulimit -v {kilobytes}; {line(server.folder)}"))


@pytest.mark.row("G03")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV, signal.SIGINT, signal.SIGHUP])
def test_a_client_that_is_killed_while_it_waits_is_a_denial(number: signal.Signals) -> None:
    with gate(lambda nonce: None) as server:
        pipe = subprocess.PIPE
        command = ["/bin/sh", "-c", line(server.folder)]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, preexec_fn=_mortal) as shell:
            assert shell.stdin
            shell.stdin.write(CALL)
            shell.stdin.close()
            shell.stdin = None
            eventually(lambda: server.headers, what="the call is at the gate")
            os.kill(child_of(shell.pid), number)
            out, err = shell.communicate(timeout=20)
            closed(subprocess.CompletedProcess([], shell.returncode, out, err))


def _mortal() -> None:
    """A suite that runs in the background has SIGINT ignored, and its children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def child_of(pid: int) -> int:
    """The only child of a process, or the process itself where the shell needed none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


@pytest.mark.row("G14")
@pytest.mark.parametrize("shell", [[shell] for shell in SHELLS if shell != "/bin/bash"] + [["/bin/bash", "--posix"]])
def test_a_poisoned_environment_of_the_shell_changes_nothing(runtime: Path, tmp_path: Path, shell: list[str]) -> None:
    if not Path(shell[0]).exists():
        pytest.skip(f"{shell[0]} is missing")
    script = tmp_path / "rc"
    script.write_text("exit 0\n")
    env = {"PATH": str(tmp_path), "BASH_ENV": str(script), "ENV": str(script), "BASH_FUNC_exit%%": "() { :; }", "IFS": "o"}
    done = subprocess.run([*shell, "-c", line(runtime)], input=CALL, capture_output=True, timeout=30, check=False, env=env)
    closed(done)


@pytest.mark.parametrize(
    "name", ["with space", "quo'te", 'dou"ble', "$(touch x)", "a;b", "a&b", "~", "*", "ä", "back\\slash", "-I"]
)
def test_every_path_is_quoted(tmp_path: Path, name: str) -> None:
    with gate(said("allow", ALLOW)) as server:
        top = server.folder.parent / name
        top.mkdir()
        python, hook = top / "python", top / "hook.py"
        python.symlink_to(interpreter())
        shutil.copy(hook_file(), hook)
        moved = top / "run"
        server.folder.rename(moved)
        done = run(line(moved, python=python, hook=hook))
    assert (done.returncode, done.stdout) == (0, ALLOW), done


@pytest.mark.parametrize("path", ["relative/run", "", "/with\nbreak", "/bell\a", "/half\udc80"])
def test_a_path_that_cannot_be_carried_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="absolute path of printable"):
        line(Path(path))


@pytest.mark.parametrize("broken", ["no hook", "no python", "no gate"])
def test_an_observation_never_fails(runtime: Path, broken: str) -> None:
    python = runtime / "none" if broken == "no python" else None
    hook = runtime / "none" if broken == "no hook" else None
    done = run(line(runtime, OBSERVED, python, hook))
    assert (done.returncode, done.stdout) == (0, b"")


def gemini(where: Path, python: Path | None = None) -> str:
    return command(where, python or interpreter(), hook_file(), "gemini", "BeforeTool")


def denied(out: bytes, err: bytes, status: int) -> bool:
    """Whether Gemini CLI denies by this: it reads standard error where standard output is empty; JSON says what it says
    however the shell ended (negative: by a signal), any other text denies by the exit status alone.
    """
    text = out.strip() or err.strip()
    try:
        said = json.loads(text)
    except ValueError:
        return bool(text) and status >= 2
    return isinstance(said, dict) and said.get("decision") == "deny"


@pytest.mark.row("G03")
@pytest.mark.parametrize("killed", ["client", "shell", "client and shell"])
def test_for_gemini_the_denial_is_said_before_anybody_is_asked(killed: str) -> None:
    def answer(nonce: str) -> bytes | None:
        clients = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for pid in [process.pid] * ("shell" in killed) + [int(client) for client in clients] * ("client" in killed):
            os.kill(pid, signal.SIGKILL)
        return said("deny", b"no")(nonce)

    with gate(answer) as server:
        process = subprocess.Popen(
            ["/bin/bash", "-c", gemini(server.folder)], stdin=-1, stdout=-1, stderr=-1, start_new_session=True
        )
        out, err = process.communicate(CALL, timeout=30)
    assert denied(out, err, process.returncode), (out, err, process.returncode)


def test_for_gemini_an_answer_takes_the_place_of_the_denial_that_was_said_first(runtime: Path) -> None:
    with gate(said("allow", ALLOW)) as server:
        done = run(gemini(server.folder))
        assert (done.returncode, done.stdout) == (0, ALLOW) and not denied(done.stdout, done.stderr, 0)
    for broken in (gemini(runtime), gemini(runtime, runtime / "none"), gemini(runtime).replace("-I -S", "-c pass")):
        done = run(broken)
        assert denied(done.stdout, done.stderr, done.returncode), done
    assert probe(gemini(runtime)).closed


def test_the_denial_that_is_said_first_is_part_of_the_command(runtime: Path) -> None:
    assert is_ours(gemini(runtime), "gemini", "BeforeTool")
    assert not is_ours(gemini(runtime).partition("; ")[2], "gemini", "BeforeTool")
    assert not is_ours(gemini(runtime).replace("deny", "allow"), "gemini", "BeforeTool")
    seen = command(runtime, interpreter(), hook_file(), "gemini", "AfterTool")
    assert is_ours(seen, "gemini", "AfterTool") and "deny" not in seen


def test_our_own_commands_are_known_again() -> None:
    for event in (GATE, OBSERVED):
        text = command(Path("/old place/run"), Path("/usr/bin/python3"), Path("/gone/hook.py"), "claude-code", event)
        assert is_ours(text, "claude-code", event)
        assert not is_ours(text, "codex", event)
        assert not is_ours(text, "claude-code", "Stop")
    for other in ("", "echo hello", f"python -I -S x /run claude-code {GATE}", "my-hook || exit 2"):
        assert not is_ours(other, "claude-code", GATE)


@pytest.mark.row("G01")
def test_a_probe_is_closed_with_and_without_a_daemon(runtime: Path) -> None:
    alone = probe(line(runtime))
    assert (alone.closed, alone.answered, alone.status) == (True, False, 2)
    with gate(said("deny", b"probe: the gate answers")) as server:
        found = probe(line(server.folder))
    assert (found.closed, found.answered, found.line) == (True, True, "controlroom: probe: the gate answers")


@pytest.mark.parametrize(
    "text", ["exit 0", "echo no >&2; exit 2", "exit 2", f"echo '{UNAVAILABLE}' >&2; exit 1", "echo {}; exit 0"]
)
def test_a_probe_finds_a_gate_that_is_open(text: str) -> None:
    assert not probe(text).closed


def test_a_probe_of_a_command_that_hangs_ends_and_leaves_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    found = probe(
        f'{shlex.quote(sys.executable)} -c \'import os,time; open("{mark}","w").write(str(os.getpid())); time.sleep(60)\'; :', 2
    )
    assert not found.closed and "no answer within 2 s" in found.line
    eventually(lambda: not Path(f"/proc/{mark.read_text()}/exe").exists(), what="the hanging command is gone")


@pytest.mark.row("G05")
@pytest.mark.parametrize("before", ["touch /tmp/x; ", "$(touch x) ", "env -i ", "'", "a b "])
def test_a_command_that_only_ends_like_ours_is_not_ours(runtime: Path, before: str) -> None:
    """Settings are the agent's: what is taken for ours is run as a probe, and counts as the gate."""
    assert is_ours(line(runtime), "claude-code", GATE)
    assert not is_ours(before + line(runtime), "claude-code", GATE)
    assert not is_ours(line(runtime).replace(" -I -S ", f" -I -S {before.strip()} "), "claude-code", GATE)
