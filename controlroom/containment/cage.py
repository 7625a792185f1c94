"""A bubblewrap sandbox around an agent: what it shows, what it hides, what is read-only, and what the canary inside checks.

Two sizes. `namespace()` only gives a PID namespace, as a rung of its own. `walls()` is what ENFORCED stands on.
Measured: without `--cap-drop ALL` a root agent takes every wall down again, so it is always there, with `--unshare-user`.
"""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from controlroom.model.wire import legible

INSIDE = Path(__file__).with_name("inside.py")
# Below these an ordinary user cannot write either; the uid 0 of a sandbox owns them.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/boot", "/etc", "/opt")

_LISTED = 200  # files of a throw-away folder that are named
_CHARACTERS = 8_192  # of their names together


class Checks(msgspec.Struct, frozen=True):
    """What the canary inside has to find true. Paths are absolute and resolved; `outer` is the PID namespace of the shim.

    `canary`: a folder in which it tries to break out.
    """

    outer: str
    enforced: bool = False
    readonly: tuple[str, ...] = ()
    pinned: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    gate: str = ""
    canary: str = ""
    network: bool = True


class Cage(msgspec.Struct, frozen=True):
    """A sandbox ready to be built: `options` of the program `bwrap`, and what is checked in it.

    `folder`: the session's own folder on disk, with the canary and what is thrown away; "" without one.
    `made`: empty placeholders of ours that go at the end, unless somebody filled them.
    """

    bwrap: str
    options: tuple[str, ...]
    checks: Checks
    folder: str = ""
    made: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the canary found: walls that do not stand, each with its reason; what else is worth a word; what holds, in words."""

    broken: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


class Layout(msgspec.Struct, frozen=True):
    """What the walls are built from; all paths absolute and resolved.

    `readonly`: files and folders that nothing inside may change. `hidden`: control sockets, our state, what may not be read.
    `program`: what must be there to start at all, read-only. `gate`: the folder of gate.sock, seen inside at `runtime`.
    `folder`: the session's own on disk. `home`, `tmp`: whether an empty one of the session's takes the user's place.
    """

    workspace: str
    user_home: str
    runtime: str
    gate: str
    folder: str
    readonly: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    program: tuple[str, ...] = ()
    network: bool = True
    home: bool = False
    tmp: bool = False
    made: tuple[str, ...] = ()


def find_bwrap() -> str:
    """The bwrap program, "" where there is none. Only from the system's folders: PATH is the caller's."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin") or ""


def namespace(bwrap: str) -> Cage:
    """A PID namespace, nothing else. An ordinary user needs a user namespace for it, so set-uid programs lose their power."""
    user = () if os.geteuid() == 0 else ("--unshare-user",)
    options = (*user, "--unshare-pid", "--dev-bind", "/", "/", "--proc", "/proc")
    return Cage(bwrap, options, Checks(outer_namespace()))


def outer_namespace() -> str:
    """The kernel's name of the PID namespace that we are in."""
    return os.readlink("/proc/self/ns/pid")


def walls(bwrap: str, layout: Layout) -> Cage:
    """The walls of ENFORCED. What is never touched stays so wherever the workspace lies; system folders open for it again."""
    mounts = _mounts(layout)
    canary = f"{layout.folder}/canary"
    options = [*_NAMESPACES, *([] if layout.network else ["--unshare-net"]), "--bind", "/", "/"]
    options += ["--dev", "/dev", "--proc", "/proc", "--ro-bind", "/sys", "/sys"]
    options += [word for path in sorted(mounts, key=_depth) for word in mounts[path].words(path)]
    checks = Checks(
        outer=outer_namespace(),
        enforced=True,
        readonly=("/sys", *(path for path, mount in mounts.items() if mount.kind in _SHUT and path != layout.runtime)),
        pinned=tuple(path for path, mount in mounts.items() if mount.kind == "pinned"),
        hidden=tuple(path for path, mount in mounts.items() if mount.kind == "hidden"),
        writable=(layout.workspace,) if _nearest(layout.workspace, mounts, itself=True) not in _SHUT else (),
        gate=layout.runtime,
        canary=canary,
        network=layout.network,
    )
    return Cage(bwrap, tuple(options), checks, layout.folder, layout.made)


_NAMESPACES = ("--unshare-user", "--cap-drop", "ALL", "--unshare-pid", "--unshare-ipc")
_SHUT = ("readonly", "system")
_COVERED = ("hidden", "instead")


class _Mount(msgspec.Struct, frozen=True):
    """`kind`: readonly, system (read-only, but for the workspace), hidden, instead (another folder), open, pinned."""

    kind: str
    source: str = ""

    def words(self, path: str) -> tuple[str, ...]:
        if self.kind == "hidden":
            return ("--perms", "0700", "--tmpfs", path) if os.path.isdir(path) else ("--ro-bind", "/dev/null", path)
        return ("--ro-bind" if self.kind in _SHUT else "--bind", self.source or path, path)


def _mounts(layout: Layout) -> dict[str, _Mount]:
    """One mount for each path that needs one, decided from the outside in."""
    asked = {path: _Mount("system") for path in _system()} if os.geteuid() == 0 else {}
    asked[layout.workspace] = _Mount("open")
    if layout.home:
        asked[layout.user_home] = _Mount("instead", f"{layout.folder}/home")
    if layout.tmp:
        asked |= {path: _Mount("instead", f"{layout.folder}/tmp") for path in ("/tmp", "/var/tmp")}
    asked |= {path: _Mount("readonly") for path in layout.readonly}
    asked |= {path: _Mount("hidden") for path in layout.hidden}
    mounts: dict[str, _Mount] = {}
    for path in sorted((path for path in asked if os.path.exists(path)), key=_depth):
        above, wanted = _nearest(path, mounts), asked[path].kind
        opens = wanted == "open" and above not in ("system", *_COVERED)
        shuts = wanted in _SHUT and above in (*_SHUT, *_COVERED)
        if not opens and not shuts and not (wanted == "hidden" and above in _COVERED):
            mounts[path] = asked[path]
    for path in layout.program:
        if _nearest(path, mounts, itself=True) not in _SHUT:
            mounts[path] = _Mount("readonly")
    for path in _ancestors([path for path, mount in mounts.items() if mount.kind in (*_SHUT, "hidden")]):
        if path not in mounts and _nearest(path, mounts) not in (*_SHUT, *_COVERED):
            mounts[path] = _Mount("pinned")
    canary = f"{layout.folder}/canary"
    mounts |= {canary: _Mount("open"), f"{canary}/ancestor": _Mount("pinned"), f"{canary}/ancestor/kept": _Mount("readonly")}
    mounts[layout.runtime] = _Mount("readonly", layout.gate)
    return mounts


def _depth(path: str) -> int:
    return path.rstrip("/").count("/")


def _nearest(path: str, mounts: dict[str, _Mount], *, itself: bool = False) -> str:
    """The kind of the innermost mount above a path (or on it), "" where it is as it is outside."""
    for place in (*((path,) if itself else ()), *map(str, Path(path).parents)):
        if place in mounts and mounts[place].kind != "pinned":
            return mounts[place].kind
    return ""


def _system() -> list[str]:
    return [os.path.realpath(path) for path in _SYSTEM if os.path.isdir(path)]


def _ancestors(paths: Iterable[str]) -> list[str]:
    """Every folder above these but the root: renamed, it would take the path away."""
    return list({str(parent): None for path in paths for parent in Path(path).parents if str(parent) != "/"})


def prepare(folder: str) -> None:
    """Make the session's own folder with its canary. Raises OSError."""
    kept = Path(folder, "canary", "ancestor", "kept")
    kept.mkdir(mode=0o700, parents=True)
    Path(folder).chmod(0o700)
    (kept / "file").write_text(WITNESS, "utf-8")
    (kept / "file").chmod(0o600)
    for name in ("canary/free", "home", "tmp"):
        Path(folder, name).mkdir(mode=0o700)


WITNESS = "this file was here before the agent\n"


def witness_lives(folder: str) -> str:
    """Looked at from outside: what became of the canary's file after every attempt on it, "" = it is as it was."""
    path = Path(folder, "canary", "ancestor", "kept", "file")
    try:
        stat = path.stat()
        if path.read_text("utf-8") != WITNESS or stat.st_nlink != 1 or stat.st_mode & 0o777 != 0o600:
            return "a protected file was changed from inside"
    except OSError as error:
        return f"a protected file is gone: {error.strerror}"
    return ""


def thrown_away(own: str) -> list[str]:
    """What lies in the throw-away home and temporary folder below a session's `own` folder ("" = none), as `home/...` and
    `tmp/...`: at most `_LISTED` files and `_CHARACTERS` of it.
    """
    found: list[str] = []
    room = _CHARACTERS
    for top in ("home", "tmp") if own else ():
        for folder, names, files in os.walk(f"{own}/{top}"):
            names.sort()
            for name in sorted([*files, *(name for name in names if os.path.islink(f"{folder}/{name}"))]):
                told = legible(os.path.relpath(f"{folder}/{name}", own))
                room -= len(told)
                if len(found) >= _LISTED or room < 0:
                    return [*found, "and more"]
                found.append(told)
    return found


def clear_away(cage: Cage) -> None:
    """Remove the session's own folder, and the placeholders that are still as we made them. Never raises."""
    for path in cage.made:
        _remove_empty(path)
    if cage.folder:
        shutil.rmtree(cage.folder, ignore_errors=True)


def _remove_empty(path: str) -> None:
    try:
        if os.path.isdir(path):
            os.rmdir(path)
        elif Path(path).read_bytes().strip() in (b"", b"{}"):
            os.unlink(path)
    except OSError:
        return  # somebody filled it or took it away: it is theirs


def words(cage: Cage, command: Iterable[str], descriptors: tuple[int, int, int, int, int]) -> list[str]:
    """The command line: bwrap with its options on the first descriptor, our script inside with the four others."""
    options, *others = descriptors
    python = os.path.realpath(sys.executable)
    return [cage.bwrap, "--args", str(options), "--", python, "-I", "-S", str(INSIDE), *map(str, others), *command]
