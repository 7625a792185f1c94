"""A strict reader of JSON that others wrote: what it lets through means the same to every reader (G08)."""

import json
import math
from typing import NoReturn

MOST_BYTES = 1 << 20
MOST_DEPTH = 32


class BadJson(ValueError):
    """JSON that is not read. `where` is the place (line and column, byte, or key), `what` says what is wrong there."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what


def read(data: bytes, limit: int = MOST_BYTES) -> object:
    """The value that `data` holds.

    Raises BadJson for more than `limit` bytes, text that is not UTF-8 (also a byte order mark), anything that is not JSON
    (NaN and Infinity included), a number too large for a double, a duplicate key, more than 32 levels, a NUL or a lone
    surrogate in a string or key.
    """
    if len(data) > limit:
        raise BadJson(f"byte {limit}", f"the message has {len(data)} bytes; at most {limit} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise BadJson(f"byte {e.start}", "is not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int)
    except json.JSONDecodeError as e:
        raise BadJson(f"line {e.lineno} column {e.colno}", f"is not JSON: {e.msg}") from None
    except RecursionError:
        raise BadJson("somewhere", f"has more than {MOST_DEPTH} levels") from None
    _check(value)
    return value


def read_object(data: bytes, limit: int = MOST_BYTES) -> dict[str, object]:
    """As `read`, for data that must hold an object at its top. Raises BadJson."""
    value = read(data, limit)
    if not isinstance(value, dict):
        raise BadJson("line 1 column 1", f"must be an object, not {_name(value)}")
    return value


def canonical(value: object) -> str:
    """JSON text with sorted keys and no white space: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def text_at(value: dict[str, object], key: str, default: str | None = None) -> str:
    """The string at `key`; `default` where it is absent or null. Raises BadJson for other types, or where it has no default."""
    found = value.get(key)
    if isinstance(found, str):
        return found
    if found is None and default is not None:
        return default
    raise BadJson(key, "is missing" if found is None else f"must be a string, not {_name(found)}")


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise BadJson(f"key {_quoted(key)}", "occurs twice in one object")
        found[key] = value
    return found


def _constant(name: str) -> NoReturn:
    raise BadJson("a number", f"{name} is not JSON")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BadJson("a number", f"{text[:40]} is too large")
    return value


def _int(text: str) -> int:
    if len(text) > 309:  # the digits of the largest double: beyond it other readers see infinity
        raise BadJson("a number", f"{text[:40]}... is too large")
    return int(text)


def _check(top: object) -> None:
    """Depth, NUL and surrogates, without recursion."""
    waiting: list[tuple[object, int, str]] = [(top, 1, "the top")]
    while waiting:
        value, depth, where = waiting.pop()
        if isinstance(value, str):
            _check_text(value, where)
        elif isinstance(value, dict | list):
            if depth > MOST_DEPTH:
                raise BadJson(where, f"has more than {MOST_DEPTH} levels")
            if isinstance(value, list):
                waiting.extend((item, depth + 1, where) for item in value)
                continue
            for key, item in value.items():
                _check_text(key, "a key")
                waiting.append((item, depth + 1, f"key {_quoted(key)}"))


def _check_text(text: str, where: str) -> None:
    if "\0" in text:
        raise BadJson(where, "holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadJson(where, "holds half a surrogate pair") from None


def _quoted(key: str) -> str:
    return json.dumps(key[:64])


def _name(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    names = {dict: "an object", list: "an array", str: "a string", int: "a number", float: "a number", type(None): "null"}
    return names[type(value)]
