"""What was destroyed comes back, through the real daemon: saved before the act, told before the answer, undone afterwards."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import Refused
from tests.storage.snapshots.trees import facts, make, run
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.waiting import eventually


def _release(daemon: Daemon, command: str) -> str:
    """An allowed call that really runs and whose end is told; its receipt."""
    asker = daemon.ask("delete", reason="test", argv=["bash", "-c", command])
    (row,) = daemon.pending()
    daemon.call("allow", id=row["id"], digest=row["digest"])
    assert asker.answer()[0] == "allow"
    run(command, daemon.workspace)
    daemon.connect().say(daemons.header("outcome"), json.dumps({"receipt": row["id"], "ok": True}).encode()).answer()
    return str(row["id"])


def _undo(daemon: Daemon, receipt: str) -> dict[str, Any]:
    plan = daemon.call("undo_plan", receipt=receipt)
    begun = daemon.call("undo", receipt=receipt, plan=plan["plan"])
    states: list[dict[str, Any]] = []

    def over() -> bool:
        states.append(daemon.call("undo_state", id=begun["id"]))
        return states[-1]["state"] in ("done", "failed")

    eventually(over, 30, "the undo is over")
    return states[-1]


def _spin(look: Callable[[], object]) -> None:
    """Wait for a moment that is soon over."""
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end, "it has not begun within 20 s"


@pytest.fixture
def tree(daemon: Daemon) -> Path:
    """A folder worth keeping, in the workspace."""
    make(daemon.workspace / "build", random.Random(21))
    return daemon.workspace / "build"


def test_what_an_allowed_call_removed_comes_back_and_can_go_again(daemon: Daemon, tree: Path) -> None:
    before = facts(daemon.workspace)
    receipt = _release(daemon, "rm -rf build")
    assert not tree.exists()
    first = _undo(daemon, receipt)
    assert (first["state"], first["error"]) == ("done", "")
    assert facts(daemon.workspace) == before
    assert daemon.call("show", id=receipt)["undone"] == first["id"]
    again = _undo(daemon, first["id"])
    assert again["state"] == "done"
    assert not tree.exists()


def test_the_journal_has_the_snapshot_before_the_yes_and_the_undo_before_the_first_file(daemon: Daemon, tree: Path) -> None:
    receipt = _release(daemon, "rm -rf build")
    undone = _undo(daemon, receipt)["id"]

    def kinds(name: str) -> list[str]:  # without what the sensors add: that comes when it comes
        return [r["kind"] for r in daemon.records() if r["receipt"] == name and r["kind"] != "seen"]

    eventually(lambda: "undone" in kinds(receipt), 20, "the end is on the disk too: nothing waits for it")
    assert kinds(receipt) == ["intent", "snapshot", "decision", "started", "outcome", "undone"]
    assert kinds(undone) == ["intent", "snapshot", "decision", "started", "outcome"]


@pytest.mark.row("J20")
def test_no_undo_is_said_before_the_answer_and_the_act_may_still_be_allowed(home: Any) -> None:
    (home.path / "config").mkdir(mode=0o700)
    (home.path / "config" / "config.toml").write_text("[snapshots]\nbytes = 1000\n")
    daemon = daemons.start(home)
    try:
        (daemon.workspace / "data").mkdir()
        (daemon.workspace / "data" / "big").write_bytes(b"x" * 12_000)
        asker = daemon.bash("rm -rf data")
        (row,) = daemon.pending()
        assert (row["undo"], row["undo_why"]) == (False, "12 KB, 11 KB over the limit of 1.0 KB")
        daemon.call("allow", id=row["id"], digest=row["digest"])
        assert asker.answer()[0] == "allow"
        with pytest.raises(Refused, match="no snapshot: 12 KB"):
            daemon.call("undo_plan", receipt=row["id"])
    finally:
        daemons.stop(daemon)


@pytest.mark.row("J20", "J08")
def test_what_was_shown_as_undoable_does_not_run_when_it_cannot_be_saved_any_more(daemon: Daemon, tree: Path) -> None:
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    assert row["undo"] is True
    objects = daemon.places.snapshots / "lists"
    shutil.rmtree(objects)
    with pytest.raises(Refused, match="no snapshot could be made"):
        daemon.call("allow", id=row["id"], digest=row["digest"])
    verdict, text = asker.answer()
    assert verdict == "deny"
    assert "ask again" in text
    daemon.bash("rm -rf build", "call_2")
    (again,) = daemon.pending()
    assert not again["undo"]
    assert "a snapshot was tried and failed" in again["undo_why"]


def test_reads_make_no_snapshot_and_a_passing_write_makes_one(daemon: Daemon) -> None:
    (daemon.workspace / "notes").write_text("old\n")
    assert daemon.bash("cat notes", "call_1").answer()[0] == "allow"
    assert daemon.call("snapshots") == []
    assert daemon.bash("echo new >> notes", "call_2").answer()[0] == "allow"
    (row,) = daemon.call("snapshots")
    (daemon.workspace / "notes").write_text("old\nnew\n")
    assert _undo(daemon, row["id"])["state"] == "done"
    assert (daemon.workspace / "notes").read_text() == "old\n"


@pytest.mark.row("J21")
def test_newer_work_is_named_and_an_old_plan_is_not_carried_out(daemon: Daemon, tree: Path) -> None:
    receipt = _release(daemon, "rm -rf build")
    tree.mkdir()
    (tree / "f0").write_text("newer work")
    plan = daemon.call("undo_plan", receipt=receipt)
    assert str(tree / "f0") in plan["newer"]
    (tree / "f0").write_text("even newer work")
    begun = daemon.call("undo", receipt=receipt, plan=plan["plan"])
    eventually(lambda: daemon.call("undo_state", id=begun["id"])["state"] == "failed", 20, "it is refused")
    assert (tree / "f0").read_text() == "even newer work"
    saved = _undo(daemon, receipt)
    assert saved["state"] == "done"
    assert _undo(daemon, saved["id"])["state"] == "done"
    assert (tree / "f0").read_text() == "even newer work", "what an undo overwrote comes back too"


@pytest.mark.row("J22")
def test_a_snapshot_that_was_changed_is_refused(daemon: Daemon, tree: Path) -> None:
    receipt = _release(daemon, "rm -rf build")
    listed = daemon.places.snapshots / "lists" / receipt
    listed.write_bytes(listed.read_bytes()[:-1] + b"x")
    with pytest.raises(Refused, match="not the journal's"):
        daemon.call("undo_plan", receipt=receipt)


@pytest.mark.row("J07", "J08", "K10")
def test_a_killed_daemon_leaves_an_undo_that_goes_on_when_it_is_asked_again(home: Any) -> None:
    daemon = daemons.start(home)
    try:
        tree = daemon.workspace / "build"
        tree.mkdir()
        for n in range(800):
            (tree / f"f{n}").write_bytes(b"%d" % n * 300)
        before = facts(tree)
        receipt = _release(daemon, "rm -rf build")
        plan = daemon.call("undo_plan", receipt=receipt)
        daemon.call("undo", receipt=receipt, plan=plan["plan"])
        _spin(lambda: tree.exists() and len(os.listdir(tree)) > 20)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait(10)
        for name, found in facts(tree).items():
            assert found[4] is None or b".controlroom-undo-" in name or found[4] == before[name][4], "no file is half there"
        daemon.process = daemons.launch(home)
        eventually(lambda: daemons.answers(daemon), 20, "the daemon answers again")
        assert _undo(daemon, receipt)["state"] == "done"
        assert facts(tree) == before
    finally:
        daemons.stop(daemon)


@pytest.mark.row("J08")
def test_a_daemon_killed_while_it_saves_has_released_nothing(home: Any) -> None:
    daemon = daemons.start(home)
    try:
        tree = daemon.workspace / "build"
        tree.mkdir()
        for n in range(40):
            (tree / f"f{n}").write_bytes(os.urandom(2_000_000))
        asker = daemon.bash("rm -rf build")
        (row,) = daemon.pending()
        with daemon.operator() as operator:
            line = {"id": 99, "method": "allow", "params": {"id": row["id"], "digest": row["digest"]}}
            operator._socket.sendall(json.dumps(line).encode() + b"\n")
            objects = daemon.places.snapshots / "objects"
            _spin(lambda: any(objects.iterdir()))
            daemon.kill()
        kinds = [r["kind"] for r in daemon.records() if r["receipt"] == row["id"]]
        assert asker.answer()[0] != "allow" or kinds[:3] == ["intent", "snapshot", "decision"]
        daemon.process = daemons.launch(home)
        eventually(lambda: daemons.answers(daemon), 20, "the daemon answers again")
        whole = "snapshot" in kinds
        eventually(lambda: whole or not any(objects.iterdir()), 20, "what it left is swept")
        assert len(os.listdir(tree)) == 40
    finally:
        daemons.stop(daemon)


GIT = {
    "reset --hard": "git reset -q --hard HEAD~1",
    "clean": "git clean -qfdx",
    "branch -D": "git branch -qD topic",
    "stash drop": "git stash drop -q",
    "checkout": "git checkout -q -- .",
    "reflog": "git reflog expire --expire=now --all && git gc -q --prune=now",
    "rebase": "git rebase -q topic",
}


@pytest.mark.parametrize("how", sorted(GIT))
def test_what_git_lost_comes_back(daemon: Daemon, how: str) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is missing")
    top = daemon.workspace / "repo"
    script = """
    git init -q repo && cd repo && git config user.email a@b && git config user.name a && echo '*.log' > .gitignore
    echo one > a && git add . && git commit -qm one && git branch topic
    echo two > a && git commit -qam two && git switch -q topic && echo t > t && git add t && git commit -qm t
    git switch -q - && mkdir -p d/e && echo f > d/e/f
    echo stashed > a && git stash -q && echo dirty > a && echo new > new && echo ignored > x.log
    """
    subprocess.run(["bash", "-ec", script], cwd=daemon.workspace, check=True, capture_output=True)
    before = _git(top)
    files = {k: v for k, v in facts(top).items() if b"/.git" not in k}
    receipt = daemon.bash(f"cd repo && {GIT[how]}")
    eventually(lambda: daemon.call("pending") or daemon.call("snapshots"), 20, "it waits, or it passed")
    for row in daemon.call("pending"):
        assert row["undo"] is True, row["undo_why"]
        daemon.call("allow", id=row["id"], digest=row["digest"])
    assert receipt.answer()[0] == "allow"
    run(GIT[how], top)
    (saved,) = daemon.call("snapshots")
    assert _undo(daemon, saved["id"])["state"] == "done"
    assert _git(top) == before
    assert {k: v for k, v in facts(top).items() if b"/.git" not in k} == files


def test_where_a_forced_push_falls_is_told_before_the_answer_and_is_in_the_journal(daemon: Daemon) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is missing")
    script = """
    git init -q -b main far && cd far && git config user.email a@b && git config user.name a && git commit -qm one --allow-empty
    git clone -q . ../repo && git rev-parse main
    """
    done = subprocess.run(["bash", "-ec", script], cwd=daemon.workspace, check=True, capture_output=True, text=True)
    old = done.stdout.strip()
    daemon.bash("cd repo && git push -f origin main")
    (row,) = daemon.pending()
    note = (
        f"the remote branch origin/main was last seen at {old}; to put it back: "
        f"git push --force-with-lease origin {old}:refs/heads/main"
    )
    assert note in row["undo_why"]
    written = eventually(lambda: [r["body"] for r in daemon.records() if r["kind"] == "intent"], 20, "the intent is on disk")
    assert note in written[0]["assessment"]["undo_why"]


def _git(top: Path) -> list[str]:
    """Where everything of a repository points, and that it is whole."""
    commands = [
        "for-each-ref",
        "symbolic-ref HEAD",
        "stash list",
        "reflog",
        "status --porcelain --ignored",
        "fsck --no-dangling",
    ]
    return [subprocess.run(["git", *c.split()], cwd=top, check=True, capture_output=True, text=True).stdout for c in commands]
