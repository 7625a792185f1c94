"""Whether a call ran with the input that was approved: the gate's input beside what a log or a hook says afterwards.

Measured on Claude Code 2.1.330: a hook of others may rewrite the input after ours has judged it. Its log goes on telling the
model's own words (a path relative or with ~); what PostToolUse tells is what ran.
"""

import os.path

import msgspec

from controlroom.model.action import Action

MOST_SHOWN = 200  # characters of each of two values that differ
_PATHS = frozenset(("file_path", "notebook_path", "path"))
_ABSENT: tuple[object, ...] = (None, False, "", [], {})


def difference(approved: Action, tool: str, told: str, home: str, *, partial: bool = False) -> str:
    """What is not as approved, in words; "" = all is. `told`: the other input as JSON text, "" = that is not told. `partial`:
    the gate was told a part of the input only, and what it was not told is not compared.
    """
    if tool and tool != approved.tool:
        return f"the tool is {tool}, approved was {approved.tool}"
    if not told:
        return ""
    try:
        wanted, found = msgspec.json.decode(approved.input), msgspec.json.decode(told)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "its input cannot be read"
    if not isinstance(wanted, dict) or not isinstance(found, dict):
        return "" if wanted == found else "its input is of another shape"
    wanted, found = _plain(wanted, approved.cwd, home), _plain(found, approved.cwd, home)
    for key in sorted(wanted if partial else wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            return f"{key} is {_shown(found, key)}, approved was {_shown(wanted, key)}"
    return ""


def _plain(given: dict[str, object], cwd: str, home: str) -> dict[str, object]:
    """Without what means the same as nothing, and with paths in full: agents fill both in on their way."""
    kept = {key: value for key, value in given.items() if not any(type(value) is type(no) and value == no for no in _ABSENT)}
    return {key: _full(value, cwd, home) if key in _PATHS and isinstance(value, str) else value for key, value in kept.items()}


def _full(path: str, cwd: str, home: str) -> str:
    if path == "~" or path.startswith("~/"):
        path = home + path[1:]
    return os.path.normpath(os.path.join(cwd, path))


def _shown(given: dict[str, object], key: str) -> str:
    if key not in given:
        return "not there"
    value = given[key]
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"{text[:MOST_SHOWN]!r}" + ("..." if len(text) > MOST_SHOWN else "")
