"""Which logs a session has, kept beside its handle: so that `logs` finds them when the session or the daemon is gone."""

import os
from pathlib import Path

import msgspec

from controlroom.model.view import LogSource
from controlroom.storage.files import TEMPORARY, read_small, replace

MOST = 100  # sessions whose logs are remembered; over that the oldest go, with the recordings of their terminals
_SUFFIX = ".logs"
_TERMINAL = ".log"
_LIMIT = 256 * 1024  # bytes


class Listed(msgspec.Struct, frozen=True):
    """A session and its logs, as they were known last. `kind`: of the agent that writes its transcript. `opened`: when,
    ns since 1970, 0 = not known.
    """

    session: str
    name: str
    kind: str
    logs: tuple[LogSource, ...]
    opened: int = 0


def terminal(agents_dir: Path, session: str) -> Path:
    """Where the output of a launched session's terminal is recorded; the older half of it is at `.1`."""
    return agents_dir / f"{session}{_TERMINAL}"


def save(agents_dir: Path, listed: Listed) -> None:
    """Keep it in place of what was known before. Raises OSError."""
    replace(agents_dir / f"{listed.session}{_SUFFIX}", msgspec.json.encode(listed))


def load(agents_dir: Path) -> tuple[list[Listed], list[str]]:
    """All that are kept, the newest last; and what cannot be read, in words. Raises OSError for the folder itself."""
    found, wrong = [], []
    for path in _oldest_first(agents_dir):
        try:
            found.append(msgspec.json.decode(read_small(path, _LIMIT), type=Listed))
        except FileNotFoundError:
            continue  # swept meanwhile
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            wrong.append(f"{path}: {error}")
    return found, wrong


def sweep(agents_dir: Path, alive: frozenset[str]) -> None:
    """Forget the oldest over MOST, never one that is alive. Raises OSError."""
    old = [path for path in _oldest_first(agents_dir) if path.stem not in alive]
    for path in old[: max(0, len(old) - MOST)]:
        terminal_log = terminal(agents_dir, path.stem)
        for gone in (path, terminal_log, Path(f"{terminal_log}.1")):
            gone.unlink(missing_ok=True)


def _oldest_first(agents_dir: Path) -> list[Path]:
    try:
        with os.scandir(agents_dir) as entries:
            kept = [e for e in entries if e.name.endswith(_SUFFIX) and not e.name.startswith(TEMPORARY)]
            return [Path(e.path) for e in sorted(kept, key=lambda e: e.stat(follow_symlinks=False).st_mtime_ns)]
    except FileNotFoundError:
        return []
