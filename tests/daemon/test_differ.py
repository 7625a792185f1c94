"""How a file differs: from what its act saved, else from git; bounded, and nothing of a repository's own settings runs."""

import os
import subprocess
from pathlib import Path

import pytest

from controlroom.daemon.differ import compare
from controlroom.storage.snapshots.store import Store
from tests.daemon.test_touched import lane, over, rows, watched
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

WHO = {f"GIT_{role}_{what}": "ann@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
GIT = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", **WHO}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store")
    made.secure()
    return made


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """One file, committed; settings of its own that would run a program."""
    top = tmp_path / "repo"
    (top / "src").mkdir(parents=True)
    (top / "src/a.txt").write_text("one\ntwo\n")
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(top), *words], env=GIT, check=True, capture_output=True)
    for name in ("core.fsmonitor", "core.sshCommand", "diff.external", "core.pager"):
        subprocess.run(["git", "-C", str(top), "config", name, f"touch {tmp_path}/ran"], env=GIT, check=True)
    return top


def test_without_a_snapshot_it_is_held_against_git(store: Store, repository: Path, tmp_path: Path) -> None:
    (repository / "src/a.txt").write_text("one\n2\n")
    told = compare(str(repository / "src/a.txt"), store, [])
    assert told.against == "git HEAD"
    assert [line for line in told.text.splitlines() if line[0] in "+-"][2:] == ["-two", "+2"]
    (repository / "src/a.txt").unlink()
    (repository / "src").rmdir()
    assert "+++ /dev/null" in compare(str(repository / "src/a.txt"), store, []).text
    assert not (tmp_path / "ran").exists()


def test_what_nobody_has_is_said_to_be_unknown(store: Store, tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("1")
    assert "no earlier version is known" in compare(str(tmp_path / "plain"), store, []).why


def test_what_is_no_text_or_too_large_is_not_compared(store: Store, repository: Path) -> None:
    path = repository / "src/a.txt"
    path.write_bytes(b"\0\1")
    assert "no text" in compare(str(path), store, []).why
    path.write_bytes(b"x" * 300_000)
    assert "over 256 KiB" in compare(str(path), store, []).why
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "cannot be read" in compare(str(path), store, []).why
    path.unlink()
    os.mkfifo(path)
    assert "no file" in compare(str(path), store, []).why


def test_a_file_of_the_tab_is_held_against_the_snapshot_of_its_act(daemon: Daemon) -> None:
    (daemon.workspace / "notes").write_text("old\n")
    asker = daemon.bash("rm notes", call="toolu_1")
    [request] = daemon.pending()
    daemon.call("allow", id=request["id"], digest=request["digest"])
    assert asker.answer()[0] == "allow"
    session = lane(daemon)
    watched(daemon, session)
    (daemon.workspace / "notes").write_text("new\n")
    over(daemon, "toolu_1")
    eventually(lambda: rows(daemon, session).get("notes", {}).get("seen"), 20, "it has a row")
    told = daemon.call("diff", session=session, path=str(daemon.workspace / "notes"))
    assert told["against"].startswith("before receipt ")
    assert told["text"].splitlines()[-2:] == ["-old", "+new"]
    with pytest.raises(Exception, match="not among the files"):
        daemon.call("diff", session=session, path="/etc/hostname")
