"""Transcript and memory files are kept before the agent shortens them, and at each act that was asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import Refused
from controlroom.storage.snapshots.manifest import decode
from tests.storage.snapshots.trees import facts
from tests.support.daemon import Daemon, header
from tests.support.waiting import eventually


@pytest.fixture
def log(daemon: Daemon) -> Path:
    """The session's transcript; beside it and in the workspace there is memory."""
    project = daemon.home.user / ".claude/projects/-w"
    (project / "memory").mkdir(parents=True)
    (project / "memory/MEMORY.md").write_text("the tests need a database\n")
    (daemon.workspace / "CLAUDE.md").write_text("use make\n")
    path = project / "s1.jsonl"
    path.write_text('{"type":"user"}\n')
    return path


def compact(daemon: Daemon, log: Path) -> None:
    body = {"session_id": "s1", "transcript_path": str(log), "cwd": str(daemon.workspace), "trigger": "auto"}
    told = json.dumps({**body, "hook_event_name": "PreCompact"}).encode()
    asker = daemon.connect().say(header("hook", agent="claude-code", event="PreCompact"), told)
    assert asker.answer() == ("ok", "")


def checkpoints(daemon: Daemon, count: int = 1) -> list[dict[str, Any]]:
    def found() -> list[dict[str, Any]]:
        return [r for r in daemon.records() if r["kind"] == "checkpoint"]

    eventually(lambda: len(found()) == count, 20, f"{count} checkpoints")
    return found()


def undo(daemon: Daemon, name: str) -> dict[str, Any]:
    begun = daemon.call("undo", receipt=name, plan=daemon.call("undo_plan", receipt=name)["plan"])
    states: list[dict[str, Any]] = []

    def over() -> bool:
        states.append(daemon.call("undo_state", id=begun["id"]))
        return states[-1]["state"] in ("done", "failed")

    eventually(over, 30, "the undo is over")
    return states[-1]


def content(daemon: Daemon, name: str) -> dict[str, bytes]:
    store = daemon.places.snapshots
    kept = decode((store / "lists" / name).read_bytes()).kept
    return {k.path.decode(): b"".join((store / "objects" / part).read_bytes() for part in k.parts) for k in kept}


def test_before_it_is_shortened_a_transcript_is_kept_with_the_memory_files(daemon: Daemon, log: Path) -> None:
    before = log.read_bytes()
    compact(daemon, log)
    (record,) = checkpoints(daemon)
    log.write_text("gone\n")
    body = record["body"]
    assert (body["why"], body["saved"]["files"], body["saved"]["left_out"]) == ("before it is shortened", 3, [])
    files = content(daemon, body["id"])
    assert files[str(log)] == before
    assert sorted(Path(path).name for path in files) == ["CLAUDE.md", "MEMORY.md", "s1.jsonl"]
    (row,) = daemon.call("snapshots")
    assert (row["id"], row["session"], row["stage"], row["files"]) == (body["id"], record["session"], "checkpoint", 3)
    assert (row["tool"], row["input"], row["kept"]) == ("transcript and memory", "before it is shortened", "recent")


def test_a_released_act_of_tier_2_is_a_moment_to_keep_them_and_a_harmless_one_is_not(daemon: Daemon, log: Path) -> None:
    (daemon.workspace / "build").mkdir()
    assert daemon.bash("ls", "toolu_1", transcript_path=str(log)).answer()[0] == "allow"
    asker = daemon.bash("rm -r build", "toolu_2", transcript_path=str(log))
    (row,) = daemon.pending()
    daemon.call("allow", id=row["id"], digest=row["digest"])
    assert asker.answer()[0] == "allow"
    (record,) = checkpoints(daemon)
    assert (record["receipt"], record["body"]["why"]) == (row["id"], f"at act {row['id']}")
    assert content(daemon, record["body"]["id"])[str(log)] == log.read_bytes()
    assert daemon.call("show", id=row["id"])["stage"] == "started"


@pytest.mark.row("J21", "J22")
def test_a_checkpoint_comes_back_and_what_was_there_instead_comes_back_too(daemon: Daemon, log: Path) -> None:
    memory = log.parent / "memory/MEMORY.md"
    log.write_bytes(b'{"type":"user"}\n' * 200_000)  # several pieces
    log.chmod(0o600)
    before = {path: facts(path) for path in (log, memory)}
    compact(daemon, log)
    (record,) = checkpoints(daemon)
    name = record["body"]["id"]
    log.write_text("shortened\n")
    log.chmod(0o644)
    memory.parent.rename(log.parent / "away")
    plan = daemon.call("undo_plan", receipt=name)
    assert [(s["do"], s["path"]) for s in plan["steps"]] == [
        ("replace", str(log)),
        ("create", str(memory.parent)),
        ("create", str(memory)),
    ]
    assert (plan["stage"], plan["newer"]) == ("checkpoint", [str(log)])
    assert any("is not over: stop it first" in note for note in plan["notes"])
    first = undo(daemon, name)
    assert (first["state"], first["error"]) == ("done", "")
    assert {path: facts(path) for path in (log, memory)} == before
    assert undo(daemon, first["id"])["state"] == "done"
    assert log.read_text() == "shortened\n" and not memory.exists()

    def kinds() -> list[str]:
        return [r["kind"] for r in daemon.records() if r["receipt"] == first["id"] and r["kind"] != "seen"]

    eventually(lambda: "undone" in kinds(), 20, "the end is on the disk too: nothing waits for it")
    assert kinds() == ["intent", "snapshot", "decision", "started", "outcome", "undone"]
    listed = daemon.places.snapshots / "lists" / name
    listed.write_bytes(listed.read_bytes()[:-1] + b"x")
    with pytest.raises(Refused, match="not the journal's"):
        daemon.call("undo_plan", receipt=name)
    with pytest.raises(Refused, match="no checkpoint"):
        daemon.call("undo_plan", receipt=f"{name}0")


def test_a_transcript_that_is_a_link_is_not_followed(daemon: Daemon, log: Path) -> None:
    secret = daemon.home.user / "id_ed25519"
    secret.write_text("PRIVATE")
    log.unlink()
    log.symlink_to(secret)
    compact(daemon, log)
    (record,) = checkpoints(daemon)
    assert record["body"]["saved"]["left_out"] == [f"{log}: it is no regular file"]
    objects = (daemon.places.snapshots / "objects").iterdir()
    assert not any(b"PRIVATE" in file.read_bytes() for file in objects)


@pytest.mark.parametrize("path", ["/etc/passwd", "s1.jsonl", "/a\0b.jsonl", ""])
def test_what_cannot_be_a_transcript_is_not_looked_at(daemon: Daemon, log: Path, path: str) -> None:
    compact(daemon, Path(path) if path else Path())
    compact(daemon, log)
    (record,) = checkpoints(daemon)
    assert str(log) in content(daemon, record["body"]["id"])
