"""`controlroom doctor`: what holds on this machine and what does not, each line with its proof. Exit code 1 on a FAIL."""

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from cyclopts import Parameter

from controlroom.agents import layers
from controlroom.agents.command import probe as probe_hook
from controlroom.agents.gated import GATED, Gated
from controlroom.cli import out, room
from controlroom.cli.quick import FAILED, OK
from controlroom.client.rpc import NoDaemon, RpcError
from controlroom.containment import cage, rungs
from controlroom.model.agent import Rung
from controlroom.sensing.log_secrets import LogSecrets
from controlroom.storage import latchfile
from controlroom.storage.paths import Insecure, Places, room_for_sockets, secure_dir

TIOCSTI = Path("/proc/sys/dev/tty/legacy_tiocsti")
PROGRAMS = {"git": "tracked files cannot be told", "bwrap": "ENFORCED is not possible", "tmux": "agents in panes are not seen"}
VERSION_SECONDS = 20.0
LOG_SECONDS = 5.0
MOST_NAMED = 10  # secrets
_KEY = os.urandom(16)  # digests of secrets tell them apart, in this process alone


class Finding(NamedTuple):
    """One line: how it is, what was looked at, what was found."""

    grade: Literal["ok", "warn", "FAIL"]
    what: str
    text: str


def doctor(*, as_json: Annotated[bool, Parameter(name="--json", help="one array of objects")] = False) -> int:
    """Proves that the gate holds on this machine; runs the installed hooks with a probe that is always denied."""
    places = room.places()
    found: list[Finding] = []
    for finding in _findings(places):
        found.append(finding)
        if not as_json:
            print(f"{finding.grade:4}  {out.safe(finding.what)}: {out.safe(finding.text)}", flush=True)
    if as_json:
        out.print_json({"id": number, **finding._asdict()} for number, finding in enumerate(found, 1))
    return FAILED if any(finding.grade == "FAIL" for finding in found) else OK


def _findings(places: Places) -> Iterator[Finding]:
    yield from _places(places)
    yield _latch(places)
    yield _rung()
    running = _running()
    yield running
    yield _tiocsti()
    yield from _programs()
    for kind, agent in GATED.items():
        yield from _agent(kind, agent, answering=running.grade == "ok")
    yield _log_secrets()


def _log_secrets() -> Finding:
    """Secrets in the logs of every known agent, the newest first, for a few seconds. File, line and kind; never the secret."""
    found: list[str] = []
    looked = left = 0
    ends = time.monotonic() + LOG_SECONDS
    for path in layers.logs(str(Path.home()), os.environ):
        scan = LogSecrets(path, lambda secret: hashlib.sha256(_KEY + secret.encode("utf-8", "surrogatepass")).hexdigest()[:16])
        hits = scan.look(max(0.0, ends - time.monotonic()))
        found += {hit.mark: f"{path} line {hit.line} ({hit.kind})" for hit in reversed(hits)}.values()
        looked, left = looked + 1, left + scan.left()
        scan.close()
    rest = f"; {left} bytes of them were not looked at in {LOG_SECONDS:.0f} s" if left else ""
    if found:
        more = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        return Finding("warn", "secrets in logs", f"{'; '.join(found[:MOST_NAMED])}{more}{rest}")
    return Finding("ok", "secrets in logs", f"none in {looked} logs of agents{rest}")


def _places(places: Places) -> Iterator[Finding]:
    for name in ("config", "state", "runtime"):
        folder: Path = getattr(places, name)
        try:
            secure_dir(folder)
            if name == "runtime":
                room_for_sockets(folder)
        except (Insecure, OSError) as error:
            yield Finding("FAIL", f"{name} folder", str(error))
        else:
            yield Finding("ok", f"{name} folder", f"{folder} is ours alone")


def _latch(places: Places) -> Finding:
    latch = latchfile.read_any(places)
    if latch is None:
        return Finding("ok", "emergency stop", "not on")
    return Finding("warn", "emergency stop", f"{latch.stop_id} is on, by {latch.by}: nothing is allowed. controlroom reset")


def _rung() -> Finding:
    found = rungs.probe()
    return Finding("ok" if found.rung is Rung.CGROUP else "warn", "rung", f"{found.rung}: {found.why}")


def _running() -> Finding:
    try:
        status = room.call("status")
    except NoDaemon as error:
        return Finding("warn", "daemon", f"{error}. Every gated call is denied: controlroom daemon start")
    except RpcError as error:
        return Finding("FAIL", "daemon", str(error))
    if status["journal"] != "ok" or status.get("manifest", "ok") != "ok":
        return Finding("FAIL", "daemon", f"pid {status['pid']}, journal {status['journal']}, manifest {status['manifest']}")
    return Finding("ok", "daemon", f"pid {status['pid']} answers, journal ok")


def _tiocsti() -> Finding:
    try:
        allowed = TIOCSTI.read_text("ascii").strip() != "0"
    except FileNotFoundError:
        return Finding("warn", "TIOCSTI", "this kernel cannot switch it off: a program may type into its terminal")
    if allowed:
        return Finding("warn", "TIOCSTI", "a program may type into its terminal. As root: sysctl dev.tty.legacy_tiocsti=0")
    return Finding("ok", "TIOCSTI", "switched off")


def _programs() -> Iterator[Finding]:
    for name, without in PROGRAMS.items():
        path = cage.find_bwrap() if name == "bwrap" else shutil.which(name)
        yield Finding("ok", name, path) if path else Finding("warn", name, f"not found: {without}")


def _agent(kind: str, agent: Gated, *, answering: bool) -> Iterator[Finding]:
    """The gate of one agent: its program, its settings, and each written gate run with a probe."""
    program = shutil.which(agent.program)
    version = _version(program) if program else ""
    yield Finding("ok", kind, f"{program} {version}" if program else "not found on this machine")
    settings, troubles = agent.settings.layers(Path.home(), Path.cwd())
    for trouble in troubles:
        yield Finding("FAIL", f"{kind} settings", trouble)
    commands = [(f"{event} hook in {name}", line) for name, layer in settings.items() for event, line in _gates(agent, layer)]
    for warning in agent.settings.warnings(settings, version) if program or commands else ():  # it may lie off our PATH
        yield Finding("warn", f"{kind} settings", warning)
    if not commands and (program or agent.launch):
        yield Finding("warn", f"{kind} hooks", _not_installed(kind, agent))
    for name, line in commands:
        yield _probed(f"{kind} {name}", line, answering=answering)


def _not_installed(kind: str, agent: Gated) -> str:
    if agent.launch:
        return f"not installed; they hold under `controlroom run -- {agent.program}` all the same"
    return f"not installed: its calls are not held. controlroom install {kind}"


def _gates(agent: Gated, layer: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Our gates in one settings file: event and command."""
    events = layer.get("hooks")
    for event, hooks in events.items() if isinstance(events, dict) else ():
        for hook in hooks if isinstance(hooks, list) else ():
            if agent.settings.ours(event, hook) and agent.speaks.gates(event):
                yield event, agent.settings.line_of(hook)


def _probed(what: str, line: str, *, answering: bool) -> Finding:
    found = probe_hook(line)
    if not found.closed:
        return Finding("FAIL", what, f"it does NOT deny (status {found.status}): {found.line}. Install it again")
    if found.answered:
        return Finding("ok", what, "denies, and the daemon answers it")
    if answering:
        return Finding("FAIL", what, f"denies, but asks another gate than the daemon's: {found.line}. Install it again")
    return Finding("ok", what, "denies while no daemon answers")


def _version(program: str) -> str:
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False, env=os.environ
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
