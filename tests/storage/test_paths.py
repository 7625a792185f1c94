"""Folders of ours: where they are, and when they cannot be trusted (J14)."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.storage.paths import Insecure, Places, places, room_for_sockets, secure_dir


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder below the root-owned sticky /tmp, as tests and demos have it."""
    path = Path(tempfile.mkdtemp(prefix="cr"))
    yield path
    shutil.rmtree(path)


def refused(path: Path) -> Insecure:
    with pytest.raises(Insecure) as caught:
        secure_dir(path)
    assert caught.value.component in str(caught.value)
    return caught.value


def test_controlroom_home_moves_everything() -> None:
    env = {"CONTROLROOM_HOME": "/h", "XDG_STATE_HOME": "/x", "HOME": "/home/me"}
    found = places(env)
    assert found == Places(Path("/h/config"), Path("/h/state"), Path("/h/run"))
    assert (found.gate_sock, found.operator_sock) == (Path("/h/run/gate.sock"), Path("/h/run/operator.sock"))
    assert (found.latch, found.gate_latch) == (Path("/h/state/latch"), Path("/h/run/latch"))
    assert (found.journal, found.agents) == (Path("/h/state/journal"), Path("/h/state/agents"))


def test_xdg_folders_and_their_defaults() -> None:
    env = {"HOME": "/home/me", "XDG_RUNTIME_DIR": "/run/user/1", "XDG_STATE_HOME": "relative/is/ignored"}
    expected = Places(
        Path("/home/me/.config/controlroom"), Path("/home/me/.local/state/controlroom"), Path("/run/user/1/controlroom")
    )
    assert places(env) == expected


def test_without_a_runtime_folder_the_state_folder_serves() -> None:
    found = places({"HOME": "/home/me"})
    assert found.runtime == found.state
    assert found.gate_latch == found.latch


def test_a_folder_too_deep_for_a_socket_is_refused_with_the_way_out(base: Path) -> None:
    longest = base / ("x" * (85 - len(str(base)) - 1))
    longest.mkdir()
    room_for_sockets(longest)
    with socket.socket(socket.AF_UNIX) as fits:
        fits.bind(f"{longest}/0123456789abcdef.shim")
    with pytest.raises(Insecure, match="set CONTROLROOM_HOME or XDG_RUNTIME_DIR to a shorter one"):
        room_for_sockets(Path(f"{longest}x"))


@pytest.mark.parametrize("name", ["a\nb", os.fsdecode(b"\xff"), "\u202e"])
def test_a_place_that_no_hook_can_be_told_of_is_refused(name: str) -> None:
    with pytest.raises(Insecure, match="cannot be printed"):
        room_for_sockets(Path(f"/tmp/{name}/run"))


@pytest.mark.parametrize(("env", "component"), [({}, "HOME"), ({"CONTROLROOM_HOME": "rel"}, "CONTROLROOM_HOME")])
def test_no_absolute_home_is_refused(env: dict[str, str], component: str) -> None:
    with pytest.raises(Insecure) as caught:
        places(env)
    assert caught.value.component == component


def test_missing_folders_are_made_private_below_a_sticky_temporary_folder(base: Path) -> None:
    path = base / "a" / "b" / "c"
    old = os.umask(0)
    try:
        secure_dir(path)
    finally:
        os.umask(old)
    assert [p.stat().st_mode & 0o7777 for p in (path, path.parent, path.parent.parent)] == [0o700] * 3
    secure_dir(path)


@pytest.mark.row("J14")
def test_a_symlink_is_refused(base: Path) -> None:
    (base / "real").mkdir(mode=0o700)
    (base / "link").symlink_to("real")
    assert refused(base / "link").component == str(base / "link")


@pytest.mark.row("J14")
def test_a_symlink_to_nowhere_is_refused(base: Path) -> None:
    (base / "link").symlink_to("nowhere")
    assert refused(base / "link").component == str(base / "link")


@pytest.mark.row("J14")
def test_a_file_is_refused(base: Path) -> None:
    (base / "file").touch(0o600)
    assert refused(base / "file").component == str(base / "file")


@pytest.mark.row("J14")
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o750, 0o701])
def test_a_folder_open_to_others_is_refused(base: Path, mode: int) -> None:
    path = base / "state"
    path.mkdir()
    path.chmod(mode)
    error = refused(path)
    assert error.component == str(path)
    assert "chmod 700" in error.why


@pytest.mark.row("J14")
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder to another user")
@pytest.mark.parametrize("below", ["", "state"])
def test_a_wrong_owner_is_refused(base: Path, below: str) -> None:
    owned = base / "other"
    owned.mkdir(mode=0o700)
    os.chown(owned, 12345, 12345)
    error = refused(owned / below if below else owned)
    assert error.component == str(owned)
    assert "12345" in error.why


@pytest.mark.row("J14")
@pytest.mark.parametrize("mode", [0o770, 0o777])
@pytest.mark.parametrize("made", [True, False])
def test_a_parent_that_others_can_write_is_refused(base: Path, mode: int, made: bool) -> None:
    parent = base / "shared"
    path = parent / "deep" / "state"
    if made:
        path.mkdir(mode=0o700, parents=True)
    else:
        parent.mkdir()
    parent.chmod(mode)
    assert refused(path).component == str(parent)
    assert path.exists() == made


@pytest.mark.row("J14")
def test_the_folder_that_a_linked_parent_leads_to_is_looked_at(base: Path) -> None:
    (base / "shared" / "x").mkdir(parents=True)
    (base / "shared").chmod(0o777)
    (base / "link").symlink_to("shared/x")
    assert refused(base / "link" / "state").component == str(base / "shared")


def test_a_linked_parent_of_our_own_is_accepted(base: Path) -> None:
    (base / "real").mkdir(mode=0o755)
    (base / "link").symlink_to("real")
    secure_dir(base / "link" / "state")
    assert (base / "real" / "state").is_dir()


def test_a_path_that_climbs_is_refused(base: Path) -> None:
    assert "'..'" in refused(base / "a" / ".." / "b").why
