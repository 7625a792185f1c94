"""Start an agent so that nothing of it runs before it is held: fork, join the leaf, own session, wait for the word, exec."""

import errno
import fcntl
import os
import select
import shutil
import signal
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

import msgspec

from controlroom.containment import cgroup

NOT_SET_UP = 125  # exit status: the session could not be set up, the agent's command was not tried
NOT_EXECUTABLE = 126
NOT_FOUND = 127
_PATIENCE = 30.0  # s for the child to get ready, and for exec to load the program
_READY = b"+"


class LaunchError(Exception):
    """The agent was not started. `status` is the exit status for it; the text says what failed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Spec(msgspec.Struct, frozen=True):
    """What to start and how to hold it.

    `cwd` is absolute, `env` the agent's whole environment. `cgroup`: absolute path of the leaf to make, "" without one.
    `control`: path of the shim's control socket. `agents_dir`: folder of handles and of a detached agent's terminal log.
    `log`: file that the terminal's output is copied to; "" = none, or `agents_dir/SESSION.log` when detached.
    """

    session: str
    name: str
    command: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    cgroup: str
    control: str
    agents_dir: str
    log: str = ""


class _Failure(msgspec.Struct, frozen=True):
    stage: str
    number: int
    text: str


class Waiting(msgspec.Struct, frozen=True):
    """A child that is in its container and waits to be told to exec. `status` and `go` are pipe ends of ours."""

    pid: int
    status: int
    go: int


def fork(spec: Spec, stdio: tuple[int, int, int], slave: int | None) -> Waiting:
    """Fork the child and wait until it has joined its leaf and stands in its own session.

    `stdio`: our descriptors for its 0, 1 and 2; `slave`: the end of a pty that becomes its controlling terminal.
    Raises LaunchError; the child is then reaped.
    """
    _check(spec)
    status_read, status_write = os.pipe()
    go_read, go_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(spec, stdio, slave, status_write, go_read)
    os.close(status_write)
    os.close(go_read)
    child = Waiting(pid, status_read, go_write)
    try:
        said = _hear(status_read, 1)
        if said != _READY:
            raise _error(spec, said + _hear(status_read, 65536))
    except LaunchError:
        abandon(child)
        raise
    return child


def _check(spec: Spec) -> None:
    if not spec.command or not spec.command[0]:
        raise LaunchError(NOT_SET_UP, "no command was given")
    texts = [*spec.command, *spec.env, *spec.env.values(), spec.cwd]
    if any("\0" in text for text in texts):
        raise LaunchError(NOT_SET_UP, "a NUL byte in the command, the environment or the folder")


def _child(spec: Spec, stdio: tuple[int, int, int], slave: int | None, status: int, go: int) -> NoReturn:
    stage = "join"
    try:
        if spec.cgroup:
            cgroup.join(spec.cgroup)
        stage = "session"
        os.setsid()
        if slave is not None:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        _plain_signals()
        _only_stdio(stdio, {status, go})
        stage = "cwd"
        os.chdir(spec.cwd)
        os.write(status, _READY)
        if os.read(go, 1) == b"":
            os._exit(NOT_SET_UP)  # whoever held us is gone: nothing of the agent may run
        stage = "exec"
        os.execvpe(spec.command[0], spec.command, spec.env)
    except OSError as error:
        os.write(status, msgspec.json.encode(_Failure(stage, error.errno or 0, error.strerror or str(error))))
    finally:
        os._exit(NOT_SET_UP)


def _plain_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # the interpreter ignores them, and ignoring survives exec
        signal.signal(number, signal.SIG_DFL)


def _only_stdio(stdio: tuple[int, int, int], keep: set[int]) -> None:
    for target, source in enumerate(stdio):
        if source != target:
            os.dup2(source, target)
    start = 3
    for descriptor in sorted(keep):
        os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def _hear(descriptor: int, size: int) -> bytes:
    """Up to `size` bytes, or what came before the other side closed. Raises LaunchError when nothing comes for too long."""
    deadline = time.monotonic() + _PATIENCE
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    got = b""
    while len(got) < size:
        if not poll.poll(max(0, deadline - time.monotonic()) * 1000):
            raise LaunchError(NOT_SET_UP, f"the new process did not get ready within {_PATIENCE:g} s")
        part = os.read(descriptor, size - len(got))
        if not part:
            break
        got += part
    return got


def release(spec: Spec, child: Waiting) -> None:
    """Let the child exec. Returns when the agent's program runs; raises LaunchError if it cannot, the child then reaped."""
    with suppress(BrokenPipeError):  # it was killed meanwhile: that is then how the agent ended
        os.write(child.go, b"+")
    try:
        said = _hear(child.status, 65536)
        if said:
            raise _error(spec, said)
    except LaunchError:
        abandon(child)
        raise
    os.close(child.go)
    os.close(child.status)


def abandon(child: Waiting) -> None:
    """End a child that has not become the agent, and reap it."""
    os.kill(child.pid, signal.SIGKILL)  # ours and not reaped, so the pid is still its own
    os.close(child.go)
    os.close(child.status)
    os.waitpid(child.pid, 0)


def _error(spec: Spec, said: bytes) -> LaunchError:
    if not said:
        return LaunchError(NOT_SET_UP, "the new process died before it got ready")
    failure = msgspec.json.decode(said, type=_Failure)
    texts = {
        "join": f"the agent cannot join its cgroup {spec.cgroup}",
        "session": "the agent cannot get a session and a terminal of its own",
        "cwd": f"the agent cannot start in {spec.cwd!r}",
    }
    if failure.stage in texts:
        return LaunchError(NOT_SET_UP, f"{texts[failure.stage]}: {failure.text}")
    return _exec_error(spec.command[0], spec.env, failure)


def _exec_error(word: str, env: Mapping[str, str], failure: _Failure) -> LaunchError:
    if failure.number == errno.ENOENT:
        if shutil.which(word, path=env.get("PATH")) is None:
            return LaunchError(NOT_FOUND, f"cannot run {word!r}: not found")
        return LaunchError(NOT_FOUND, f"cannot run {word!r}: the interpreter that its first line names was not found")
    if failure.number == errno.ENOEXEC:
        return LaunchError(NOT_EXECUTABLE, f"cannot run {word!r}: neither a program nor a script with a #! line")
    return LaunchError(NOT_EXECUTABLE, f"cannot run {word!r}: {failure.text}")
