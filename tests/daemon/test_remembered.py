"""A daemon knows after many segments of the journal what it knew in the first: each new one takes along what is folded."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from controlroom.agents import Call
from controlroom.daemon import changes, observed
from controlroom.daemon.changes import Changes
from controlroom.daemon.hook_proof import HookProof
from controlroom.daemon.observed import Observed
from controlroom.daemon.proved import Proved
from controlroom.daemon.secret_scan import Secrets
from controlroom.model.clock import Instant
from controlroom.model.permissions import LayerChange
from controlroom.model.record import Kind, Record
from controlroom.model.use import Capability
from controlroom.storage.notes import Carried, Leak, Remembered
from tests.daemon.test_observed import USUAL, act
from tests.daemon.test_secret_scan import TOKEN, alarms, call, found
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually

SMALL = """
import sys
from controlroom.daemon.__main__ import main
from controlroom.storage import lineup
lineup.MOST = 20_000
sys.exit(main())
"""
SEGMENTS = 5  # a start reads the newest, and the one before it where that is small


def record(kind: Kind, body: object, session: str = "s1") -> Record:
    return Record(kind, Instant(1, 1), session, "", msgspec.Raw(msgspec.json.encode(body)))


def carried(remembered: Remembered) -> Record:
    """The record in which a new segment takes it along, as it is read back."""
    return record(Kind.CARRIED, Carried(remembered=remembered), "")


def with_small_segments(home: Home, workspace: Path) -> Daemon:
    daemon = Daemon(home, subprocess.Popen([sys.executable, "-c", SMALL], env=home.env), workspace)
    eventually(lambda: daemons.answers(daemon), 60, "the daemon answers")
    return daemon


@pytest.mark.row("R14")
def test_a_secret_that_was_told_many_segments_ago_is_not_told_again(home: Home, tmp_path: Path) -> None:
    workspace = home.path.parent / "w"
    workspace.mkdir(exist_ok=True)
    log = home.user / "s.jsonl"
    log.write_text(json.dumps({"type": "user", "message": {"content": f"my token is {TOKEN}"}}) + "\n")
    daemon = with_small_segments(home, workspace)
    try:
        session = call(daemon, log)
        (text,) = eventually(lambda: alarms(daemon), 20, "it is told")
        while len(list(daemon.places.journal.glob("*.jsonl"))) < SEGMENTS:
            assert daemon.bash("ls " + "x" * 500, "").answer()[0] == "allow"
    finally:
        daemons.stop(daemon)
    after = daemons.start(home)
    try:
        session = call(after, log)
        eventually(lambda: found(after, session), 20, "it is found again")
        assert alarms(after) == [text]
    finally:
        daemons.stop(after)


def test_leaks_keep_their_marks() -> None:
    before, after = Secrets(), Secrets()
    before.note(record(Kind.LEAK, Leak("/log", 2, "github", "m1")))
    after.note(carried(Remembered(leaks=before.carried())))
    assert after.has("/log", "m1")
    assert after.carried() == before.carried()


def test_walls_that_held_and_hooks_that_spoke_stay_proved() -> None:
    walls, again = Proved(), Proved()
    walls.note(record(Kind.WALLS, {"held": ["/home"]}))
    walls.note(record(Kind.WALLS, {"held": ["/over"]}, "over"))
    again.note(carried(Remembered(walls=walls.carried({"s1"}))))
    assert again.walls("s1") == ("/home",)
    assert again.walls("over") == ()

    hooks, after = (HookProof(Path("/run/x"), lambda: Instant(2, 2)) for _ in range(2))
    hooks.recall(record(Kind.INTENT, {"agent": "the-name-of-its-session", "call": "toolu_1"}))
    after.recall(carried(Remembered(hooks=hooks.carried({"s1"}))))
    after.recall(record(Kind.INTENT, {"agent": "the-name-of-its-session", "call": "toolu_2"}))
    after.recall(record(Kind.INTENT, {"agent": "ada", "call": ""}))
    for kind, event in (("claude-code", "PreToolUse"), ("copilot", "preToolUse")):
        [gate] = [hook for hook in after.hooks(kind, "s1", {}) if hook.calls]
        assert (gate.event, gate.calls, gate.last) == (event, 2, Instant(1, 1))
    after.heard("s1", Call("gate", "PreToolUse"))
    [gate] = [hook for hook in after.hooks("claude-code", "s1", {}) if hook.calls]
    assert (gate.event, gate.calls, gate.last) == ("PreToolUse", 3, Instant(2, 2))


def test_what_a_session_used_is_counted_on_and_not_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, both = Observed(), Observed(), Observed()
    for fold in (before, both):
        act(fold, 1, "git")
        act(fold, 2, "git")
    line = carried(Remembered(used=before.carried({"s1"})))
    for fold in (after, both):
        fold.note(line)
        act(fold, 3, "git")
        [row] = fold.used("s1", USUAL, "/w", "/h")
        assert (row.kind, row.scope, row.times) == (Capability.EXEC, "git", 3)
    assert before.carried({"another"}) == {}
    monkeypatch.setattr(observed, "MOST_CARRIED", 10)
    short = Observed()
    short.note(carried(Remembered(used=before.carried({"s1"}))))
    row2 = next(row for row in short.matrix("s1", USUAL, "/w", "/h") if row.kind is Capability.EXEC)
    assert (row2.times, row2.unseen) == (2, 2), "what is too much to take along is still counted"


def test_a_change_that_waits_for_an_operator_goes_on_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = Changes(), Changes()
    for name in ("one", "two", "taken"):
        change = LayerChange(name, f"/w/{name}", "settings", "claude-code", "changed", "on disk, no call", "- a\n+ b")
        before.note(record(Kind.LAYER, change))
    before.note(record(Kind.LAYER_TAKEN, {"id": "taken", "by": "op"}))
    after.note(carried(Remembered(changes=before.carried())))
    assert [seen.change.id for seen in after.waiting()] == ["one", "two"]
    after.note(record(Kind.LAYER_TAKEN, {"id": "one", "by": "op"}))
    assert [seen.change.id for seen in after.waiting()] == ["two"]
    before.note(carried(Remembered(changes=(after.all()[0],))))
    assert [seen.taken for seen in before.all()] == ["", "", "op"], "what was read too is as it was read"
    monkeypatch.setattr(changes, "MOST_CARRIED", 1)
    assert before.carried() == ()
