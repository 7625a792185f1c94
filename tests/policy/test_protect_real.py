"""The lists on the real file system, against an oracle that looks at inodes only (N01 to N08)."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.model.action import Action
from controlroom.model.tier import Tier
from controlroom.policy import Context, Manifest, assess
from controlroom.sensing.tree import RealTree

NAMES = ("a", "b", "A", "ä", "a\u0308", "x y")


def tier(work: Path, command: str, member: Path) -> Tier:
    """The tier of a command in `work`, with one member on the user's list."""
    action = Action("Bash", msgspec.json.encode({"command": command}).decode(), str(work))
    where = Context(str(work), str(work.parent / "home"), Manifest.parse(f"{member}\n", "never-touch"))
    return assess(action, where, RealTree()).tier


class Forest:
    """Folders with files, symbolic links and hard links at random; `member` is the file that is on the list."""

    def __init__(self, data: st.DataObject, top: Path) -> None:
        self.top = top
        for old in top.iterdir():
            shutil.rmtree(old)
        self.work, keep = self.top / "work", self.top / "keep"
        for folder in (self.work, keep, self.top / "home"):
            folder.mkdir()
        self.member = keep / "member"
        self.member.write_text("mine")
        folders = [self.work, keep]
        for _ in range(data.draw(st.integers(2, 10))):
            place = data.draw(st.sampled_from(folders)) / data.draw(st.sampled_from(NAMES))
            if os.path.lexists(place):
                continue
            kind = data.draw(st.sampled_from(["folder", "file", "soft", "relative", "hard"]))
            goal = data.draw(st.sampled_from([*folders, self.member]))
            if kind == "folder":
                place.mkdir()
                folders.append(place)
            elif kind == "file":
                place.write_text("x")
            elif kind == "hard":
                os.link(self.member, place)
            else:
                place.symlink_to(os.path.relpath(goal, os.path.realpath(place.parent)) if kind == "relative" else goal)
        self.places = sorted(Path(d) / n for d, ds, fs in os.walk(self.top) for n in (*ds, *fs))

    def path(self, data: st.DataObject) -> str:
        """Some way to write a path of the forest from the workspace."""
        at = data.draw(st.sampled_from([self.member, *self.places]))
        written = os.path.relpath(at, self.work) if data.draw(st.booleans()) else str(at)
        if at.is_dir() and data.draw(st.booleans()):
            written += "/" + data.draw(st.sampled_from([*NAMES, ".", "..", "../keep/member", "member"]))
        return written.replace("/", data.draw(st.sampled_from(["/", "//", "/./"])))


@pytest.fixture(scope="module")
def top() -> Iterator[Path]:
    """A folder for one forest after another; the same for all, so that the lists are compiled once."""
    made = Path(tempfile.mkdtemp(prefix="cr"))
    yield made
    shutil.rmtree(made)


def quoted(path: str) -> str:
    return "'" + path + "'"


@pytest.mark.row("N01", "N02", "N03", "N04", "N08")
@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_reaches_the_member_by_inode_is_denied_and_what_does_not_is_not(top: Path, data: st.DataObject) -> None:
    forest = Forest(data, top)
    path = forest.path(data)
    full = os.path.join(forest.work, path)
    inode = forest.member.stat().st_ino
    found = tier(forest.work, f"echo x > {quoted(path)}", forest.member)
    if os.path.exists(full) and os.stat(full).st_ino == inode:
        assert found is Tier.TX, f"a write to {path}"
    elif not os.path.isdir(full):
        assert found is not Tier.TX, f"a write to {path}"
    removed = tier(forest.work, f"rm -rf {quoted(path)}", forest.member)
    if os.path.lexists(full) and _takes(full, inode):
        assert removed is Tier.TX, f"a removal of {path}"


def _takes(full: str, inode: int) -> bool:
    """Whether removing a path takes a name of the member along (a symbolic link in the last place is only itself)."""
    if not full.endswith("/") and os.path.islink(full):
        return False
    if not os.path.isdir(full):
        return os.lstat(full).st_ino == inode
    return any(os.lstat(os.path.join(d, name)).st_ino == inode for d, _, names in os.walk(full) for name in names)


@pytest.mark.row("N07")
def test_what_another_process_stands_in_is_the_same_file(tmp_path: Path) -> None:
    work, keep = tmp_path / "work", tmp_path / "keep"
    for folder in (work, keep, tmp_path / "home"):
        folder.mkdir()
    member, other = keep / "member", keep / "other"
    member.write_text("x")
    other.write_text("x")
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=keep, stdin=subprocess.PIPE) as child:
        for way in (f"/proc/{child.pid}/cwd", f"/proc/{child.pid}/root{keep}"):
            assert tier(work, f"rm {way}/member", member) is Tier.TX
            assert tier(work, f"rm {way}/other", member) is Tier.T3
            assert tier(work, f"echo x > {way}/new", member) is Tier.T3
        child.communicate(b"\n")
    assert tier(work, "rm /proc/self/fd/3", member) is Tier.T3
    assert tier(work, "echo x > /dev/fd/7", member) is Tier.T3


BOUND = """
import sys
from pathlib import Path
from tests.policy.test_protect_real import tier
work, member = Path(sys.argv[1]), Path(sys.argv[2])
for command in ("rm mnt/member", "rm -rf mnt", "rm -rf .", "echo x > mnt/member"):
    print(tier(work, command, member).value)
"""


@pytest.mark.row("N06")
def test_a_real_bind_mount_is_the_same_folder(tmp_path: Path) -> None:
    work, keep = tmp_path / "work", tmp_path / "keep"
    for folder in (work / "mnt", keep, tmp_path / "home"):
        folder.mkdir(parents=True)
    (keep / "member").write_text("x")
    script = 'mount --bind "$1" "$2/mnt" && exec "$3" -c "$4" "$2" "$1/member"'
    words = ["unshare", "-rm", "sh", "-c", script, "sh", str(keep), str(work), sys.executable, BOUND]
    probe = subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("no mount namespace of one's own here (unshare -rm)")
    done = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=False, timeout=50)
    assert (done.returncode, done.stdout.split()) == (0, ["TX"] * 4), done.stderr
