"""The key of redacted secrets, and of digests over texts that may hold one: the same secret has the same mark in all journals
of this installation (J18).

A mark is a short keyed digest. Without the key, which never leaves the state folder, nobody can try guesses against an
exported journal; with the journal alone two marks can still be seen to be equal.
"""

import contextlib
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from controlroom.storage.files import TEMPORARY, read_small, remove, replace
from controlroom.storage.paths import Insecure
from controlroom.text.redact import DIGITS

NAME = "redaction-key"
SIZE = 32  # bytes


def marks(state: Path) -> Callable[[str], str]:
    """The digest of a secret under this installation's key, which is made where there is none. Raises Insecure, OSError."""
    key = _key(state / NAME)
    return lambda secret: hmac.new(key, secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:DIGITS]


def digest_key(state: Path) -> bytes:
    """The key of the digests of requests: made of the same one, and of no use for marks. Raises Insecure, OSError."""
    return hmac.digest(_key(state / NAME), b"controlroom request digest", "sha256")


def _key(path: Path) -> bytes:
    try:
        found = read_small(path, SIZE)
    except FileNotFoundError:
        _make(path)
        found = read_small(path, SIZE)
    mode = stat.S_IMODE(path.lstat().st_mode)
    if len(found) != SIZE or mode & 0o077:
        why = f"mode {mode:04o}, not 0600" if mode & 0o077 else f"{len(found)} bytes, not {SIZE}"
        raise Insecure(str(path), f"{why}. Take it away: a new key is made, and marks of before are no longer comparable")
    return found


def _make(path: Path) -> None:
    """A whole key, unless somebody was faster: a second daemon that starts must not take the first one's key away."""
    fresh = path.with_name(f"{TEMPORARY}{NAME}-{secrets.token_hex(8)}")
    replace(fresh, secrets.token_bytes(SIZE))
    try:
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
    finally:
        remove(fresh)
