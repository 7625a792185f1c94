"""Settings files: taken whole or refused with file, line and key; a key that nobody knows is an error."""

import re
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.model.settings import Config, Rules, Section
from controlroom.model.trips import Trips
from controlroom.policy.settings import BadSettings, config, profile

DOCS = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def refusal(raw: bytes) -> str:
    """What is said about a config.toml that is refused."""
    with pytest.raises(BadSettings) as caught:
        config(raw, "config.toml")
    return str(caught.value)


def profile_refusal(raw: bytes) -> str:
    with pytest.raises(BadSettings) as caught:
        profile(raw, "p.toml", "p", Trips())
    return str(caught.value)


def test_what_is_not_named_has_its_default() -> None:
    assert config(b"", "config.toml") == Config()
    taken = config(b"[hold]\nseconds = 5\n[trips]\nprocesses = 7\n", "config.toml")
    assert (taken.hold.seconds, taken.trips.processes, taken.trips.same_call) == (5, 7, Trips().same_call)


def test_the_defaults_are_those_of_the_product() -> None:
    trips = Trips()
    assert Config().hold.seconds == 600
    assert (trips.processes, trips.cpu_minutes, trips.memory_gib) == (512, 30, 8)
    assert (trips.deletes, trips.writes, trips.same_call) == (2000, None, 20)


@pytest.mark.row("C01")
@pytest.mark.parametrize(
    ("raw", "at", "why"),
    [
        (b"[hold]\nsecond = 5\n", "config.toml:2: hold.second", "there is no such key; known here: seconds"),
        (b"\n\nx = 1\n", "config.toml:3: x", "no such key"),
        (b"# x\n[hold]\n\nseconds = '5'\n", "config.toml:4: hold.seconds", "expected a number, got text"),
        (b"hold.seconds = nan", "config.toml:1: hold.seconds", ">= 1"),
        (b"hold.seconds = 601", "config.toml:1: hold.seconds", "<= 600"),
        (b"hold.seconds = true", "config.toml:1: hold.seconds", "got true or false"),
        (b"hold = 3", "config.toml:1: hold", "expected a table"),
        (b"[[hold]]\nseconds = 3", "config.toml:1: hold", "expected a table, got a list"),
        (b"hold.seconds = 9\r\ntrips = { processes = 1, x = 2 }\r\n", "config.toml:2: trips.x", "no such key"),
        (b"[hold]\nseconds = \n", "config.toml:2", "no TOML"),
        (b"[hold]\nseconds = 1\nseconds = 2\n", "config.toml:3", "Cannot overwrite"),
        (b"x = [1,\n2", "config.toml:2", "no TOML"),
        (b"\xef\xbb\xbf[hold]\n", "config.toml:1", "byte order mark"),
        (b"[hold]\n# \xff\n", "config.toml:2", "not UTF-8"),
        (b"[hold]\n# \x00\n", "config.toml:2", "no TOML"),
        (b"#" * 65_537, "config.toml", "larger than 65536 bytes"),
        (b"x = " + b"[" * 20_000, "config.toml:1", "no TOML"),
        (b'\nx = """\n' + b"]\n" * 30_000 + b'"""\nhold.seconds = 0\n', "config.toml:", "no such key"),
    ],
)
def test_what_cannot_be_used_is_refused_with_file_line_and_key(raw: bytes, at: str, why: str) -> None:
    said = refusal(raw)
    assert said.startswith(at)
    assert why in said


@pytest.mark.row("C01")
@pytest.mark.parametrize(
    ("raw", "at", "why"),
    [
        (b"[capabilities]\nfs.reed = ['*']", "p.toml:2: capabilities.fs.reed", "known here: read, write"),
        (b"[capabilities]\nfs.read = ['*']\nfs.write = ['x']", "p.toml:3: capabilities.fs.write[0]", "an absolute path"),
        (b"[capabilities]\nexec = [\n'git',\n'a b',\n]", "p.toml:2: capabilities.exec[1]", "a word without white space"),
        (b"capabilities.net = ['http://x']", "p.toml:1: capabilities.net[0]", "a host"),
        (b"containment = 'maybe'", "p.toml:1: containment", "one of: auto, enforced, none"),
        (b"home = 'new'", "p.toml:1: home", "one of: own, throw-away"),
        (b"network = 0", "p.toml:1: network", "expected true or false"),
        (b"asks = false", "p.toml:1: asks", "no such key"),
        (b"name = 'x'", "p.toml:1: name", "no such key"),
        (b"trips = 3", "p.toml:1: trips", "expected a table"),
        (b"trips.processes = 'x'", "p.toml:1: trips.processes", "expected a whole number, got text"),
        (b"trips.memory_gib = nan", "p.toml:1: trips.memory_gib", "> 0"),
        (b"trips.memory_gib = inf", "p.toml:1: trips.memory_gib", "<= 1000000"),
        (b"[trips]\nmemory = 1", "p.toml:2: trips.memory", "no such key"),
    ],
)
def test_a_profile_is_as_strict(raw: bytes, at: str, why: str) -> None:
    said = profile_refusal(raw)
    assert said.startswith(at)
    assert why in said


def test_a_profile_declares_nothing_that_it_does_not_name_and_has_the_trips_of_the_configuration() -> None:
    taken = profile(b"[trips]\nsame_call = 3\n", "p.toml", "p", Trips(processes=7))
    assert taken.rules == Rules(trips=Trips(processes=7, same_call=3))
    assert taken.rules.capabilities.fs.read == () and taken.asks


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_arbitrary_bytes_are_taken_or_refused_by_name(raw: bytes) -> None:
    for read in (lambda: config(raw, "f.toml"), lambda: profile(raw, "f.toml", "p", Trips())):
        try:
            read()
        except BadSettings as error:
            assert str(error).startswith("f.toml:")


def keys(table: type[msgspec.Struct], above: str = "") -> dict[str, object]:
    """Every key of a schema with its default, as TOML writes it."""
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(table):
        name = f"{above}{field.encode_name}"
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found |= keys(field.type, f"{name}.")
        else:
            found[name] = field.default
    return found


def in_toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"'
    return "[]" if value == () else str(value)


@pytest.mark.parametrize(("heading", "schema"), [("config.toml", Config), ("profiles/NAME.toml", Rules)])
def test_the_page_lists_each_key_with_its_default(heading: str, schema: type[Section]) -> None:
    part = DOCS.read_text("utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    listed = dict(re.findall(r"^\| `([a-z_.]+)` \| (\S.*?) \|", part, re.MULTILINE))
    expected = {
        name: f"`{in_toml(default)}`" if default is not None else "not watched" for name, default in keys(schema).items()
    }
    if schema is Rules:
        expected = {name: "config.toml" if name.startswith("trips.") else value for name, value in expected.items()}
    assert listed == expected


def test_the_example_of_the_page_is_a_profile() -> None:
    example = re.findall(r"```toml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)[0]
    assert profile(example.encode(), "reviewer.toml", "reviewer", Trips()).rules.trips.processes == 64
