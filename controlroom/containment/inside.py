"""The first program inside a sandbox: `python -I -S inside.py STATUS GO ERRORS CHECKS COMMAND...`, each a descriptor.

Stands alone (standard library). It tries to break out of the sandbox in every way that we know, gives up what it can with
Landlock, writes `+` and one line of JSON with what does not hold, waits for a byte, and becomes the agent's command with the
environment that it was started with. As a failure to do so it writes `{"stage", "number", "text"}`.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

Checks = dict[str, Any]  # cage.Checks as JSON
CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
MS_REMOUNT, MS_BIND, MS_MOVE, MNT_DETACH = 32, 4096, 8192, 2
LANDLOCK = {"x86_64": (444, 446), "aarch64": (444, 446)}  # landlock_create_ruleset, landlock_restrict_self
SCOPES = 3  # abstract Unix sockets, signals: ABI 6
MOST = 1 << 22  # bytes of checks
libc = ctypes.CDLL(None, use_errno=True)
_tried: list[str] = []  # attempts that failed, as they have to


class Broken(Exception):
    """A wall that does not stand; the text names it."""


def refused(what: str, act: Callable[..., object], *arguments: object) -> None:
    """Run an attempt that has to fail; whatever it changed is the witness file's to tell. Raises Broken if it did not fail."""
    try:
        act(*arguments)
    except OSError:
        _tried.append(what)
        return
    raise Broken(what)


def call(function: Callable[..., int], *arguments: object) -> None:
    """A C function that gives -1 and errno. Raises OSError."""
    if function(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def mount(source: str, target: str, flags: int) -> None:
    call(libc.mount, os.fsencode(source), os.fsencode(target), None, ctypes.c_ulong(flags), None)


def umount(target: str) -> None:
    call(libc.umount2, os.fsencode(target), MNT_DETACH)


def opened(path: str, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def map_shared(path: str) -> None:
    descriptor = os.open(path, os.O_RDWR)
    with mmap.mmap(descriptor, 4) as memory:
        memory[:4] = b"gone"


def attack_files(canary: str) -> None:
    """Everything that destroys or changes a file, on the witness."""
    kept, free = canary + "/ancestor/kept", canary + "/free"
    file = kept + "/file"
    refused("a protected file can be written", opened, file, os.O_WRONLY)
    refused("a protected file can be appended to", opened, file, os.O_WRONLY | os.O_APPEND)
    refused("a protected file can be truncated", os.truncate, file, 0)
    refused("a protected file can be mapped and written", map_shared, file)
    refused("a protected file can be removed", os.unlink, file)
    refused("a protected file can be renamed", os.rename, file, kept + "/other")
    refused("a protected file can be moved out", os.rename, file, free + "/moved")
    refused("a protected file can be replaced", os.rename, _new(free + "/new"), file)
    refused("a protected file can be linked elsewhere", os.link, file, free + "/link")
    refused("the mode of a protected file can be changed", os.chmod, file, 0o777)
    refused("the times of a protected file can be changed", os.utime, file, (0, 0))
    refused("a file can be put into a protected folder", opened, kept + "/new", os.O_WRONLY | os.O_CREAT)
    refused("a protected folder can be renamed", os.rename, kept, free + "/kept")
    refused("the folder above a protected one can be renamed", os.rename, canary + "/ancestor", free + "/ancestor")
    os.symlink(file, free + "/symlink")
    refused("a protected file can be written through a link", opened, free + "/symlink", os.O_WRONLY)
    refused("a protected file can be written through /proc", opened, "/proc/self/root" + file, os.O_WRONLY)


def _new(path: str) -> str:
    opened(path, os.O_WRONLY | os.O_CREAT)
    return path


def attack_mounts(canary: str) -> None:
    """Take the walls down, from where we are and from a user namespace below."""
    kept = canary + "/ancestor/kept"
    refused("a wall can be remounted writable", mount, kept, kept, MS_REMOUNT | MS_BIND)
    refused("a wall can be unmounted", umount, kept)
    refused("a wall can be moved away", mount, kept, canary + "/free", MS_MOVE)
    refused("the mounts of init can be entered", enter, "/proc/1/ns/mnt")
    pid = os.fork()
    if pid == 0:
        os._exit(nested(kept))
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        raise Broken("a wall can be taken down in a user namespace below")


def enter(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        call(libc.setns, descriptor, 0)
    finally:
        os.close(descriptor)


def nested(kept: str) -> int:
    """0 when a new user namespace, if it can be had, does not help against the wall."""
    uid, gid = os.getuid(), os.getgid()
    try:
        call(libc.unshare, CLONE_NEWUSER | CLONE_NEWNS)
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            try:
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
            except OSError:
                pass  # without its map it is only weaker
    except OSError:
        return 0
    try:
        refused("remounted", mount, kept, kept, MS_REMOUNT | MS_BIND)
        refused("unmounted", umount, kept)
        refused("written", opened, kept + "/file", os.O_WRONLY)
    except Broken:
        return 1
    return 0


def check_process(checks: Checks) -> None:
    """What the kernel says of this process."""
    if os.readlink("/proc/self/ns/pid") == checks["outer"] or os.getpid() > 1000:
        raise Broken("no PID namespace of its own")
    if not checks["enforced"]:
        return
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        if int(status[name], 16):
            raise Broken(f"capabilities are left ({name} {status[name].strip()})")
    if status["NoNewPrivs"].strip() != "1":
        raise Broken("set-uid programs can still gain privileges")
    if not checks["network"] and [name for _, name in socket.if_nameindex() if name != "lo"]:
        raise Broken("it has a network")


def check_paths(checks: Checks) -> None:
    """Each wall by itself: read-only as the kernel tells, pinned as a mount, hidden as empty."""
    for path in checks["readonly"]:
        if not os.statvfs(path).f_flag & os.ST_RDONLY:
            raise Broken(f"{path} is not read-only")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        points = {unescape(line.split(" ")[4]) for line in file}
    for path in checks["pinned"]:
        if path not in points:
            raise Broken(f"{path} is not pinned, so it can be renamed with what is in it")
    for path in checks["hidden"]:
        if path != checks["gate"] and path not in points:
            raise Broken(f"{path} is not hidden")
    for path in checks["writable"]:
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            raise Broken(f"{path} cannot be written, so no work is possible")


def unescape(field: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, char)
    return field


def check_gate(folder: str) -> None:
    """The gate answers in here, and nobody else of ours does."""
    if not folder:
        return
    others = set(os.listdir(folder)) - {"gate.sock", "latch"}
    if others:
        raise Broken(f"{folder} shows {', '.join(sorted(others))}")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(2)
        try:
            sock.connect(folder + "/gate.sock")
        except OSError as error:
            raise Broken(f"the gate cannot be reached: {error.strerror or error}") from None


def scope() -> list[str]:
    """Landlock: no signal and no abstract socket leaves the sandbox. A note where the kernel cannot."""
    numbers = LANDLOCK.get(os.uname().machine)
    if numbers is None:
        return [f"no Landlock scopes: unknown machine {os.uname().machine}"]
    create, restrict = numbers
    version = libc.syscall(create, None, 0, 1)
    if version < 6:
        return [f"no Landlock scopes: this kernel has ABI {max(version, 0)}, they came with 6"]
    attributes = (ctypes.c_uint64 * 3)(0, 0, SCOPES)
    ruleset = libc.syscall(create, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    if ruleset < 0 or libc.syscall(restrict, ruleset, 0) != 0:
        return [f"no Landlock scopes: {os.strerror(ctypes.get_errno())}"]
    os.close(ruleset)
    return []


def look(checks: Checks) -> list[str]:
    """All checks, each on its own; what does not hold."""
    broken = []
    parts: list[tuple[Callable[[Any], None], object]] = [(check_process, checks)]
    if checks["enforced"]:
        parts += [(attack_files, checks["canary"]), (attack_mounts, checks["canary"])]
        parts += [(check_paths, checks), (check_gate, checks["gate"])]
    for part, argument in parts:
        try:
            part(argument)
        except Broken as error:
            broken.append(str(error))
        except OSError as error:
            broken.append(f"{part.__name__} failed: {error}")
    return broken


def stands(checks: Checks, notes: list[str]) -> list[str]:
    """What was found true, for people; only where nothing is broken."""
    found = [f"{len(_tried)} attempts to change, move or uncover a protected file failed, as they must"]
    found.append(f"{len(checks['readonly'])} places are read-only by the kernel's word, {len(checks['pinned'])} folders pinned")
    found.append(f"{len(checks['hidden'])} places are hidden")
    found.append("no capability is left, and set-uid programs gain nothing")
    found += ["it has no network"] if not checks["network"] else []
    found += ["the gate answers inside, and no other socket of ours is there"] if checks["gate"] else []
    found += ["no signal and no abstract socket leaves it"] if not notes else []
    return found


def environment() -> dict[bytes, bytes]:
    """The environment as it was handed over, before the interpreter could add to it."""
    with open("/proc/self/environ", "rb") as file:
        return dict(entry.split(b"=", 1) for entry in file.read().split(b"\0") if b"=" in entry)


def main(words: list[str]) -> None:
    status, go, errors, source = map(int, words[:4])
    command = words[4:]
    stage = "walls"
    try:
        env = environment()
        os.dup2(errors, 2)
        os.close(errors)
        checks = json.loads(os.pread(source, MOST, 0))
        os.close(source)
        for descriptor in (status, go):
            os.set_inheritable(descriptor, False)
        broken = look(checks)
        notes = scope() if checks["enforced"] and not broken else []
        held = stands(checks, notes) if checks["enforced"] and not broken else []
        os.write(status, b"+" + json.dumps({"broken": broken, "notes": notes, "held": held}).encode() + b"\n")
        if os.read(go, 1) == b"":
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        stage = "exec"
        os.execvpe(command[0], command, env)
    except OSError as error:
        failure = {"stage": stage, "number": error.errno or errno.EIO, "text": error.strerror or str(error)}
        os.write(status, json.dumps(failure).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(125)
