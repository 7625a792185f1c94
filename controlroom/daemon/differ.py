"""How a file differs from what it was: before the newest act that saved it, else as git has it. On demand. Blocking."""

import difflib
import os
import stat
import subprocess
from collections.abc import Iterable

from controlroom.model.record import Receipt
from controlroom.model.touched import DiffView
from controlroom.storage.port import Mode
from controlroom.storage.snapshots.manifest import Damaged, Entry, Kind
from controlroom.storage.snapshots.store import Store

MOST = 256 * 1024  # bytes of a file
MOST_LINES = 4_000
GIT_SECONDS = 3.0
# Nothing that a repository's own settings name may run, and nothing is fetched.
GIT = ("git", "-c", "core.fsmonitor=false", "-c", "protocol.allow=never", "-c", "core.hooksPath=/dev/null")
ENVIRONMENT = {
    "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C",
}  # fmt: skip


def compare(path: str, store: Store, receipts: Iterable[Receipt]) -> DiffView:
    """The difference to the version before the newest act that saved it; without one, to git's HEAD. Never raises OSError."""
    try:
        now = _now(path)
    except ValueError as error:
        return DiffView(why=str(error))
    for receipt in receipts:
        if receipt.saved and receipt.saved.seal:
            try:
                entry = _entry(store, receipt, path)
                if entry is not None:
                    return _diff(f"before receipt {receipt.id[:8]}", path, _saved(store, entry), now)
            except (Damaged, OSError, ValueError) as error:
                return DiffView(why=f"the snapshot of receipt {receipt.id[:8]}: {error}")
    old = _git(path)
    if old is None:
        return DiffView(why="no earlier version is known: no act saved it, and git does not have it")
    return _diff("git HEAD", path, old, now)


def _now(path: str) -> bytes | None:
    """What is there, None = nothing. Raises ValueError in words."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("it is no file now")
        if found.st_size > MOST:
            raise ValueError(f"it is over {MOST // 1024} KiB: no diff is made")
        return os.read(descriptor, MOST)
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _entry(store: Store, receipt: Receipt, path: str) -> Entry | None:
    assert receipt.saved is not None  # looked at by the caller
    wanted = os.fsencode(path)
    manifest = store.load(receipt.id, receipt.saved.seal)
    return next((e for e in manifest.entries if e.path == wanted and e.kind in (Kind.FILE, Kind.ABSENT)), None)


def _saved(store: Store, entry: Entry) -> bytes | None:
    if entry.kind is Kind.ABSENT:
        return None
    if entry.size > MOST or len(entry.pieces) > 1:
        raise ValueError(f"what it was is over {MOST // 1024} KiB: no diff is made")
    if not entry.object:
        return b""
    descriptor = store.disk.open(store.path(entry.object), Mode.READ)
    try:
        return store.disk.read(descriptor, entry.stored, entry.at)
    finally:
        store.disk.close(descriptor)


def _git(path: str) -> bytes | None:
    """The file as HEAD has it, None where it has none, or it cannot be told."""
    folder, name = os.path.split(path)
    while folder != "/" and not os.path.isdir(folder):
        folder, above = os.path.split(folder)
        name = f"{above}/{name}"
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", **ENVIRONMENT}
    try:
        done = subprocess.run(
            [*GIT, "-C", folder, "cat-file", "blob", f"HEAD:./{name}"], env=environment, stdin=subprocess.DEVNULL,
            capture_output=True, timeout=GIT_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout[: MOST + 1] if done.returncode == 0 else None


def _diff(against: str, path: str, old: bytes | None, new: bytes | None) -> DiffView:
    if any(side is not None and (len(side) > MOST or b"\0" in side) for side in (old, new)):
        return DiffView(against, why=f"it is no text, or over {MOST // 1024} KiB: no diff is made")
    before, after = (_lines(side) for side in (old, new))
    if max(len(before), len(after)) > MOST_LINES:
        return DiffView(against, why=f"over {MOST_LINES} lines: no diff is made")
    names = (path if old is not None else "/dev/null", path if new is not None else "/dev/null")
    lines = difflib.unified_diff(before, after, *names)
    return DiffView(
        against, "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
    )


def _lines(side: bytes | None) -> list[str]:
    """Lines as git counts them: only at a line feed."""
    parts = (side or b"").decode("utf-8", "backslashreplace").split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
