"""From the text of a settings file to its Struct, or to an error that names file, line and key (C01). Pure."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import EnumMeta
from typing import TypeVar, get_args

import msgspec

from controlroom.model.settings import MEANT, Config, Profile, Rules, Section
from controlroom.model.trips import Trips

LIMIT = 64 * 1024  # bytes of a settings file
MOST_READ = 4 << 20  # characters that are read again to find the line of an error
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

S = TypeVar("S", bound=Section)

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*?)`(?: - at `(?P<at>\$[\w.\[\]]*)`)?", re.DOTALL)
_WRONG = re.compile(r"(?P<what>.*?)(?: - at `(?P<at>\$[\w.\[\]]*)`)?", re.DOTALL)
_AT_LINE = re.compile(r"\(at line (\d+), column \d+\)")
_PATTERN = re.compile(r"Expected `str` matching regex '(?P<pattern>.*)'", re.DOTALL)
_TYPES = {
    "`object`": "a table",
    "`array`": "a list",
    "`str`": "text",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
}


class BadSettings(ValueError):
    """A settings file that cannot be used. The text names file, line and key, and what is wrong there."""


def config(raw: bytes, source: str) -> Config:
    """What a config.toml says. Raises BadSettings."""
    return _convert(*_text(raw, source), source, Config)


def profile(raw: bytes, source: str, name: str, trips: Trips) -> Profile:
    """What a profile says, over the `trips` of config.toml. Raises BadSettings."""
    text, given = _text(raw, source)
    own = given.get("trips", {})
    if isinstance(own, dict):
        given = {**given, "trips": {**msgspec.structs.asdict(trips), **own}}
    return Profile(name, _convert(text, given, source, Rules))


def _text(raw: bytes, source: str) -> tuple[str, dict[str, object]]:
    if len(raw) > LIMIT:
        raise BadSettings(f"{source}: larger than {LIMIT} bytes")
    if raw.startswith(b"\xef\xbb\xbf"):
        raise BadSettings(f"{source}:1: it begins with a byte order mark; save it as UTF-8 without one")
    try:
        text = raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadSettings(f"{source}:{line}: not UTF-8 (byte {error.start} of the file)") from error
    try:
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        at = _AT_LINE.search(str(error))
        number = int(at[1]) if at else text.rstrip("\n").count("\n") + 1
        why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadSettings(f"{source}:{number}: no TOML: {why}") from error


def _convert(text: str, given: Mapping[str, object], source: str, into: type[S]) -> S:
    try:
        return msgspec.convert(given, into)
    except msgspec.ValidationError as error:
        said = str(error)
    unknown = _UNKNOWN.fullmatch(said)
    wrong = unknown or _WRONG.fullmatch(said)
    at = [part for part in ((wrong["at"] if wrong else None) or "$").split(".")[1:] if part]
    if unknown:
        known = ", ".join(field.encode_name for field in msgspec.structs.fields(_type_at(into, at)))
        at, what = [*at, unknown["field"]], f"there is no such key; known here: {known}"
    else:
        what = _in_words(wrong["what"] if wrong else said, _type_at(into, at))
    keys = [part.partition("[")[0] for part in at]
    raise BadSettings(f"{source}:{_line_of(text, keys)}: {'.'.join(at)}: {what}")


def _type_at(into: type, keys: list[str]) -> type:
    """The type that the schema has for a key; where there is none, of the table above it."""
    for key in keys:
        below = {field.encode_name: field.type for field in msgspec.structs.fields(into)}
        if key not in below:
            break
        into = below[key]
    return into


def _in_words(what: str, wanted: object) -> str:
    pattern = _PATTERN.fullmatch(what)
    if pattern:
        meant = MEANT.get(pattern["pattern"].replace("\\\\", "\\"))
        return f"it must be {meant}" if meant else what
    if what.startswith("Invalid enum value"):
        choices = [*wanted.__members__.values()] if isinstance(wanted, EnumMeta) else get_args(wanted)
        return f"it must be one of: {', '.join(map(str, choices))}"
    what = what.replace(" | null", "")  # which no TOML can say
    for word, plain in _TYPES.items():
        what = what.replace(word, plain)
    return what[:1].lower() + what[1:]


def _line_of(text: str, keys: list[str]) -> int:
    """The number of the line where the statement begins that sets `keys`, or the nearest table above it."""
    best, depth = 1, 0
    for number, path in _statements(text.split("\n")):
        common = 0
        while common < min(len(path), len(keys)) and path[common] == keys[common]:
            common += 1
        whole = common == len(keys) or common == len(path)
        if whole and common > depth:
            best, depth = number, common
    return best


def _statements(lines: list[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each key and table of a TOML text that is right: the line where its statement begins, and its whole path."""
    head: tuple[str, ...] = ()
    first, statement, read = 1, "", 0
    for number, line in enumerate(lines, 1):
        statement += line + "\n"
        read += len(statement)
        if read > MOST_READ:
            return
        try:
            found = tomllib.loads(statement)
        except tomllib.TOMLDecodeError:
            continue  # it goes on in the next line
        if statement.lstrip().startswith("["):
            head = next(_paths(found))
            yield first, head
        else:
            for path in _paths(found):
                yield first, head + path
        first, statement = number + 1, ""


def _paths(found: object) -> Iterator[tuple[str, ...]]:
    """The paths of all that one statement sets; of a table's head its own."""
    if isinstance(found, list) and found == [{}]:  # [[head]]
        found = {}
    if not isinstance(found, dict):
        yield ()
        return
    for key, below in found.items():
        yield from ((key, *path) for path in _paths(below))
        if below in ({}, [{}]):
            yield (key,)
