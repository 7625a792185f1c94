"""What all agents' hooks have in common: one JSON object of claims, of which ids, names and a working folder are taken."""

import json
import re

from controlroom.agents.strict import BadJson, canonical, read_object, text_at

RESERVED = frozenset({"approved", "tier", "decision", "operator", "digest", "verdict"})  # ours: an asker does not decide (A05)
MOST_NAME = 256  # characters of a tool's name, of an id
MOST_NOTE = 500  # characters


def told(payload: bytes) -> dict[str, object]:
    """The object. Unknown keys stay: agents add some with every version. Raises BadJson, also for a key that is ours."""
    found = read_object(payload)
    for key in found:
        if key in RESERVED:
            raise BadJson(f'key "{key}"', "is reserved: an asker does not decide")
    return found


def tool_at(found: dict[str, object], key: str) -> str:
    """The name of a tool. Raises BadJson where there is none."""
    tool = text_at(found, key)
    if not 0 < len(tool) <= MOST_NAME:
        raise BadJson(key, f"must have 1 to {MOST_NAME} characters")
    return tool


def folder_at(found: dict[str, object], key: str) -> str:
    """The working folder. Raises BadJson where it is not told in full."""
    cwd = text_at(found, key)
    if not cwd.startswith("/"):
        raise BadJson(key, "must be an absolute path")
    return cwd


def id_at(found: dict[str, object], key: str) -> str:
    """An id, "" where there is none. Raises BadJson for what cannot be one."""
    name = text_at(found, key, "")
    if len(name) > MOST_NAME:
        raise BadJson(key, f"must have at most {MOST_NAME} characters")
    return name


def answer(value: object) -> bytes:
    """What a hook prints."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def find(ends: bytes, key: str) -> str:
    """The one value of `key` in a piece of JSON; "" where there is none, or several that differ (one would be a fake)."""
    # A quote inside a JSON string is escaped, so this matches keys and values only, never text within a string.
    pattern = rb'(?<!\\)"' + key.encode() + rb'"\s{0,8}:\s{0,8}"([A-Za-z0-9_.:-]{1,128})"'
    found = set(re.findall(pattern, ends))
    return found.pop().decode("ascii") if len(found) == 1 else ""


def find_object(ends: bytes, key: str) -> str:
    """The first object at `key` in a piece of JSON, as canonical JSON; "" where none is whole."""
    where = re.search(rb'(?<!\\)"' + key.encode() + rb'"\s{0,8}:\s{0,8}(?=\{)', ends)
    if where is None:
        return ""
    try:
        value, _ = json.JSONDecoder().raw_decode(ends[where.end() :].decode("utf-8", "replace"))
        return canonical(value)
    except (ValueError, RecursionError):  # cut off, or a number that JSON has not
        return ""
