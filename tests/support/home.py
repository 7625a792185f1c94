"""A controlroom home of a test's own: short (socket paths end at 108 bytes), removed afterwards, and left by every process."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from controlroom.containment import hold
from controlroom.storage import handles as shelf

TAIL = 60  # lines of each log that a failed test shows
WIDTH = 600  # characters of each line


@dataclass
class Home:
    """`path` is CONTROLROOM_HOME; `user` a HOME beside it.

    When the test fails, the ends of `logs` (files and folders) are shown, and what `looks` give at that moment.
    """

    path: Path
    user: Path
    logs: list[Path] = field(default_factory=list)
    looks: list[Callable[[], str]] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """The environment of this process with the homes of the test and nothing of the caller's own controlroom or XDG."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CONTROLROOM_", "PYTEST_"))}
        return {**kept, "HOME": str(self.user), "CONTROLROOM_HOME": str(self.path)}

    def processes(self) -> dict[int, str]:
        """Living processes that name this home in their environment or arguments: pid and command line."""
        mark, found = os.fsencode(self.path.parent), {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            command, environment = _content(entry / "cmdline"), _content(entry / "environ")
            if (mark in command or mark in environment) and not _zombie(entry):
                found[int(entry.name)] = command.replace(b"\0", b" ").decode("utf-8", "replace").strip()
        return found

    def kill_all(self) -> dict[int, str]:
        """Kill what is still there; gives what was."""
        found = self.processes()
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found

    def report(self) -> str:
        """The ends of the logs, for a failed test."""
        files = [file for log in self.logs for file in (sorted(log.rglob("*")) if log.is_dir() else [log]) if file.is_file()]
        parts = [look() for look in self.looks]
        for file in files:
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            parts.append(f"--- {file.name} (last {min(TAIL, len(lines))} of {len(lines)} lines)")
            parts += [line[:WIDTH] for line in lines[-TAIL:]]
        return "\n".join(parts)


def make() -> Home:
    """A fresh home under the temporary folder."""
    top = Path(tempfile.mkdtemp(prefix="cr", dir="/tmp"))
    home = Home(top / "c", top / "u")
    home.path.mkdir(mode=0o700)
    home.user.mkdir(mode=0o700)
    home.logs += [home.path / "state" / "daemon.log", home.path / "state" / "journal"]
    return home


def remove(home: Home) -> None:
    """Take the home away, and the control groups of sessions that no daemon of it will come to see the end of."""
    with contextlib.suppress(OSError):
        for handle in shelf.scan(home.path / "state" / "agents").handles:
            hold.kill(handle)
            hold.clear(handle)
    shutil.rmtree(home.path.parent, ignore_errors=True)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # gone meanwhile, or not ours to read
        return b""


def _zombie(entry: Path) -> bool:
    return b") Z " in _content(entry / "stat")
