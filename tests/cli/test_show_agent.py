"""`show NAME`: an agent in plain sentences; and a call that goes beyond its profile waits."""

from tests.cli.conftest import Cli
from tests.support import daemon as daemons
from tests.support.daemon import Daemon


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
