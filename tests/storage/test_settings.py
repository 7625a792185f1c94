"""Settings on disk: plain files of one's own, read once; what is missing is said."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.model.settings import Config, Settings
from controlroom.model.trips import Trips
from controlroom.policy.settings import BadSettings
from controlroom.storage.paths import Places
from controlroom.storage.settings import load


@pytest.fixture
def places(tmp_path: Path) -> Places:
    (tmp_path / "config" / "profiles").mkdir(parents=True)
    return Places(tmp_path / "config", tmp_path / "state", tmp_path / "run")


def refusal(places: Places) -> str:
    with pytest.raises(BadSettings) as caught:
        load(places)
    return str(caught.value)


@pytest.mark.row("C07")
def test_missing_files_mean_the_built_in_defaults_and_that_is_said(places: Places) -> None:
    (places.config / "profiles").rmdir()
    found = load(places)
    assert found.config == Config()
    assert [*found.profiles] == ["default"]
    assert found.notes == (f"no {places.config}/config.toml: the built-in defaults hold",)


@pytest.mark.row("C07")
def test_an_empty_file_is_not_a_missing_one(places: Places) -> None:
    (places.config / "config.toml").touch()
    assert load(places) == Settings(Config(), load(places).profiles, ())


def test_the_default_profile_is_that_of_the_product(places: Places) -> None:
    (places.config / "config.toml").write_text("trips.processes = 9\n")
    usual = load(places).profiles["default"]
    declared = usual.rules.capabilities
    assert (declared.fs.read, declared.fs.write, declared.exec, declared.net) == (("*",), (".",), ("*",), ("*",))
    assert (declared.config, declared.publish, declared.restart, declared.secrets) == ((), (), (), ())
    assert not usual.asks
    assert usual.rules.trips == Trips(processes=9)


def test_a_profile_of_the_operators_takes_the_place_of_the_built_in_one(places: Places) -> None:
    (places.config / "profiles" / "default.toml").write_text("network = false\n")
    usual = load(places).profiles["default"]
    assert usual.asks and not usual.rules.network


def _link(path: Path) -> None:
    (path.parent / "other").write_text("")
    path.symlink_to("other")


def _deep(path: Path) -> None:
    path.write_bytes(b"#" * 70_000)


@pytest.mark.row("C05")
@pytest.mark.parametrize("name", ["config.toml", "profiles/p.toml"])
@pytest.mark.parametrize("make", [_link, os.mkfifo, Path.mkdir, _deep])
def test_what_is_no_plain_small_file_is_refused(places: Places, name: str, make: Callable[[Path], object]) -> None:
    make(places.config / name)
    assert refusal(places).startswith(f"{places.config / name}: cannot be used")


@pytest.mark.row("C05")
@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")
def test_a_file_of_another_user_is_refused(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    (places.config / "config.toml").touch()
    os.chown(places.config / "config.toml", 12345, -1)
    assert "belongs to uid 12345" in refusal(places)


@pytest.mark.parametrize("name", ["Reviewer.toml", ".toml", "-x.toml", "a b.toml", f"{'x' * 41}.toml"])
def test_a_profile_needs_a_plain_name(places: Places, name: str) -> None:
    (places.config / "profiles" / name).touch()
    assert name in refusal(places)


def test_an_error_in_a_profile_names_its_file(places: Places) -> None:
    (places.config / "profiles" / "p.toml").write_text("\nnetwrk = 1\n")
    assert refusal(places).startswith(f"{places.config}/profiles/p.toml:2: netwrk: ")
