"""What an operator accepted holds, across restarts and whoever writes the files; what strengthens needs nobody."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controlroom.client.rpc import Refused
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home
from tests.support.waiting import eventually


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def again(daemon: Daemon) -> Daemon:
    """The daemon after a restart."""
    daemons.stop(daemon)
    return daemons.start(daemon.home)


def settings_say(daemon: Daemon, what: str) -> None:
    eventually(lambda: what in daemon.call("status")["settings"], 20, f"settings: {what}")


def alarms(daemon: Daemon, kind: str) -> list[str]:
    return [r["body"]["text"] for r in daemon.records() if r["kind"] == "alarm" and r["body"]["kind"] == kind]


def _emptied(file: Path) -> None:
    file.write_text("")


def _nonsense(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")


@pytest.mark.row("N11")
@pytest.mark.parametrize("harm", [Path.unlink, _emptied, _nonsense])
def test_a_manifest_that_was_changed_while_no_daemon_ran_does_not_take_effect(
    daemon: Daemon, harm: Callable[[Path], None]
) -> None:
    file, kept = daemon.places.config / "never-touch", daemon.workspace / "keep"
    kept.touch()
    file.write_text(f"{kept}\n")
    daemon.call("reload", what="manifest", sha256=sha256(file))
    daemons.stop(daemon)
    harm(file)
    after = daemons.start(daemon.home)
    try:
        assert "never-touch" in after.call("status")["manifest"]
        verdict, why = after.bash("touch new").answer()
        assert verdict == "deny" and "protect list" in why
        assert "never-touch list" in after.bash("rm keep").answer()[1], "the last good list holds"
        assert after.bash("ls").answer()[0] == "allow"
        eventually(lambda: alarms(after, "manifest"), 20, "an alarm")
    finally:
        daemons.stop(after)


@pytest.mark.row("N11")
def test_a_lost_copy_of_the_manifest_denies_writes(daemon: Daemon) -> None:
    file = daemon.places.config / "never-touch"
    file.write_text("keep\n")
    daemon.call("reload", what="manifest", sha256=sha256(file))
    daemons.stop(daemon)
    (daemon.places.state / "accepted" / sha256(file)).write_text("other\n")
    after = daemons.start(daemon.home)
    try:
        assert "not what was accepted" in after.call("status")["manifest"]
        assert after.bash("touch new").answer()[0] == "deny"
        after.call("reload", what="manifest", sha256=sha256(file))
        assert after.bash("touch new").answer()[0] == "allow"
    finally:
        daemons.stop(after)


@pytest.mark.row("C02")
def test_only_what_was_shown_is_taken(daemon: Daemon) -> None:
    file = daemon.places.config / "never-touch"
    file.write_text("keep\n")
    shown = sha256(file)
    file.write_text("!keep\n")
    with pytest.raises(Refused, match="changed since it was shown"):
        daemon.call("reload", what="manifest", sha256=shown)
    with pytest.raises(Refused, match="changed since they were shown"):
        daemon.call("reload", what="settings", sha256=shown)


def test_a_launch_with_a_profile_that_waits_is_told_how_to_accept_it(daemon: Daemon) -> None:
    profiles = daemon.places.config / "profiles"
    profiles.mkdir(mode=0o700)
    (profiles / "mine.toml").write_text("[trips]\nprocesses = 9000\n")
    settings_say(daemon, "config accept")
    with pytest.raises(Refused, match=r"no profile 'mine'.*config accept"):
        daemon.call("launch", name="a", profile="mine", command=["true"])


@pytest.mark.row("C03", "A16")
def test_a_weakening_change_waits_for_an_operator_and_a_strengthening_one_does_not(daemon: Daemon) -> None:
    file = daemon.places.config / "config.toml"
    file.write_text("hold.seconds = 30\n")
    eventually(lambda: daemon.call("settings")["settings"]["config"]["hold"]["seconds"] == 30, 20, "the shorter hold")
    file.write_text("hold.seconds = 600\ntrips.processes = 10\n")
    settings_say(daemon, "hold.seconds: 600.0, was 30.0")
    waiting = daemon.call("settings")
    assert waiting["settings"]["config"]["hold"]["seconds"] == 30, "the last good one holds, whole"
    assert "+hold.seconds = 600" in waiting["diff"]
    eventually(lambda: any("config accept" in text for text in alarms(daemon, "settings")), 20, "the journal tells it")
    daemon = again(daemon)
    try:
        settings_say(daemon, "hold.seconds: 600.0, was 30.0")
        daemon.call("reload", what="settings", sha256=daemon.call("settings")["sha256"])
        assert daemon.call("status")["settings"] == "ok"
        assert daemon.call("settings")["settings"]["config"]["trips"]["processes"] == 10
    finally:
        daemons.stop(daemon)


@pytest.mark.row("C01", "C06")
def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_once(daemon: Daemon) -> None:
    file = daemon.places.config / "config.toml"
    file.write_text("[hold]\nsecond")
    settings_say(daemon, "config.toml:2")
    assert daemon.call("status")["settings"].endswith("the last good settings hold")
    file.write_text("[hold]\nseconds = 600\n")
    settings_say(daemon, "ok")
    assert len(eventually(lambda: alarms(daemon, "settings"), 20, "the journal tells it")) == 1


@pytest.mark.row("C07")
def test_missing_settings_are_said(daemon: Daemon) -> None:
    assert "the built-in defaults hold" in daemon.call("status")["settings"]


def test_what_holds_is_pinned_in_the_journal(home: Home) -> None:
    (home.path / "config").mkdir(mode=0o700)
    (home.path / "config" / "never-touch").write_text("keep\n")
    daemon = daemons.start(home)

    def pins() -> dict[str, Any]:
        return {r["body"]["what"]: r["body"] for r in daemon.records() if r["kind"] == "config"}

    eventually(lambda: {"manifest", "settings"} <= pins().keys(), 20, "both are written down")
    daemons.stop(daemon)
    assert pins()["manifest"]["sha256"] == sha256(home.path / "config" / "never-touch")
    assert pins()["settings"]["by"] == "first start"
