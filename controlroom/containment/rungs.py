"""Which mechanism can hold a session on this machine, and why not a better one. Found out by trying, shown in words."""

import os
import subprocess
import uuid
from functools import lru_cache
from pathlib import Path

import msgspec

from controlroom.containment import cage, cgroup, scope
from controlroom.model.agent import Rung

_BWRAP_SECONDS = 10.0
_NEEDED = ("cgroup.procs", "cgroup.freeze", "cgroup.events")


class Probe(msgspec.Struct, frozen=True):
    """The best rung there is. `base`: the folder that sessions' leaves are made in, "" without one. `why`: in words.

    `scope`: only who is started in a scope of systemd's user manager has one (see `scope`).
    """

    rung: Rung
    base: str
    why: str
    scope: bool = False

    def leaf(self, session: str) -> str:
        """The leaf that this session would get, "" where the rung has none."""
        return f"{self.base}/{session}" if self.base else ""


def probe(force: Rung | None = None) -> Probe:
    """Look for the best rung; `force` takes SUBREAPER whatever there is. Makes the base folder, and tries bwrap and
    systemd-run where they are what is left. Never raises for what a machine lacks: that is the answer.
    """
    if force is Rung.SUBREAPER:
        return Probe(Rung.SUBREAPER, "", "subreaper shim, as asked for")
    at = cgroup.mount()
    if at is None:
        return _without("no cgroup v2 hierarchy is mounted")
    try:
        inside = scope.entered()
    except OSError as error:
        return _without(f"the scope that we were started in cannot be divided: {error}")
    own = cgroup.path_of(os.getpid(), at)
    if own == "":
        return _without(f"our own cgroup is outside of the mount {at.point}")
    reasons = []
    for parent in dict.fromkeys(filter(None, (inside, own, at.point))):
        base = f"{parent}/controlroom-{os.getuid()}"
        why_not = _try(base, own)
        if why_not == "":
            cgroup.share_controllers(base)
            return Probe(Rung.CGROUP, base, f"cgroup v2 in {base}")
        reasons.append(why_not)
    why = "; ".join(reasons)
    refused = "" if inside else scope.refuses()
    if not inside and not refused:
        return Probe(Rung.CGROUP, "", f"cgroup v2 in a scope of systemd's user manager: {why}", scope=True)
    return _without("; ".join(filter(None, (why, refused and f"no scope of systemd's user manager: {refused}"))))


def _without(why: str) -> Probe:
    refused = bwrap_refuses()
    if not refused:
        return Probe(Rung.PIDNS, "", f"PID namespace by bwrap: {why}")
    return Probe(Rung.SUBREAPER, "", f"subreaper shim: {why}; no PID namespace: {refused}")


@lru_cache(maxsize=1)
def bwrap_refuses() -> str:
    """Why bwrap gives no PID namespace here, "" if it does. Tried once for this process."""
    bwrap = cage.find_bwrap()
    if not bwrap:
        return "there is no bwrap"
    command = [bwrap, *cage.namespace(bwrap).options, "--", "/bin/true"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_BWRAP_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{bwrap} cannot be run: {error}"
    said = done.stderr.decode("utf-8", "backslashreplace").strip()
    return "" if done.returncode == 0 else said or f"{bwrap} ended with {done.returncode}"


def _try(base: str, own: str) -> str:
    """Why no leaf can be made in `base` and joined from `own`, "" if it can."""
    leaf = f"{base}/probe-{uuid.uuid4().hex}"
    try:
        cgroup.create(leaf)
    except OSError as error:
        return f"no cgroup can be made in {base} ({error.strerror})"
    try:
        missing = [name for name in _NEEDED if not Path(leaf, name).exists()]
        if missing:
            return f"this kernel's cgroups have no {missing[0]} (Linux 5.2 is needed)"
        # Moving a process needs the right to write in the nearest group above both places.
        common = os.path.commonpath([base, own])
        if not os.access(f"{common}/cgroup.procs", os.W_OK):
            return f"processes may not be moved from {own} to {base}: {common}/cgroup.procs is not ours"
    finally:
        os.rmdir(leaf)
    return ""
