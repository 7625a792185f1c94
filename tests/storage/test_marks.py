"""The same secret has the same mark in this installation, another one elsewhere, and none that a guess could find."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.model.action import Action, Binding, FileId, digest_of
from controlroom.storage.marks import NAME, SIZE, digest_key, marks
from controlroom.storage.paths import Insecure
from controlroom.text.redact import redact

TOKEN = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"


@pytest.mark.row("J18")
def test_a_mark_is_the_same_after_a_restart_and_another_in_another_installation(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, again, other = marks(tmp_path / "a"), marks(tmp_path / "a"), marks(tmp_path / "b")
    assert one("hunter2") == again("hunter2") != one("hunter3")
    assert one("hunter2") != other("hunter2")
    assert one("hunter2") not in hashlib.sha256(b"hunter2").hexdigest()


@pytest.mark.row("J18")
def test_of_many_that_start_at_once_all_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: marks(tmp_path)("x"), range(32)))
    assert len(set(made)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.row("J18")
def test_the_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    marks(tmp_path)
    file = tmp_path / NAME
    assert file.stat().st_mode & 0o777 == 0o600 and file.stat().st_size == SIZE
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.row("J18")
@given(st.text())
def test_any_text_has_a_mark_that_a_second_pass_leaves_alone(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    mark = marks(tmp_path_factory.getbasetemp())
    clean = redact(f"{TOKEN} {text}", mark)
    assert f":{mark(TOKEN)}>" in clean and TOKEN not in clean
    assert redact(clean, mark) == clean


@pytest.mark.row("J18")
@pytest.mark.parametrize("content", [b"", b"short", b"x" * SIZE])
def test_a_key_that_others_could_know_or_that_is_none_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / NAME
    file.write_bytes(content)
    file.chmod(0o644 if len(content) == SIZE else 0o600)
    with pytest.raises(Insecure, match=f"{NAME}: .*Take it away"):
        marks(tmp_path)


@pytest.mark.row("J18")
def test_a_link_is_no_key(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(os.urandom(SIZE))
    (tmp_path / NAME).symlink_to(tmp_path / "there")
    with pytest.raises(OSError, match=NAME):
        marks(tmp_path)


@pytest.mark.row("J18")
def test_the_digest_of_a_request_is_keyed_by_the_installation(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    action = Action("Bash", '{"command":"mysql -phunter2"}', "/w")
    binding = Binding(FileId("/w", "/w", 1, 2))
    one, again, other = (digest_of(action, binding, digest_key(tmp_path / name)) for name in ("a", "a", "b"))
    assert one == again != other
    assert one != digest_of(action, binding), "without the key it cannot be made, so no guess can be tried"
    assert marks(tmp_path / "a")("x") != digest_key(tmp_path / "a").hex()[:16]
