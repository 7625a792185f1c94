"""`controlroom run -- CMD...`: start an agent so that it is held from its first instruction on."""

import os
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from controlroom.agents.command import Ungated, hook_file, interpreter
from controlroom.agents.gated import GATED
from controlroom.agents.known import kind_of
from controlroom.agents.weakening import gates
from controlroom.cli import daemon, out, room, walls
from controlroom.cli.options import Command
from controlroom.cli.quick import USAGE
from controlroom.cli.room import Failure
from controlroom.client.rpc import NoDaemon, Operator, RpcError
from controlroom.containment import cage, processes, rungs, scope, shim
from controlroom.containment.cage import Cage, Report
from controlroom.containment.launch import NOT_SET_UP, LaunchError, Spec
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, Rung, Survivor
from controlroom.model.settings import DEFAULT
from controlroom.model.trips import Trips
from controlroom.storage import handles, latchfile
from controlroom.storage.paths import Places

BACKSTOP = 2  # times the trip's figure: the trip halts and asks a person, the kernel only refuses more
_FIRST_TAG, _TAGS = 600_000, 200_000  # bytes: below the kernel's default of 819,200, so that it can be set by anybody
LAUNCHED = {agent.program: kind for kind, agent in GATED.items() if agent.launch}  # by the program's name


def run(
    *command: Command,
    name: Annotated[str, Parameter(help="how the agent is called in the room")] = "",
    workspace: Annotated[Path | None, Parameter(help="where it works; else this folder")] = None,
    profile: Annotated[str, Parameter(help="what it is expected to do: a name in profiles/")] = DEFAULT,
    contain: Annotated[
        Literal["auto", "enforced", "none"] | None,
        Parameter(help="auto: the best rung there is; enforced: or nothing; none: no cgroup; else as the profile says"),
    ] = None,
    log: Annotated[
        tuple[Path, ...],
        Parameter(help="a log that it writes, or a folder of logs, to be shown too; may be repeated"),
    ] = (),
    detach: Annotated[bool, Parameter(help="in the background, with a terminal of its own")] = False,
) -> int:
    """Starts an agent that is held. Exit status is the agent's; 125-127 when it could not be started."""
    if not command:
        raise Failure("run needs a command: controlroom run -- CMD...", USAGE)
    folder = Path(os.path.abspath(workspace or Path.cwd()))
    if not folder.is_dir():
        raise Failure(f"--workspace {folder}: no such folder", USAGE)
    places = room.places()
    latch = latchfile.read_any(places)
    if latch is not None:
        raise Failure(f"EMERGENCY STOP {latch.stop_id} is on: nothing is started. End it with: controlroom reset")
    daemon.ensure()
    probe = _probe(contain, detach=detach)
    kind = _kind(command)
    plan = room.call(
        "launch",
        name=name or Path(command[0]).name,
        kind=kind,
        command=list(command),
        workspace=str(folder),
        profile=profile,
        contain=contain or "",
        logs=[os.path.abspath(path) for path in log],
        rung=probe.rung,
        base=probe.base,
    )
    gated = _gated(kind, command, plan, folder)
    spec = _spec(plan, gated, folder, _cage(places, plan, kind, folder))
    session = _Session(places, plan)
    start = shim.run_detached if detach else shim.run_attached
    status = start(spec, session.ready, session.over)
    if detach and status == 0:
        held = f"{out.safe(plan['label'])}, {out.safe(plan['rung'])}"
        print(f"{out.safe(plan['name'])}: session {out.safe(plan['session'])}, {held}")
    return status


def _probe(contain: str | None, *, detach: bool) -> Probe:
    """What can hold an agent that is launched from here. Where that is a scope of systemd's, we are started again in one."""
    scoped = scope.MARK in os.environ
    probe = rungs.probe(Rung.SUBREAPER if contain == "none" else None)
    if probe.scope:
        scope.enter()
    if scoped and detach and scope.ends_with_login():
        out.tell("note: systemd ends it when you log out; loginctl enable-linger lets it go on")
    return probe


def _kind(command: tuple[str, ...]) -> str:
    """Which agent this is. One that could be gated and is started in another way is a plain process: it is not gated so."""
    found = LAUNCHED.get(Path(command[0]).name) or kind_of(command) or "process"
    return found if Path(command[0]).name in LAUNCHED or found not in LAUNCHED.values() else "process"


def _cage(places: Places, plan: dict[str, Any], kind: str, folder: Path) -> Cage | None:
    """The sandbox of this launch: walls, or a PID namespace where that is the rung, or none."""
    if plan["protected"] is not None:
        return walls.build(places, plan, kind, folder)
    return cage.namespace(cage.find_bwrap()) if plan["rung"] == Rung.PIDNS else None


def _gated(kind: str, command: tuple[str, ...], plan: dict[str, Any], folder: Path) -> list[str]:
    """The command with the gate in it, where we know how."""
    agent = GATED.get(kind)
    if agent is None:
        return list(command)
    if agent.launch is None:
        settings, _ = agent.settings.layers(Path.home(), folder)
        if not any(agent.settings.EVENTS[0] in gates(kind, layer) for layer in settings.values()):
            out.tell(f"note: {kind} has no gate in its settings, so its calls are not held: controlroom install {kind}")
        return list(command)
    try:
        return agent.launch.put(list(command), Path(plan["gate_dir"]), interpreter(), hook_file(), folder)
    except Ungated as error:
        raise Failure(f"the gate would not hold: {error}") from None


def _spec(plan: dict[str, Any], command: list[str], folder: Path, built: Cage | None) -> Spec:
    trips = msgspec.convert(plan["profile"]["rules"]["trips"], Trips)
    return Spec(
        session=plan["session"],
        name=plan["name"],
        command=tuple(command),
        cwd=str(folder),
        env={**os.environ, processes.MARK: plan["session"]},
        cgroup=plan["cgroup"],
        control=os.path.join(plan["gate_dir"], f"{plan['session']}.shim"),
        agents_dir=plan["agents_dir"],
        cage=built,
        tag=_FIRST_TAG + secrets.randbelow(_TAGS),
        keep=plan["profile"]["rules"]["leftover"] == "keep",
        processes=BACKSTOP * trips.processes if trips.processes else None,
        memory=round(BACKSTOP * trips.memory_gib * 2**30) if trips.memory_gib else None,
    )


class _Session:
    """What the shim tells us, told on to the disk and to the daemon. The connection stays open: the daemon sees us die."""

    def __init__(self, places: Places, plan: dict[str, Any]) -> None:
        self._places = places
        self._session: str = plan["session"]
        self._agents = Path(plan["agents_dir"])
        self._notes: list[str] = plan["protected"]["notes"] if plan["protected"] is not None else []
        self._connection: Operator | None = None
        self._handle: Handle | None = None

    def ready(self, handle: Handle, report: Report) -> None:
        """The agent is held and has run nothing: the handle goes to disk, then to the daemon. Raises; then nothing runs."""
        if report.broken:
            raise LaunchError(NOT_SET_UP, f"ENFORCED is not possible, nothing was started: {'; '.join(report.broken)}")
        notes = [*self._notes, *report.notes]
        for note in notes:
            out.tell(f"note: {note}")
        handles.save(self._agents, handle)
        try:
            self._connection = Operator(self._places)
            self._connection.call("launched", handle=msgspec.to_builtins(handle), notes=notes, held=report.held)
        except BaseException:
            handles.drop(self._agents, handle.session)
            raise
        self._handle = handle

    def over(self, status: int, left: list[Survivor], thrown: list[str]) -> None:
        """The session has ended. A daemon that is gone finds out by the handle when it comes back."""
        note = "; ".join([f"exit status {status}", *(f"pid {one.process.pid} {one.name}: {one.why}" for one in left[:20])])
        for fresh in (False, True):
            try:
                if fresh or self._connection is None:
                    self._connection = Operator(self._places)
                self._connection.call("left", session=self._session, note=note, thrown=thrown)
            except NoDaemon:
                continue  # it was restarted meanwhile, or is gone
            except RpcError as error:
                out.tell(f"the end of the session was not taken: {error}")
            return
        self._leave(note, thrown)

    def _leave(self, note: str, thrown: list[str]) -> None:
        """Nobody takes it now: it is left for the daemon that comes."""
        if self._handle is None:
            return
        try:
            handles.save(self._agents, msgspec.structs.replace(self._handle, end=note, thrown=tuple(thrown)))
        except OSError as error:
            out.tell(f"the end of the session cannot be kept: {error.strerror}")
