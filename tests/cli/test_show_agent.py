"""`show NAME`: an agent in plain sentences; and a call that goes beyond its profile waits."""

import itertools

from tests.cli.conftest import Cli
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.waiting import eventually


def test_show_tells_what_it_may_did_and_did_not_touch(cli: Cli, daemon: Daemon) -> None:
    assert daemon.bash("touch new && systemctl --version").answer()[0] == "allow"
    name = daemon.call("agents")[0]["name"]
    said = cli.ok("show", name)
    assert "Its profile default expects it to:" in said
    assert "create, change and remove the workspace" in said
    assert "created, changed or removed files, 1 time" in said
    assert "ran programs, 2 times" in said
    assert "Declared and never used: fs.read, net." in said
    assert "Neither declared nor used: config, publish, restart, secrets." in said
    assert "It runs 0 processes." in said, "one that is only heard of has none that we know"
    (daemon.workspace / "beside").touch()
    eventually(lambda: f"{daemon.workspace}/beside created" in cli.ok("show", name), 20, "what no call named is told")


def test_show_and_agents_tell_of_permissions_and_files_and_a_change_is_taken(cli: Cli, daemon: Daemon) -> None:
    settings = daemon.home.user / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text('{"permissions": {"defaultMode": "bypassPermissions"}}')
    assert daemon.bash("ls").answer()[0] == "allow"
    (row,) = cli.json("agents")
    said = cli.ok("show", row["name"])
    assert f"ASKS NOTHING: {settings} says permissions.defaultMode bypassPermissions" in said
    assert f"{settings}: user settings, no gate" in said and "WEAKENS THE GATE" in said
    assert "The gate is proved: 1 call of this session reached it" in said
    assert "The gate is unknown: calls reach it by a hook that stands in no settings which we can read." in said
    eventually(lambda: cli.json("agents")[0]["gate"] == row["permissions"]["gate"], 20, "the list tells it as well")
    assert " unknown " in cli.ok("agents")
    assert {mode["weight"] for mode in row["permissions"]["modes"]} == {"red"}
    assert {layer["path"]: layer["exists"] for layer in row["layers"]}[str(settings)]

    # Until the daemon has looked once, what is written is what was there; the settings themselves are written once only.
    note, numbers = settings.parent / "CLAUDE.md", itertools.count()
    eventually(lambda: note.write_text(f"{next(numbers)}") and cli.json("config", "changes"), 20, "the files are looked at")
    settings.write_text("{}")

    def waiting(*words: str) -> list[object]:
        return [one for one in cli.json("config", "changes", *words) if one["change"]["path"] == str(settings)]

    eventually(waiting, 20, "the change is seen")
    assert f"{settings}: changed" in cli.ok("config", "accept", str(settings), "--yes")
    assert cli.ok("config", "accept", str(settings), "--yes").endswith("looked at\n")
    assert "taken by operator:" in cli.ok("show", row["name"])
    assert waiting() == [] and waiting("--all") != []


def test_a_call_beyond_the_profile_waits(cli: Cli, daemon: Daemon) -> None:
    profiles = daemon.places.config / "profiles"
    profiles.mkdir(mode=0o700)
    (profiles / "default.toml").write_text("[capabilities]\nfs.write = ['.']\nexec = ['touch']\n")
    daemons.stop(daemon)
    after = daemons.start(daemon.home)
    try:
        assert after.bash("touch new").answer()[0] == "allow"
        held = after.bash("jq . new")
        (row,) = after.pending()
        assert row["tier"] == "T2" and "does not declare exec jq" in row["reasons"][0]["text"]
        after.call("allow", id=row["id"], digest=row["digest"])
        assert held.answer()[0] == "allow"
        assert "NOT DECLARED: jq" in cli.ok("show", after.call("agents")[0]["name"])
    finally:
        daemons.stop(after)
