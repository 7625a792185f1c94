"""The handles of sessions on disk: how a stop takes hold of an agent with the daemon dead."""

import os
import re
from pathlib import Path

import msgspec

from controlroom.model.agent import Handle
from controlroom.storage.files import TEMPORARY, read_small, remove, replace

_SUFFIX = ".json"
_LIMIT = 64 * 1024  # bytes
_SESSION = re.compile(r"[A-Za-z0-9_-]{1,128}")


class Found(msgspec.Struct, frozen=True):
    """What lies in the folder: the handles, and each file that is none with the reason."""

    handles: tuple[Handle, ...]
    unreadable: tuple[str, ...]


def save(agents_dir: Path, handle: Handle) -> None:
    """Keep a handle, durably, in place of an earlier one of the same session. Raises ValueError for a session id that
    cannot be a file name, OSError.
    """
    replace(_path(agents_dir, handle.session), msgspec.json.encode(handle) + b"\n")


def scan(agents_dir: Path) -> Found:
    """All handles, by session id; a file that cannot be read hides none of the others. A missing folder holds none.

    Raises OSError where the folder itself cannot be listed.
    """
    handles, unreadable = [], []
    try:
        names = sorted(os.listdir(agents_dir))
    except FileNotFoundError:
        return Found((), ())
    for name in names:
        path = agents_dir / name
        if name.startswith(TEMPORARY) or not name.endswith(_SUFFIX):
            continue
        try:
            handle = msgspec.json.decode(read_small(path, _LIMIT), type=Handle)
        except FileNotFoundError:
            continue  # its session ended while we looked
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            unreadable.append(f"{path}: {error}")
            continue
        if handle.session + _SUFFIX != name:
            unreadable.append(f"{path}: names session {handle.session!r}, not its own file name")
            continue
        handles.append(handle)
    return Found(tuple(handles), tuple(unreadable))


def load_all(agents_dir: Path) -> list[Handle]:
    """The readable handles; `scan` also tells which files are not. Raises OSError."""
    return list(scan(agents_dir).handles)


def thrown(agents_dir: Path, session: str) -> tuple[str, ...]:
    """What its shim has left word of, () where it has not, or the handle cannot be read."""
    try:
        return msgspec.json.decode(read_small(_path(agents_dir, session), _LIMIT), type=Handle).thrown
    except (OSError, ValueError, msgspec.MsgspecError):
        return ()


def drop(agents_dir: Path, session: str) -> None:
    """Forget a session, durably; nothing happens where it is unknown. Raises ValueError as `save` does, OSError."""
    remove(_path(agents_dir, session))


def _path(agents_dir: Path, session: str) -> Path:
    if not _SESSION.fullmatch(session):
        raise ValueError(f"session id {session!r} cannot be a file name; use letters, digits, '_' and '-'")
    return agents_dir / f"{session}{_SUFFIX}"
