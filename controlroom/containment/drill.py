"""The emergency stop's drill: a dummy agent is launched as any other, frozen and killed, each with its proof (E10).

`python -I -m controlroom.containment.drill SPEC` is the dummy's shim, in a process of its own.
"""

import os
import select
import shutil
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import msgspec

from controlroom.containment import cage, hold, rungs, scope, shim
from controlroom.containment.cage import Report
from controlroom.containment.launch import Spec
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle, Rung, StopResult

READY_SECONDS = 10.0  # for the dummy to stand
END_SECONDS = 5.0  # for its shim to go once it is dead
DUMMY = ("cat",)


class Drill(msgspec.Struct, frozen=True):
    """What came of a drill. `why`: what failed, "" = the stop works on this rung."""

    rung: Rung
    freeze: StopResult | None = None
    kill: StopResult | None = None
    why: str = ""


def run(probe: Probe) -> Drill:
    """Launch a dummy on this rung, freeze it, kill it. Blocking, at most about 20 s; nothing is left behind. Never raises."""
    with tempfile.TemporaryDirectory(prefix="cr-drill-", ignore_cleanup_errors=True) as folder:  # the shim may be at it too
        session = f"drill-{uuid.uuid4().hex[:16]}"
        leaf = probe.leaf(session)
        spec = Spec(
            session=session,
            name="drill",
            command=DUMMY,
            cwd="/",
            env={"PATH": os.defpath},
            cgroup=leaf,
            control=str(Path(folder, "c.sock")),
            agents_dir=folder,
            cage=cage.namespace(cage.find_bwrap()) if probe.rung is Rung.PIDNS else None,
        )
        try:
            return _with_dummy(probe, spec)
        except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
            return Drill(probe.rung, why=f"the dummy agent could not be launched: {error}")


def _with_dummy(probe: Probe, spec: Spec) -> Drill:
    command = [sys.executable, "-I", "-m", "controlroom.containment.drill", msgspec.json.encode(spec).decode()]
    command, env = ([*scope.words(), *command], {**scope.environment(), scope.MARK: "1"}) if probe.scope else (command, None)
    quiet, pipe = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, env=env, stdin=pipe, stdout=pipe, stderr=quiet, start_new_session=True) as process:
        try:
            line = _first_line(process)
            if not line:
                return Drill(probe.rung, why="the dummy agent did not stand in time")
            handle = msgspec.json.decode(line, type=Handle)
            frozen = hold.freeze(handle)
            killed = hold.kill(handle)
            process.wait(END_SECONDS)
        finally:
            process.kill()
    return Drill(probe.rung, frozen, killed, _verdict(probe, frozen, killed))


def _first_line(process: "subprocess.Popen[bytes]") -> bytes:
    assert process.stdout is not None  # asked for at its start
    ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    return process.stdout.readline() if ready else b""


def _verdict(probe: Probe, frozen: StopResult, killed: StopResult) -> str:
    """A cgroup must prove both; below it nothing proves a freeze, and none is claimed."""
    if probe.rung is Rung.CGROUP and not frozen.confirmed:
        return f"the freeze was not confirmed: {frozen.why or 'no proof'}"
    return "" if killed.confirmed else f"the kill was not confirmed: {killed.why or 'no proof'}"


def main() -> int:
    """The dummy's shim: tells its handle on standard output, and stays until the dummy is dead."""
    spec = msgspec.json.decode(sys.argv[1].encode(), type=Spec)
    if scope.MARK in os.environ:
        spec = msgspec.structs.replace(spec, cgroup=rungs.probe().leaf(spec.session))

    def ready(handle: Handle, report: Report) -> None:
        os.write(1, msgspec.json.encode(handle) + b"\n")

    try:
        return shim.run_attached(spec, ready, lambda status, left, thrown: None, leash=0)  # held by whoever drills
    finally:
        shutil.rmtree(spec.agents_dir, ignore_errors=True)  # whoever drills may have been killed


if __name__ == "__main__":
    sys.exit(main())
