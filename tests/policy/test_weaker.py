"""What weakens is named, what strengthens is not: a partial order on settings."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.model.settings import (
    Capabilities,
    Config,
    Files,
    Hold,
    Kept,
    Leftover,
    Profile,
    Rules,
    Settings,
    default_profile,
)
from controlroom.model.trips import Trips
from controlroom.policy.weaker import weaker

scopes = st.lists(st.sampled_from(["*", ".", "./a", "/", "/a", "/a/b", "/ab", "~", "~/a"]), max_size=3).map(tuple)
words = st.lists(st.sampled_from(["*", "git", "/usr/bin/git", "make"]), max_size=3).map(tuple)
hosts = st.lists(st.sampled_from(["*", "*.a.org", "b.a.org", "a.org", "a.org:443", "*.b.a.org"]), max_size=3).map(tuple)
some = st.none() | st.integers(1, 3)
trips = st.builds(
    Trips, processes=some, memory_gib=st.none() | st.sampled_from([1.0, 2.0]), act=st.sampled_from(["pause", "stop"])
)
rules = st.builds(
    Rules,
    capabilities=st.builds(
        Capabilities, fs=st.builds(Files, read=scopes, write=scopes), exec=words, net=hosts, config=scopes, restart=words
    ),
    containment=st.sampled_from(["auto", "enforced", "none"]),
    network=st.booleans(),
    home=st.sampled_from(Kept),
    leftover=st.sampled_from(Leftover),
    trips=trips,
)
names = st.sampled_from(["default", "p", "q"])
profiles = st.dictionaries(names, st.tuples(rules, st.booleans()), max_size=3).map(
    lambda made: {name: Profile(name, *parts) for name, parts in made.items()}
)
settings = st.builds(
    Settings, config=st.builds(Config, hold=st.sampled_from([Hold(1), Hold(600)]), trips=trips), profiles=profiles
)


@pytest.mark.row("C03")
@given(settings)
def test_nothing_is_weaker_than_itself(one: Settings) -> None:
    assert weaker(one, one) == ()


@pytest.mark.row("C03")
@given(settings, settings, settings)
def test_two_steps_that_weaken_nothing_weaken_nothing_together(a: Settings, b: Settings, c: Settings) -> None:
    if not weaker(a, b) and not weaker(b, c):
        assert weaker(a, c) == ()


OLD = Settings(Config(trips=Trips(wall_minutes=5)), {"default": default_profile(Trips()), "p": Profile("p", Rules())})


def changed(**rules: Any) -> Settings:
    """The same with other rules in profile p."""
    return msgspec.structs.replace(OLD, profiles={**OLD.profiles, "p": Profile("p", Rules(**rules))})


@pytest.mark.row("C03")
@pytest.mark.parametrize(
    ("new", "key"),
    [
        (msgspec.structs.replace(OLD, config=Config(trips=Trips(wall_minutes=6))), "trips.wall_minutes: 6, was 5"),
        (msgspec.structs.replace(OLD, config=Config()), "trips.wall_minutes: not watched, was 5"),
        (msgspec.structs.replace(OLD, profiles={**OLD.profiles, "q": Profile("q", Rules())}), "profile q: it is new"),
        (changed(containment="none"), "profile p: containment: none, was auto"),
        (changed(leftover=Leftover.KEEP), "profile p: leftover: keep, was stop"),
        (changed(capabilities=Capabilities(exec=("git",))), "profile p: declares exec git"),
        (changed(capabilities=Capabilities(fs=Files(write=("/",)))), "profile p: declares fs.write /"),
        (changed(trips=Trips(processes=513)), "profile p: trips.processes: 513, was 512"),
    ],
)
def test_each_weakening_is_named_and_its_undoing_is_none(new: Settings, key: str) -> None:
    assert weaker(OLD, new) == (key,)
    assert weaker(new, OLD) == ()


def test_a_default_of_the_operators_that_is_taken_away_is_weaker() -> None:
    asking = Settings(profiles={"default": Profile("default", default_profile(Trips()).rules)})
    assert weaker(asking, Settings()) == ("profile default: what it does not declare is shown, no longer asked",)
    assert weaker(Settings(), asking) == ()


def leaves(value: msgspec.Struct, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every key."""
    found = []
    for field in msgspec.structs.fields(value):
        below = getattr(value, field.name)
        path = (*at, field.name)
        found += leaves(below, path) if isinstance(below, msgspec.Struct) else [path]
    return found


def other(value: Any) -> Any:
    """Some other value of the same sort."""
    match value:
        case bool():
            return not value
        case Kept():
            return Kept.THROW_AWAY
        case Leftover():
            return Leftover.KEEP
        case int() | float():
            return value + 1
        case None:
            return 5
        case "auto":
            return "none"
        case "pause":
            return "stop"
        case str():
            return f"{value}/x"
    return ("*",)


def with_other(value: Any, path: tuple[str, ...]) -> Any:
    below = getattr(value, path[0])
    return msgspec.structs.replace(value, **{path[0]: other(below) if len(path) == 1 else with_other(below, path[1:])})


@pytest.mark.row("C03")
@pytest.mark.parametrize("path", leaves(Config()), ids=".".join)
def test_each_key_of_the_configuration_weakens_in_one_of_its_directions(path: tuple[str, ...]) -> None:
    one, two = Settings(Config(), OLD.profiles), Settings(with_other(Config(), path), OLD.profiles)
    assert bool(weaker(one, two)) is not bool(weaker(two, one))


@pytest.mark.row("C03")
@pytest.mark.parametrize("path", leaves(Rules()), ids=".".join)
def test_each_key_of_a_profile_weakens_in_one_of_its_directions(path: tuple[str, ...]) -> None:
    one, two = (Settings(profiles={"p": Profile("p", rules)}) for rules in (Rules(), with_other(Rules(), path)))
    assert bool(weaker(one, two)) is not bool(weaker(two, one))
