"""A session held by a real shim in a process of its own, as `controlroom run` would."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from controlroom.containment import cgroup, hold, processes
from controlroom.containment.launch import Spec
from controlroom.containment.rungs import Probe
from controlroom.model.agent import Handle

_ROOT = Path(__file__).parents[3]


class Ended(msgspec.Struct, frozen=True):
    """What the shim's `on_exit` was told."""

    status: int
    left: list[str]
    thrown: list[str] = []


class Held:
    """The shim's process, and what it wrote down."""

    def __init__(self, spec: Spec, folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def argv(self, mode: str) -> list[str]:
        """The command line of the shim (`attached` or `detached`)."""
        spec = self.folder / "spec.json"
        spec.write_bytes(msgspec.json.encode(self.spec))
        return [sys.executable, "-m", "tests.support.hostile.shimmed", mode, str(spec), str(self.folder)]

    def start(self, mode: str = "attached", **streams: object) -> "subprocess.Popen[bytes]":
        """Start the shim, by default with nothing to read and output thrown away."""
        chosen = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams}
        self.process = subprocess.Popen(self.argv(mode), cwd=_ROOT, **chosen)  # type: ignore[call-overload]
        return self.process

    def handle(self, seconds: float = 20) -> Handle:
        """The handle, once the shim has saved it."""
        return msgspec.json.decode(self._written("handle.json", seconds), type=Handle)

    def ended(self, seconds: float = 20) -> Ended:
        """What `on_exit` was told, once it was."""
        return msgspec.json.decode(self._written("exit.json", seconds), type=Ended)

    def _written(self, name: str, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        while not (self.folder / name).exists():
            assert time.monotonic() < deadline, f"no {name} within {seconds:g} s"
            time.sleep(0.005)
        return (self.folder / name).read_bytes()

    def nothing_left(self) -> bool:
        """No cgroup, no mount and no socket of the session."""
        group = self.spec.cgroup and Path(self.spec.cgroup).exists()
        mounted = str(self.folder) in Path("/proc/self/mountinfo").read_text()
        return not Path(self.spec.control).exists() and not group and not mounted


@contextmanager
def hold_session(probe: Probe, command: tuple[str, ...], **changes: object) -> Iterator[Held]:
    """A session that is ready to start; whatever it is at the end, it is killed and its leaf removed."""
    folder = Path(tempfile.mkdtemp(prefix="cr"))
    session = uuid.uuid4().hex
    spec = Spec(
        session=session,
        name="victim",
        command=command,
        cwd=str(folder),
        env=dict(os.environ),
        cgroup=probe.leaf(session),
        control=str(folder / "c.sock"),
        agents_dir=str(folder),
    )
    held = Held(msgspec.structs.replace(spec, **changes), folder)
    try:
        yield held
    finally:
        if (folder / "handle.json").exists():
            handle = held.handle()
            hold.kill(handle)
            if handle.shim is not None and not processes.wait_gone(handle.shim, 5):
                processes.send(handle.shim, signal.SIGKILL)
        if held.process is not None and held.process.poll() is None:
            held.process.kill()
            held.process.wait(10)
        if held.spec.cgroup:
            assert cgroup.remove(held.spec.cgroup), "the test's cgroup could not be emptied"
        shutil.rmtree(folder)
