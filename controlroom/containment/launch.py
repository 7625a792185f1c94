"""Start an agent so that nothing of it runs before it is held: fork, join the leaf, own session, wait for the word, exec.

In a cage (a bwrap sandbox) the child becomes bwrap, and it is our script inside (inside.py) that waits for the word.
"""

import errno
import fcntl
import os
import resource
import select
import shutil
import signal
import termios
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import NoReturn

import msgspec

from controlroom.containment import cage, cgroup
from controlroom.containment.cage import Cage, Report

NOT_SET_UP = 125  # exit status: the session could not be set up, the agent's command was not tried
NOT_EXECUTABLE = 126
NOT_FOUND = 127
_PATIENCE = 30.0  # s for the child to get ready
_READY = b"+"
_NICE = 5  # below us, so that a stop gets its turn (measured)
_SPARED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)  # meant for the agent, not for the bwrap around it


class LaunchError(Exception):
    """The agent was not started. `status` is the exit status for it; the text says what failed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Spec(msgspec.Struct, frozen=True):
    """What to start and how to hold it.

    `cwd` is absolute, `env` the agent's whole environment. `cgroup`: absolute path of the leaf to make, "" without one.
    `control`: path of the shim's control socket. `agents_dir`: folder of handles, and of terminal logs (`SESSION.log`).
    `cage`: the sandbox to start it in. `tag`: the hard RLIMIT_MSGQUEUE to mark it with, 0 = none.
    `keep`: what the agent leaves behind goes on, and the session with it. `processes`, `memory` (bytes): what the kernel
    refuses more of, where the leaf has the controllers; None = no limit.
    """

    session: str
    name: str
    command: tuple[str, ...]
    cwd: str
    env: dict[str, str]
    cgroup: str
    control: str
    agents_dir: str
    cage: Cage | None = None
    tag: int = 0
    keep: bool = False
    processes: int | None = None
    memory: int | None = None


class _Failure(msgspec.Struct, frozen=True):
    stage: str
    number: int
    text: str


class Waiting(msgspec.Struct, frozen=True):
    """A child that is in its container and waits to be told to exec. `status`, `go` and `errors` are pipe ends of ours.

    `report`: what the canary in its cage found, empty without one.
    """

    pid: int
    status: int
    go: int
    errors: int
    report: Report = Report()


def fork(spec: Spec, stdio: tuple[int, int, int], slave: int | None) -> Waiting:
    """Fork the child and wait until it has joined its leaf and stands in its own session.

    `stdio`: our descriptors for its 0, 1 and 2; `slave`: the end of a pty that becomes its controlling terminal.
    Raises LaunchError; the child is then reaped.
    """
    _check(spec)
    pipes = [os.pipe() for _ in range(3)]
    (status_read, status_write), (go_read, go_write), (error_read, error_write) = pipes
    pid = os.fork()
    if pid == 0:
        _child(spec, stdio, slave, _Ends(status_write, go_read, error_write))
    for descriptor in (status_write, go_read, error_write):
        os.close(descriptor)
    child = Waiting(pid, status_read, go_write, error_read)
    try:
        said = _hear(status_read, 1)
        if said != _READY:
            raise _error(spec, said + _hear(status_read, 65536), _heard(error_read))
        if spec.cage is not None:
            report = msgspec.json.decode(_hear_line(status_read), type=Report)
            child = msgspec.structs.replace(child, report=report)
    except LaunchError:
        abandon(child)
        raise
    return child


class _Ends(msgspec.Struct, frozen=True):
    """The child's ends of the pipes: what it says, what it waits for, what bwrap complains about."""

    status: int
    go: int
    errors: int


def _check(spec: Spec) -> None:
    if not spec.command or not spec.command[0]:
        raise LaunchError(NOT_SET_UP, "no command was given")
    texts = [*spec.command, *spec.env, *spec.env.values(), spec.cwd]
    if any("\0" in text for text in texts):
        raise LaunchError(NOT_SET_UP, "a NUL byte in the command, the environment or the folder")


def _child(spec: Spec, stdio: tuple[int, int, int], slave: int | None, ends: _Ends) -> NoReturn:
    stage = "join"
    try:
        if spec.cgroup:
            cgroup.join(spec.cgroup)
        stage = "session"
        os.setsid()
        if slave is not None:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        _plain_signals()
        _limits(spec)
        stage = "cwd"
        os.chdir(spec.cwd)
        if spec.cage is not None:
            stage = "cage"
            _enter(spec, spec.cage, stdio, ends)
        _only_stdio(stdio, {ends.status, ends.go})
        os.write(ends.status, _READY)
        if os.read(ends.go, 1) == b"":
            os._exit(NOT_SET_UP)  # whoever held us is gone: nothing of the agent may run
        stage = "exec"
        os.execvpe(spec.command[0], spec.command, spec.env)
    except OSError as error:
        os.write(ends.status, msgspec.json.encode(_Failure(stage, error.errno or 0, error.strerror or str(error))))
    finally:
        os._exit(NOT_SET_UP)


def _limits(spec: Spec) -> None:
    """No core files of what an agent knows, the session's tag, and a place behind us for the processor."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if spec.tag:
        resource.setrlimit(resource.RLIMIT_MSGQUEUE, (spec.tag, spec.tag))
    os.nice(_NICE)


def _enter(spec: Spec, built: Cage, stdio: tuple[int, int, int], ends: _Ends) -> NoReturn:
    """Become bwrap. What it complains about is kept apart from the agent's own standard error."""
    options = _memory("\0".join(built.options).encode("utf-8", "surrogateescape"))
    checks = _memory(msgspec.json.encode(built.checks))
    own_errors = fcntl.fcntl(stdio[2], fcntl.F_DUPFD, 3)
    inherited = (options, ends.status, ends.go, own_errors, checks)
    _only_stdio((stdio[0], stdio[1], ends.errors), set(inherited))
    for number in _SPARED:
        signal.signal(number, signal.SIG_IGN)
    for descriptor in inherited:
        os.set_inheritable(descriptor, True)
    words = cage.words(built, spec.command, inherited)
    os.execve(words[0], words, spec.env)


def _memory(content: bytes) -> int:
    descriptor = os.memfd_create("controlroom")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


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


def _hear_line(descriptor: int) -> bytes:
    """Up to the end of the line. Raises LaunchError where it does not come."""
    line = b""
    while not line.endswith(b"\n"):
        part = _hear(descriptor, 1)
        if not part:
            raise LaunchError(NOT_SET_UP, "the sandbox died before it told what holds")
        line += part
    return line


def _heard(descriptor: int) -> str:
    """What bwrap has complained about so far."""
    os.set_blocking(descriptor, False)
    try:
        return os.read(descriptor, 4096).decode("utf-8", "backslashreplace").strip()
    except BlockingIOError:
        return ""


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


def let_go(child: Waiting) -> None:
    """Give the child the word; `began` tells what comes of it."""
    with suppress(BrokenPipeError):  # it was killed meanwhile: that is then how the agent ended
        os.write(child.go, b"+")


def began(spec: Spec, child: Waiting) -> bool:
    """Whether the agent's program runs by now, or the child was ended before; `child.status` is readable when this changes.

    Raises LaunchError where it cannot run; the child then ends by itself, for whoever reaps.
    """
    poll = select.poll()
    poll.register(child.status, select.POLLIN)
    if not poll.poll(0):
        return False
    said = _hear(child.status, 65536)
    _close(child)
    if said:
        raise _error(spec, said)
    return True


def abandon(child: Waiting) -> None:
    """End a child that has not become the agent, and reap it."""
    os.kill(child.pid, signal.SIGKILL)  # ours and not reaped, so the pid is still its own
    _close(child)
    os.waitpid(child.pid, 0)


def _close(child: Waiting) -> None:
    for descriptor in (child.go, child.status, child.errors):
        os.close(descriptor)


def _error(spec: Spec, said: bytes, complaint: str = "") -> LaunchError:
    if not said and complaint:
        return LaunchError(NOT_SET_UP, f"the sandbox cannot be built: {complaint}")
    if not said:
        return LaunchError(NOT_SET_UP, "the new process died before it got ready")
    failure = msgspec.json.decode(said, type=_Failure)
    texts = {
        "join": f"the agent cannot join its cgroup {spec.cgroup}",
        "session": "the agent cannot get a session and a terminal of its own",
        "cage": "bwrap cannot be started",
        "walls": "the sandbox cannot be looked at from inside",
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
