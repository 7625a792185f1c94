"""What a decoder of an agent's own log must offer, and what all of them share. The next agent is one more file.

Formats drift with every version: a field may be missing, new, or of another type. So nothing here trusts a shape: what is not
as expected reads as absent, and a line that no decoder knows is kept raw as `Unknown`.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec

from controlroom.model.told import Told, Unknown

MOST_RAW = 2048  # bytes of what is not known that are kept
MOST_TEXT = 16 * 1024  # characters of one text
MOST_ID = 256
MOST_PATH = 4096
_LATEST = 1 << 62  # ns; a later time is not believed
_PATHS = ("file_path", "notebook_path", "path", "absolute_path", "dir_path")
_PATCHED = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.+)$", re.MULTILINE)
MOST_FILES = 64


class Heard(NamedTuple):
    """One thing told, with the time as the agent wrote it beside it (`moment` reads it) and the subagent that it names."""

    told: Told
    claimed: object = None
    subagent: str = ""


class Where(NamedTuple):
    """What is known of an agent that runs: its home, its working folder (real), and its environment."""

    home: str
    cwd: str
    env: Mapping[str, str]


class Reader(Protocol):
    """Reads one log, line by line; what an earlier line told may change what a later one means."""

    def read(self, line: bytes) -> list[Heard]:
        """What a line tells; [] where it tells nothing that matters. Never raises."""
        ...


class Transcript(Protocol):
    """An agent's logs. A module with these functions is one."""

    def reader(self, path: str) -> Reader:
        """A reader for the log at `path`."""
        ...

    def logs(self, where: Where) -> tuple[str, ...]:
        """Patterns for `glob` of the logs that an agent there may write."""
        ...

    def named(self, where: Where, conversation: str) -> str:
        """The log of a conversation that a hook of an agent there names; "" where hooks name the log itself, or none does."""
        ...

    def fits(self, head: bytes, where: Where) -> bool:
        """Whether a log that begins so can be the one of an agent there."""
        ...

    def side_logs(self, path: str) -> str:
        """A pattern for `glob` of the logs that belong to this one (subagents'); "" where there are none."""
        ...

    def memory(self, path: str, workspace: str, home: str) -> tuple[str, ...]:
        """Patterns for `glob` of the files in which the agent keeps what it knows beyond a session."""
        ...


def text(value: object, key: str, default: str = "") -> str:
    """The string at `key`, whole; `default` where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, str) else default


def name(value: object, key: str) -> str:
    """An id or a short word at `key`."""
    return text(value, key)[:MOST_ID]


def member(value: object, key: str) -> dict[str, object]:
    """The object at `key`, an empty one where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def items(value: object, key: str) -> list[object]:
    """The array at `key`, an empty one where there is none."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def number(value: object, key: str) -> int:
    """The count at `key`; 0 where there is none that can be one."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < _LATEST else 0


def amount(value: object, key: str) -> float | None:
    """The figure at `key`, None where there is none that can be one."""
    found = value.get(key) if isinstance(value, dict) else None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e15 else None


def joined(value: object) -> str:
    """A content as text: a string, or the texts of an array of parts."""
    if isinstance(value, str):
        return value[:MOST_TEXT]
    parts = value if isinstance(value, list) else []
    return "\n".join(text(part, "text") for part in parts if text(part, "text"))[:MOST_TEXT]


def moment(value: object) -> int | None:
    """A time as agents write it, in ns since 1970: ISO 8601, or seconds or milliseconds as a number."""
    if isinstance(value, str):
        try:
            seconds = datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else value
    else:
        return None
    return round(seconds * 1000) * 1_000_000 if 0 <= seconds < _LATEST / 1e9 else None  # no agent writes more than ms


def dumped(value: object) -> str:
    """A value as JSON text; "" for what cannot be told as JSON (half a surrogate pair)."""
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, RecursionError):
        return ""


def unknown(kind: str, raw: bytes | str) -> Unknown:
    """What is not known, its begin kept."""
    data = raw if isinstance(raw, bytes) else raw.encode("utf-8", "backslashreplace")
    return Unknown(kind[:MOST_ID], data[:MOST_RAW].decode("utf-8", "backslashreplace"), max(0, len(data) - MOST_RAW))


def touched(tool_input: str) -> tuple[str, ...]:
    """The files that the input of a tool call names, by the keys and patch headings that agents' own file tools use."""
    try:
        given = msgspec.json.decode(tool_input)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    return tuple(dict.fromkeys(_named(given)))[:MOST_FILES]


def _named(given: object) -> Iterator[str]:
    if isinstance(given, str):
        yield from (found[1].strip() for found in _PATCHED.finditer(given))
    if isinstance(given, dict):
        yield from (found for key in _PATHS if (found := text(given, key)))
        yield from (found[1].strip() for found in _PATCHED.finditer(text(given, "input")))
