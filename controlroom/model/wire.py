"""JSON for the journal and the operators: whatever a file or a program is called, it can be written."""

import msgspec


def encode(body: object) -> bytes:
    """`body` as JSON. A byte of a name that is not UTF-8 is told as `\\xff`: nothing, and no stop, waits for a name."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        return msgspec.json.encode(_told(msgspec.to_builtins(body, builtin_types=(msgspec.Raw,))))


def legible(text: str) -> str:
    """The text, with what cannot be encoded (`os.fsdecode` leaves half surrogate pairs) told byte by byte."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _told(value: object) -> object:
    match value:
        case str():
            return legible(value)
        case dict():
            return {_told(key): _told(each) for key, each in value.items()}
        case list() | tuple():
            return [_told(each) for each in value]
    return value
