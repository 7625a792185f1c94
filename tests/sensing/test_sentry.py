"""What a sentry tells of the never-touch members: every change of one, and nothing else."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from controlroom.policy.context import Context
from controlroom.policy.manifest import Manifest
from controlroom.sensing.changes import Change
from controlroom.sensing.sentry import NotKept, Sentry


class Home:
    """A home with keys and a workspace in it, and a sentry that watches over them."""

    def __init__(self, top: Path, manifest: str = "") -> None:
        self.path = top / "home"
        (self.path / ".ssh").mkdir(parents=True)
        (self.path / "w").mkdir()
        self.key = self.path / ".ssh/id_ed25519"
        self.key.write_text("secret")
        self.key.chmod(0o600)
        parsed = Manifest.parse(manifest.replace("HOME", str(self.path)), "never-touch")
        self.context = Context(str(self.path / "w"), str(self.path), parsed, (str(self.path / "own"),))
        self.sentry = Sentry()

    def begin(self) -> "Home":
        self.sentry.begin([self.context])
        return self

    def look(self, *hints: Change) -> set[tuple[str, str]]:
        """What the sentry tells of paths below the home."""
        found = self.sentry.look(hints)
        return {(os.path.relpath(v.path, self.path), v.did) for v in found if v.path.startswith(f"{self.path}/")}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.mark.row("N14")
def test_each_way_to_change_a_member_is_told_once(home: Home) -> None:
    home.begin()
    assert home.look() == set()
    ways: dict[str, Callable[[], object]] = {
        "content": lambda: home.key.write_text("SECRET"),
        "mode": lambda: home.key.chmod(0o644),
        "replaced": lambda: (home.path / "other").rename(home.key),
        "a link": lambda: (home.path / "link").rename(home.key),
    }
    (home.path / "other").write_text("other")
    (home.path / "link").symlink_to("/etc/hostname")
    for way, change in ways.items():
        change()
        assert home.look() == {(".ssh/id_ed25519", "written")}, way
        assert home.look() == set(), way
    home.key.unlink()
    assert home.look() == {(".ssh/id_ed25519", "deleted")}
    home.key.write_text("again")
    assert home.look() == {(".ssh/id_ed25519", "created")}


@pytest.mark.row("N14")
def test_content_of_the_same_size_and_time_is_told_by_its_sum(home: Home) -> None:
    home.begin()
    times = home.key.stat()
    home.key.write_text("SECRET")
    os.utime(home.key, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert home.look() == {(".ssh/id_ed25519", "written")}


@pytest.mark.row("N14")
def test_a_file_that_is_as_it_was_is_no_violation(home: Home) -> None:
    home.begin()
    os.utime(home.key)
    home.key.write_text("secret")
    os.link(home.key, home.path / "second-name")
    (home.path / ".ssh/known_hosts").write_text("what programs write in normal work")
    (home.path / ".ssh/key.pub").touch()
    assert home.look() == set()


def test_what_programs_and_agents_write_in_normal_work_is_none(home: Home) -> None:
    written = [
        ".aws/sso/cache/token.json",
        ".gnupg/random_seed",
        ".claude/projects/w/log.jsonl",
        ".claude/history.jsonl",
        "own/x",
    ]
    for name in written:
        (home.path / name).parent.mkdir(parents=True, exist_ok=True)
        (home.path / name).write_text("1")
    home.begin()
    for name in written:
        (home.path / name).write_text("22")
    assert home.look() == set()
    (home.path / ".aws/credentials").write_text("this is not")
    assert home.look() == {(".aws/credentials", "created")}


def test_lines_of_the_operator_hold_for_folders_globs_and_odd_names(tmp_path: Path) -> None:
    home = Home(tmp_path, "HOME/data/\n~/*.keep\nHOME/odd\\[1\\]\nHOME/deep/**/x\n")
    names = ["data/a/b", "one.keep", "odd[1]", "deep/1/2/x", "deep/1/2/y"]
    for name in names:
        (home.path / name).parent.mkdir(parents=True, exist_ok=True)
        (home.path / name).touch()
    home.begin()
    for name in names:
        (home.path / name).write_text("changed")
    assert home.look() == {(name, "written") for name in names[:4]}
    shutil.rmtree(home.path / "data")
    assert home.look() == {("data", "deleted"), ("data/a", "deleted"), ("data/a/b", "deleted")}


@pytest.mark.row("N14")
def test_members_without_a_place_are_found_in_the_workspace_and_by_what_watches_tell(home: Home) -> None:
    (home.path / "w/deploy").mkdir()
    (home.path / "w/deploy/id_rsa").write_text("1")
    (home.path / "w/.never-touch").write_text("precious\n")
    (home.path / "w/precious").write_text("1")
    home.begin()
    (home.path / "w/deploy/id_rsa").write_text("2")
    (home.path / "w/precious").unlink()
    assert home.look() == {("w/deploy/id_rsa", "written"), ("w/precious", "deleted")}
    (home.path / "w/id_dsa").write_text("new")
    assert home.look(Change(f"{home.path}/w/id_dsa", "created"), Change(f"{home.path}/w/plain", "created")) == {
        ("w/id_dsa", "created")
    }
    assert home.look(Change(f"{home.path}/w/id_ecdsa", "deleted")) == {("w/id_ecdsa", "deleted")}


def test_what_changed_is_put_back_and_what_was_there_can_be_put_back_too(home: Home) -> None:
    home.begin()
    home.key.write_text("overwritten")
    [violation] = home.sentry.look()
    assert violation.kept
    home.sentry.put_back(str(home.key))
    assert (home.key.read_text(), home.key.stat().st_mode & 0o777) == ("secret", 0o600)
    assert home.look() == set(), "putting it back is no violation"
    home.sentry.put_back(str(home.key))
    assert home.key.read_text() == "overwritten"
    home.key.unlink()
    assert home.look() == {(".ssh/id_ed25519", "deleted")}
    home.sentry.put_back(str(home.key))
    assert home.key.read_text() == "secret", "what it was before anybody changed it"
    assert sorted(os.listdir(home.path / ".ssh")) == ["id_ed25519"], "nothing is left beside it"


def test_what_is_not_kept_is_not_put_back(home: Home) -> None:
    home.begin()
    with pytest.raises(NotKept, match="not kept"):
        home.sentry.put_back(str(home.path / "w/anything"))
    home.key.unlink()
    home.key.mkdir()
    with pytest.raises(NotKept, match="move it away"):
        home.sentry.put_back(str(home.key))


def test_beginning_again_forgets_no_change(home: Home) -> None:
    home.begin()
    home.key.write_text("changed between two looks")
    home.begin()
    assert home.look() == {(".ssh/id_ed25519", "written")}


def test_more_than_can_be_looked_at_is_counted_and_nothing_of_it_is_called_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controlroom.sensing.sentry.MOST", 20)
    home = Home(tmp_path, "HOME/data/\n")
    (home.path / "data").mkdir()
    for n in range(40):
        (home.path / f"data/m{n:02}").touch()
    home.begin()
    assert home.look() == set()
    assert home.sentry.left_out > 0
    (home.path / "data/a-new-one").touch()
    assert home.look() == {("data/a-new-one", "created")}
