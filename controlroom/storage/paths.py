"""Where everything of ours lies, and whether those folders are safe to trust (J14)."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

SOCKET_PATH = 107  # bytes that the path of a socket may have (unix(7): 108 with the NUL)
LONGEST_SOCKET = 21  # bytes of the longest name of one of ours: a session's, 16 digits and ".shim"


class Insecure(Exception):
    """A folder of ours cannot be trusted. `component` is the part of the path at fault, `why` says what and what to do."""

    def __init__(self, component: str, why: str) -> None:
        super().__init__(f"{component}: {why}")
        self.component = component
        self.why = why


class Places(msgspec.Struct, frozen=True):
    """The three folders, all absolute; `runtime` is the state folder where the system has no runtime folder."""

    config: Path
    state: Path
    runtime: Path

    @property
    def gate_sock(self) -> Path:
        """Where agents' hooks ask."""
        return self.runtime / "gate.sock"

    @property
    def operator_sock(self) -> Path:
        """Where operators decide."""
        return self.runtime / "operator.sock"

    @property
    def latch(self) -> Path:
        """The latch file that survives a reboot."""
        return self.state / "latch"

    @property
    def gate_latch(self) -> Path:
        """The copy of the latch that hooks look at, beside gate.sock; the same file where there is no runtime folder."""
        return self.runtime / "latch"

    @property
    def inner(self) -> Path:
        """What a session behind walls sees in the place of `runtime`: gate.sock and the hooks' latch, nothing else."""
        return self.runtime / "gate"

    @property
    def journal(self) -> Path:
        """The journal's folder."""
        return self.state / "journal"

    @property
    def snapshots(self) -> Path:
        """The pre-images of what acts could destroy."""
        return self.state / "snapshots"

    @property
    def agents(self) -> Path:
        """The handles of sessions, one file each."""
        return self.state / "agents"


def places(env: Mapping[str, str]) -> Places:
    """The folders that `env` asks for: CONTROLROOM_HOME moves all, else the XDG variables, else below HOME.

    Relative XDG values are ignored, as the XDG base directory specification demands. Raises Insecure where
    CONTROLROOM_HOME is relative or no absolute HOME is set.
    """
    moved = env.get("CONTROLROOM_HOME", "")
    if moved:
        base = _absolute("CONTROLROOM_HOME", moved)
        return Places(base / "config", base / "state", base / "run")
    config = _xdg(env, "XDG_CONFIG_HOME", ".config") / "controlroom"
    state = _xdg(env, "XDG_STATE_HOME", ".local/state") / "controlroom"
    runtime = env.get("XDG_RUNTIME_DIR", "")
    return Places(config, state, Path(runtime) / "controlroom" if os.path.isabs(runtime) else state)


def operator() -> str:
    """What the person whose uid we have is called in records; by number where no name is known."""
    import pwd  # only here: the start of every other command

    try:
        return f"operator:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"operator:{os.getuid()}"


def _xdg(env: Mapping[str, str], name: str, below_home: str) -> Path:
    value = env.get(name, "")
    if os.path.isabs(value):
        return Path(value)
    return _absolute("HOME", env.get("HOME", "")) / below_home


def _absolute(name: str, value: str) -> Path:
    if not os.path.isabs(value):
        raise Insecure(name, f"is {value!r}; set it to an absolute path")
    return Path(os.path.normpath(value))


def secure_dir(path: Path) -> None:
    """Make sure that `path` is a folder that only we can reach or replace; creates it (and missing parents) with 0700.

    Refused: a last component that is a symlink, not a folder, not ours or open to others; any parent (as written, and
    as it resolves) that another user owns, or that others may write to and that is not root's with the sticky bit.
    Raises Insecure, which names the component; OSError where the system itself refuses.
    """
    if not path.is_absolute() or ".." in path.parts:
        raise Insecure(str(path), "must be an absolute path without '..'")
    _create(path)
    seen: set[Path] = set()
    for parent in [*path.parents, *Path(os.path.realpath(path.parent)).joinpath("x").parents]:
        if parent not in seen:
            seen.add(parent)
            _check_parent(parent)
    _check_own(path)


def room_for_sockets(runtime: Path) -> None:
    """Raises Insecure where the sockets in `runtime` would have longer paths than the kernel takes, or such that no hook's
    command line can name them.
    """
    if not str(runtime).isprintable():
        raise Insecure(
            str(runtime), "holds what cannot be printed, so no hook can be told of it; set CONTROLROOM_HOME to another"
        )
    most, has = SOCKET_PATH - LONGEST_SOCKET - 1, len(os.fsencode(runtime))
    if has > most:
        cure = "set CONTROLROOM_HOME or XDG_RUNTIME_DIR to a shorter one"
        raise Insecure(str(runtime), f"is {has} bytes long, and a folder of sockets {most} at most; {cure}")


def _create(path: Path) -> None:
    missing: list[Path] = []
    probe = path
    while not os.path.lexists(probe):
        missing.append(probe)
        probe = probe.parent
    for folder in reversed(missing):
        # Before anything is made in it: a folder made below a parent that others can swap would be theirs.
        _check_parent(folder.parent)
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            continue  # another process of ours was first; what it made is checked like anything else
        except NotADirectoryError:
            raise Insecure(str(folder.parent), "is not a folder; move it away") from None
        os.chmod(folder, 0o700)
        sync_dir(folder.parent)


def _check_parent(parent: Path) -> None:
    try:
        found = os.lstat(parent)
    except (FileNotFoundError, NotADirectoryError):
        raise Insecure(str(parent), "is a broken link or lies below something that is not a folder; repair it") from None
    if found.st_uid not in (0, os.geteuid()):
        raise Insecure(str(parent), f"belongs to uid {found.st_uid}, who could replace what is below; choose another folder")
    if stat.S_ISLNK(found.st_mode):
        return  # its owner is root or us, and where it leads is checked as the resolved path
    open_to_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    sticky_root = found.st_uid == 0 and found.st_mode & stat.S_ISVTX
    if open_to_others and not sticky_root:
        mode = stat.S_IMODE(found.st_mode)
        raise Insecure(str(parent), f"can be written by others (mode {mode:04o}); run: chmod go-w {parent}")


def _check_own(path: Path) -> None:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        raise Insecure(str(path), "is a symbolic link; make it a real folder")
    if not stat.S_ISDIR(found.st_mode):
        raise Insecure(str(path), "is not a folder; move it away")
    if found.st_uid != os.geteuid():
        raise Insecure(
            str(path), f"belongs to uid {found.st_uid}, not to you (uid {os.geteuid()}); remove it or change its owner"
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise Insecure(str(path), f"is open to others (mode {mode:04o}); run: chmod 700 {path}")


def sync_dir(path: Path) -> None:
    """Make the names in a folder durable (a new or renamed file is not, before this). Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
