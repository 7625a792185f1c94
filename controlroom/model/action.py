"""An action: one thing an agent wants to do, and the exact files that what was judged is bound to."""

import msgspec


class Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One wish of an agent.

    `tool` is the agent's own name for it (`Bash`, `Write`, `mcp__db__query`), `input` the tool input as canonical JSON
    text (keys sorted, no white space, no duplicate key), `cwd` an absolute path.
    """

    tool: str
    input: str
    cwd: str


class FileId(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which file a path meant at a moment: the path as judged, where it resolves to, and what is there.

    `dev` and `ino` are 0 where nothing is. `sha256` (hex) is of the content for executables, scripts and other files whose
    content is run or applied; "" for directories and for targets, which may change their content.
    """

    path: str
    real: str
    dev: int
    ino: int
    sha256: str = ""


class Binding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a decision is tied to besides the action's own text; looked at again at release (A07, A08, A09)."""

    cwd: FileId
    executables: tuple[FileId, ...] = ()
    operands: tuple[FileId, ...] = ()
    targets: tuple[FileId, ...] = ()


class _Subject(msgspec.Struct, frozen=True):
    version: int
    action: Action
    binding: Binding


def digest_of(action: Action, binding: Binding, key: bytes = b"") -> str:
    """HMAC-SHA256 (64 hex digits) over the action and its binding, as JSON of fixed field order without floats.

    `key` is the installation's: the journal keeps the digest and the action without its secrets, and whoever could make the
    digest could try guesses for them (J18).
    """
    import hmac  # only the daemon: a room starts without it

    return hmac.digest(key, msgspec.json.encode(_Subject(1, action, binding)), "sha256").hex()
