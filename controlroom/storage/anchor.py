"""Anchors: the head of the journal, written down where whoever changes the journal cannot reach (J10, J11).

A place is `file:/absolute/path` (a line is appended; a mounted stick, another machine's share), `git:/absolute/repository` (a
note in refs/notes/controlroom on its HEAD commit; push it) or `syslog` (which journald keeps, too).
"""

import os
import socket
import subprocess
import syslog
from pathlib import Path

import msgspec

from controlroom.storage.notes import Anchored

_NOTES = "refs/notes/controlroom"
# No hook of the repository is run, and the note is ours, whoever else may write there (or nobody: no identity is needed).
_SETTINGS = ("-c", "core.hooksPath=/dev/null", "-c", "user.name=controlroom", "-c", "user.email=controlroom@localhost")
_LIMIT = 64 << 20  # bytes of anchors that are read back
_GIT_SECONDS = 20.0


class BadPlace(Exception):
    """The place cannot be written to or read; the text says which and what to do."""


class Written(msgspec.Struct, frozen=True):
    """One line of an anchor: record `seq` had this `sum` at `wall` (ns since the epoch) on `host`."""

    seq: int
    sum: str
    wall: int
    host: str
    v: int = 1


def anchor(place: str, head: Anchored, wall: int) -> None:
    """Write the head down. Blocking. Raises BadPlace, OSError."""
    line = msgspec.json.encode(Written(head.seq, head.sum, wall, socket.gethostname())).decode()
    kind, _, where = place.partition(":")
    match kind:
        case "file":
            _to_file(_absolute(place, where), line)
        case "git":
            _git(_absolute(place, where), "notes", f"--ref={_NOTES}", "append", "-m", line, "HEAD")
        case "syslog" if not where:
            syslog.openlog("controlroom", syslog.LOG_PID, syslog.LOG_USER)
            syslog.syslog(syslog.LOG_NOTICE, f"journal head {line}")
        case _:
            raise BadPlace(f"{place!r} is no place for an anchor; name file:/PATH, git:/REPOSITORY or syslog")


def anchors(place: str) -> tuple[Anchored, ...]:
    """What was written down, at least one, at a `file:` or `git:` place (a bare path is a file). Raises BadPlace, OSError."""
    kind, _, where = place.partition(":")
    if kind == "syslog":
        raise BadPlace(f"{place!r} cannot be read back; copy its lines into a file, and name that")
    if kind == "git":
        text = _notes(_absolute(place, where))
    else:
        path = Path(where if kind == "file" else place)
        if path.stat().st_size > _LIMIT:
            raise BadPlace(f"{place} is over {_LIMIT} bytes; give the newest lines in a file of their own")
        text = path.read_text(encoding="utf-8", errors="replace")
    found = tuple(_read(place, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
    if not found:
        raise BadPlace(f"{place} holds no head of a journal yet")
    return found


def _read(place: str, number: int, line: str) -> Anchored:
    begin = line.find("{")  # a line copied from the system log has words before it
    try:
        written = msgspec.json.decode(line[max(begin, 0) :], type=Written)
    except msgspec.MsgspecError as error:
        raise BadPlace(f"{place}, line {number}: not an anchor: {error}") from error
    return Anchored(place, written.seq, written.sum)


def _absolute(place: str, where: str) -> Path:
    if not where.startswith("/"):
        raise BadPlace(f"{place!r}: the path must be absolute")
    return Path(where)


def _to_file(path: Path, line: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, line.encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


def _notes(repository: Path) -> str:
    """All of them: each stands at the commit that was the newest then."""
    listed = _git(repository, "notes", f"--ref={_NOTES}", "list").split()
    return _git(repository, "show", *dict.fromkeys(listed[::2])) if listed else ""


def _git(repository: Path, *words: str) -> str:
    command = ["git", "-C", str(repository), *_SETTINGS, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadPlace(f"git in {repository}: {error}") from error
    if done.returncode:
        raise BadPlace(f"git in {repository}: {done.stderr.strip()[:300]}")
    return done.stdout
