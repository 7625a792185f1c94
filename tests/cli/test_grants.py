"""`grant`: shown in full before it is given, for what lies there now, and for nobody whom nobody knows."""

import shutil
import sys

import pytest

from tests.cli.conftest import Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

SLEEPER = ("--", "sleep", "300")


@pytest.mark.row("A14")
def test_a_grant_is_shown_in_full(cli: Cli, daemon: Daemon) -> None:
    (cli.cwd / "build").mkdir()
    (cli.cwd / "link").symlink_to("build")
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    said = cli.ok("grant", "a", "--effect", "delete", "--effect", "write", "--path", "link", "--uses", "3", "--for", "2m")
    assert f"a may delete, write on {cli.cwd}/build and all that is below" in said
    assert "3 times, within 2m, until its session ends" in said
    assert said.index("may delete") < said.index("grant "), "before it is given"
    assert "exactly rm -rf build" in cli.ok("grant", "a", "--effect", "delete", "--argv", "rm -rf build")


def test_there_is_no_always(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    for words in (["--for", "always"], ["--for", "0s"], ["--uses", "0"], ["--uses", "-1"]):
        assert cli.run("grant", "a", "--effect", "delete", "--path", ".", *words).returncode == 2
    cli.ok("grant", "a", "--effect", "delete", "--path", ".", "--for", "999h")
    assert cli.json("grants")[0]["ttl_s"] <= 3600
    cli.ok("stop", "a")
    eventually(lambda: not cli.json("grants"), 20, "it ended with its session")


@pytest.mark.row("A14")
def test_another_folder_under_the_granted_name_is_not_granted(cli: Cli, daemon: Daemon) -> None:
    build = cli.cwd / "build"
    build.mkdir()
    (build / "a").touch()
    (build / "b").touch()
    go = cli.cwd / "go"
    script = f"import os, subprocess, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.05)\n"
    ask = "subprocess.run([{0!r}, '-m', 'controlroom', 'ask', '--op', 'delete', '--path', {1!r}, '--reason', 'r'])\n"
    asks = "".join(ask.format(sys.executable, str(build / name)) for name in "ab")
    cli.ok("run", "--detach", "--name", "a", "--", sys.executable, "-c", script + asks + "time.sleep(300)")
    cli.ok("grant", "a", "--effect", "delete", "--path", "build", "--uses", "5")
    kept = cli.cwd / "kept"
    build.rename(kept)
    shutil.copytree(kept, build)
    go.touch()
    eventually(lambda: cli.json("pending"), 20, "it waits for a person")
    assert cli.json("grants") == []
    revoked = eventually(lambda: [r for r in daemon.records() if r["kind"] == "grant.revoked"], 20, "the journal tells it")
    assert "another folder" in revoked[0]["body"]["by"]


@pytest.mark.row("G11")
def test_an_unknown_peer_gets_no_grant(cli: Cli, daemon: Daemon) -> None:
    asker = daemon.bash("rm -rf build")
    (row,) = daemon.pending()
    name = cli.json("agents")[0]["name"]
    assert "gets no grant" in cli.fails(1, "grant", name, "--effect", "delete", "--path", ".")
    daemon.call("deny", id=row["id"])
    assert asker.answer()[0] == "deny"
