"""What an agent's settings and command line say of how much it asks, by the table `data/layers.toml`. Claims of files."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from controlroom.agents.layers import Sign, Value, table
from controlroom.agents.loose_json import read_loose
from controlroom.agents.strict import BadJson
from controlroom.model.permissions import Mode, Weight

MOST_VALUE = 80  # characters of a value that is shown
COMMAND_LINE = "command line"
SAYS: dict[Weight, str] = {
    "red": "it asks for nothing",
    "warn": "it asks less",
    "off": "hooks do not run",
    "plain": "",
}


def settings(path: str, data: bytes) -> dict[str, object]:
    """What a settings file holds: TOML by its name, else JSON as people write it. Raises BadJson, also for no table."""
    if path.endswith(".toml"):
        try:
            return tomllib.loads(data.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as e:
            raise BadJson("the file", f"is not TOML: {e}") from None
    value = read_loose(data)
    if not isinstance(value, dict):
        raise BadJson("line 1", "must be an object")
    return value


def modes(kind: str, layers: Mapping[str, Mapping[str, object]]) -> tuple[Mode, ...]:
    """What the settings say, by path and the weakest first; and what it means that none says anything."""
    signs = table()[kind].sign if kind in table() else ()
    found = [mode for path, given in layers.items() for mode in of_settings(kind, path, given)]
    for sign in signs:
        if sign.unset and not any(_has(given, sign.key) for given in layers.values()):
            found.append(Mode("default", sign.key, "not set", "red", sign.unset))
    return tuple(found)


def of_settings(kind: str, path: str, given: Mapping[str, object]) -> tuple[Mode, ...]:
    """What one file says."""
    signs = table()[kind].sign if kind in table() else ()
    return tuple(_mode(path, sign, sign.key, value) for sign in signs if sign.key for value in _values(given, sign.key))


def flags(kind: str, argv: Sequence[str]) -> tuple[Mode, ...]:
    """What the command line says; nothing after `--`."""
    signs = [sign for sign in (table()[kind].sign if kind in table() else ()) if sign.flags]
    words = list(argv[1 : argv.index("--") if "--" in argv else len(argv)])
    return tuple(mode for at, word in enumerate(words) for sign in signs for mode in _flag(sign, word, words[at + 1 :][:1]))


def _flag(sign: Sign, word: str, then: Iterable[str]) -> Iterator[Mode]:
    name, equals, joined = word.partition("=")
    if name not in sign.flags:
        return
    if sign.means:
        yield _mode(COMMAND_LINE, sign, name, "")
    else:
        yield _mode(COMMAND_LINE, sign, name, joined if equals else next(iter(then), ""))


def weight(kind: str, key: str, value: str) -> Weight:
    """What a value means that the agent itself tells, under the key of its settings."""
    signs = table()[kind].sign if kind in table() else ()
    return next((_weight(sign, value) for sign in signs if sign.key == key), "plain")


def _mode(source: str, sign: Sign, key: str, value: Value) -> Mode:
    how = sign.means or _weight(sign, value)
    return Mode(source, key, _text(value), how, sign.says if sign.says and how == "red" else SAYS[how])


def _weight(sign: Sign, value: Value) -> Weight:
    rows: tuple[tuple[Weight, tuple[Value, ...]], ...] = (("red", sign.red), ("off", sign.off), ("warn", sign.warn))
    return next((how for how, values in rows if any(one == value and type(one) is type(value) for one in values)), "plain")


def _text(value: Value) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text[:MOST_VALUE]


def _has(given: Mapping[str, object], key: str) -> bool:
    """Whether the table that a key is in is there, or a key at the top itself."""
    return _at(given, (key.rpartition(".")[0] or key).split(".")) is not None


def _values(given: Mapping[str, object], key: str) -> Iterator[Value]:
    value = _at(given, key.split("."))
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, str | bool | int):
            yield one


def _at(given: object, names: Sequence[str]) -> object:
    for name in names:
        given = given.get(name) if isinstance(given, Mapping) else None
    return given
