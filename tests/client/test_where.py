"""The quick paths of the client are those of the storage room, and a latch that cannot be looked at is a latch."""

from pathlib import Path

import pytest

from controlroom.client.where import NoPlace, Where, latched, where
from controlroom.storage.paths import Insecure, places

ENVIRONMENTS = [
    {"CONTROLROOM_HOME": "/srv/room"},
    {"CONTROLROOM_HOME": "/srv//room/../room/"},
    {"HOME": "/home/ann"},
    {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/7"},
    {"HOME": "/home/ann", "XDG_STATE_HOME": "/var/ann", "XDG_RUNTIME_DIR": "/run/user/7/"},
    {"HOME": "/home/ann", "XDG_STATE_HOME": "relative", "XDG_RUNTIME_DIR": "relative"},
    {"HOME": "/home//ann/", "XDG_STATE_HOME": ""},
    {"CONTROLROOM_HOME": "/srv/room", "HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/7"},
]


@pytest.mark.parametrize("env", ENVIRONMENTS, ids=str)
def test_the_client_looks_where_the_storage_room_keeps_things(env: dict[str, str]) -> None:
    quick, whole = where(env), places(env)
    assert Path(quick.state) == whole.state
    assert Path(quick.runtime) == whole.runtime
    assert Path(quick.gate_sock) == whole.gate_sock
    assert Path(quick.operator_sock) == whole.operator_sock
    assert {Path(path) for path in quick.latches} == {whole.latch, whole.gate_latch}


@pytest.mark.parametrize("env", [{}, {"CONTROLROOM_HOME": "relative"}, {"HOME": "relative"}], ids=str)
def test_both_refuse_the_same_environments(env: dict[str, str]) -> None:
    with pytest.raises(Insecure):
        places(env)
    with pytest.raises(NoPlace):
        where(env)


def test_no_latch_is_no_latch(tmp_path: Path) -> None:
    assert latched(Where(str(tmp_path / "state"), str(tmp_path / "run"))) == ""


@pytest.mark.row("G17")
@pytest.mark.parametrize("folder", ["state", "run"])
def test_either_latch_counts_whatever_it_is(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "latch").symlink_to("nowhere")
    assert latched(Where(str(tmp_path / "state"), str(tmp_path / "run"))) == str(tmp_path / folder / "latch")


def test_a_latch_that_cannot_be_looked_at_counts(tmp_path: Path) -> None:
    assert latched(Where(str(tmp_path / ("x" * 300)), str(tmp_path)))
