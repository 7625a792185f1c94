"""`controlroom daemon start | stop | status | install-service`."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from controlroom.cli import out, room
from controlroom.cli.options import OneObject, Yes
from controlroom.cli.room import Failure
from controlroom.client.rpc import Hung, NoDaemon, Operator, RpcError
from controlroom.containment import processes
from controlroom.storage.files import replace
from controlroom.storage.paths import Places, secure_dir

START_SECONDS = 20.0
STOP_SECONDS = 10.0
LOOK_SECONDS = 0.05  # between two tries to reach a daemon that is starting
LOG = "daemon.log"
LAST_LINES = 5

UNIT = """[Unit]
Description=controlroom: the gate of AI agents

[Service]
ExecStart="{python}" -m controlroom.daemon
Restart=on-failure
UMask=0077

[Install]
WantedBy=default.target
"""


def start_() -> int:
    """Starts the daemon and returns when it answers; does nothing when one runs."""
    pid, began = ensure()
    print(f"daemon {'started' if began else 'already runs'}: pid {pid}")
    return 0


def stop_() -> int:
    """Ends the daemon in good order. Agents go on, and their gates deny."""
    try:
        with room.operator() as connection:
            pid = connection.pid
            why = _dismiss(connection)
    except Hung as error:
        pid, why = error.pid, "it does not answer"
        if not pid:
            raise
    _end(pid)
    print(f"daemon stopped: pid {pid}. Agents go on; their gates deny until a daemon runs.")
    if why:
        print(f"The next daemon freezes them until you look: this one could not note that you ended it ({out.safe(why)}).")
    return 0


def status_(*, as_json: OneObject = False) -> int:
    """Says whether the daemon answers, and how it is."""
    row = room.call("status")
    if as_json:
        print(out.as_json(row))
        return 0
    latch = f"EMERGENCY STOP {row['stop_id']}" if row["latched"] else "no"
    print(f"pid {row['pid']}, version {out.safe(row['version'])}, {row['agents']} agents, {row['pending']} pending")
    print(f"rung     {out.safe(row['rung'])}")
    print(f"latched  {out.safe(latch)}")
    print(f"journal  {out.safe(row['journal'])}")
    print(f"settings {out.safe(row['settings'])}")
    print(f"rules    {out.safe(row['rules'])}")
    return 0


def install_service_(*, yes: Yes = False) -> int:
    """Lets systemd start the daemon at log-in and again when it fails."""
    unit = _unit_folder() / "controlroom.service"
    text = UNIT.format(python=sys.executable.replace("%", "%%"))
    out.block(text)
    room.confirm(f"Write this to {out.safe(unit)} and enable it?", yes=yes)
    unit.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    replace(unit, text.encode())
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise Failure(f"{unit} is written, but there is no systemctl to enable it")
    for words in (["daemon-reload"], ["enable", "--now", unit.name]):
        done = subprocess.run([systemctl, "--user", *words], capture_output=True, text=True, timeout=30, check=False)
        if done.returncode != 0:
            raise Failure(f"{unit} is written, but systemctl --user {' '.join(words)} failed: {done.stderr.strip()}")
    print("installed: the daemon runs as the user service controlroom.service")
    return 0


def ensure() -> tuple[int, bool]:
    """The pid of a daemon that answers, and whether it was started for this. Raises Failure, Hung, Insecure."""
    places = room.places()
    running = _answering(places)
    if running:
        return running, False
    for folder in (places.state, places.runtime):
        secure_dir(folder)
    log = places.state / LOG
    before = _size(log)
    pid = _spawn(log)
    process = processes.identify(pid)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        alive = process is not None and processes.is_alive(process)
        answering = _answering(places)
        if answering:
            return answering, answering == pid
        if not alive:
            raise Failure(f"the daemon ended at its start:\n{_tail(log, before)}")
        time.sleep(LOOK_SECONDS)
    raise Failure(f"the daemon (pid {pid}) does not answer within {START_SECONDS:g} s:\n{_tail(log, before)}")


def _answering(places: Places) -> int:
    """The pid of the daemon that answers, 0 when none listens. Raises Hung."""
    try:
        with Operator(places) as connection:
            return connection.pid
    except Hung:
        raise
    except NoDaemon:
        return 0


def _spawn(log: Path) -> int:
    """The daemon's pid. It is nobody's child (a session's stop would take it along), and has no descriptor of ours."""
    reader, writer = os.pipe()
    between = os.fork()
    if between == 0:
        try:
            os.write(writer, str(_popen(log).pid).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    os.waitpid(between, 0)
    if not said:
        raise Failure(f"the daemon's process could not be made; can {log} be written?")
    return int(said)


def _popen(log: Path) -> "subprocess.Popen[bytes]":
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return subprocess.Popen(
        [sys.executable, "-m", "controlroom.daemon"],
        stdin=subprocess.DEVNULL,
        stdout=descriptor,
        stderr=descriptor,
        cwd="/",
        close_fds=True,
        start_new_session=True,
    )


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except OSError:
        return 0


def _tail(log: Path, start: int) -> str:
    """What it has said since; where that is nothing, why its log takes nothing."""
    said = log.read_bytes()[start:].decode("utf-8", "replace").splitlines()
    return "\n".join(f"  {line}" for line in said[-LAST_LINES:] or [_silence(log)])


def _silence(log: Path) -> str:
    try:
        with log.open("ab", buffering=0) as file:
            file.write(b"\n")
    except OSError as e:
        return f"it could not say why: {log} cannot be written: {e.strerror}"
    return "it did not say why"


def _dismiss(connection: Operator) -> str:
    """Tell the daemon that an operator ends it; why it could not be noted, "" = it is in the journal."""
    try:
        connection.call("dismiss")
    except RpcError as error:
        return str(error)
    return ""


def _end(pid: int) -> None:
    """TERM, and wait for the end by pidfd. Raises Failure when it does not come."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(STOP_SECONDS * 1000):
            raise Failure(f"the daemon (pid {pid}) did not end within {STOP_SECONDS:g} s; if it hangs: kill -KILL {pid}")
    except ProcessLookupError:
        return
    finally:
        os.close(descriptor)


def _unit_folder() -> Path:
    config = os.environ.get("XDG_CONFIG_HOME", "")
    return Path(config if os.path.isabs(config) else Path.home() / ".config") / "systemd" / "user"
