"""`run` and what steers it: the agent is held from its first instruction on, and its exit status is ours."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from controlroom.containment import cgroup, hold
from controlroom.containment.rungs import bwrap_refuses
from controlroom.storage import handles
from tests.cli.conftest import Cli
from tests.support.daemon import Daemon
from tests.support.waiting import eventually

SLEEPER = ("--", "sleep", "300")


@pytest.mark.parametrize("status", [0, 7])
def test_the_exit_status_is_the_agents(cli: Cli, daemon: Daemon, status: int) -> None:
    done = cli.run("run", "--", "sh", "-c", f"echo hello; exit {status}")
    assert (done.returncode, done.stdout) == (status, "hello\n")


def test_a_command_that_is_not_there_is_127(cli: Cli, daemon: Daemon) -> None:
    assert "not found" in cli.fails(127, "run", "--", "no-such-program-here")


def test_it_starts_a_daemon_where_none_runs(cli: Cli) -> None:
    cli.ok("run", "--", "true")
    assert cli.json("daemon", "status")["pid"]


def test_a_profile_is_chosen_by_name(cli: Cli) -> None:
    profiles = cli.home.path / "config" / "profiles"
    profiles.mkdir(parents=True, mode=0o700)
    profiles.parent.chmod(0o700)
    (profiles / "reviewer.toml").write_text("[trips]\nprocesses = 64\n")
    said = cli.fails(2, "run", "--profile", "revewer", "--", "true")
    assert "no profile 'revewer'; there are: default, reviewer" in said
    cli.ok("run", "--detach", "--profile", "reviewer", *SLEEPER)
    assert cli.json("agents")[0]["profile"] == "reviewer"


def test_a_detached_agent_is_listed_held_and_ended(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    (row,) = cli.json("agents")
    assert (row["name"], row["state"], row["label"], row["workspace"]) == ("a", "running", "SUPERVISED", str(cli.cwd))
    assert cli.json("show", "a")[0]["id"] == row["id"]
    for act, state in (("pause", "paused"), ("resume", "running"), ("stop", "stopped")):
        assert "proof: " in cli.ok(act, "a")
        assert cli.json("agents")[0]["state"] == state


def test_all_means_all(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    cli.ok("run", "--detach", "--name", "a", *SLEEPER)
    rows = cli.json("kill", "all")
    assert [(row["name"], row["state"], bool(row["proof"])) for row in rows] == [
        ("a", "stopped", True),
        ("a-2", "stopped", True),
    ]


def test_an_agent_that_is_not_there_cannot_be_steered(cli: Cli, daemon: Daemon) -> None:
    assert "not-found" in cli.fails(1, "pause", "nobody")


def test_its_end_is_told_to_a_daemon_that_was_restarted_meanwhile(cli: Cli) -> None:
    cli.ok("daemon", "start")
    agent = cli.start("run", "--name", "a", "--", "sh", "-c", "until [ -e go ]; do sleep 0.05; done; exit 3")
    eventually(lambda: cli.json("agents"), 20, "the agent runs")
    cli.ok("daemon", "stop")
    cli.ok("daemon", "start")
    assert cli.json("agents")[0]["state"] == "running"
    (cli.cwd / "go").touch()
    assert agent.wait(20) == 3
    agent.communicate()
    eventually(lambda: cli.json("agents")[0]["state"] == "ended", 20, "the session has ended")


def test_a_workspace_that_is_not_there_is_a_usage_error(cli: Cli) -> None:
    cli.fails(2, "run", "--workspace", "nowhere", "--", "true")
    cli.fails(2, "run")


def test_claude_gets_our_hooks_and_keeps_its_arguments(cli: Cli, daemon: Daemon) -> None:
    claude = cli.cwd / "claude"
    claude.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > told\n')
    claude.chmod(0o755)
    cli.ok("run", "--", str(claude), "-p", "do it")
    told = (cli.cwd / "told").read_text().splitlines()
    settings = json.loads(told[told.index("--settings") + 1])
    assert settings["disableAllHooks"] is False
    assert str(daemon.places.runtime) in settings["hooks"]["PreToolUse"][0]["hooks"][0]["command"]
    assert "-p" in told and "do it" in told


@pytest.mark.row("S04")
def test_an_agent_is_no_operator(cli: Cli, daemon: Daemon) -> None:
    done = cli.run("run", "--", sys.executable, "-m", "controlroom", "agents")
    assert done.returncode == 1
    assert "supervised session" in done.stderr


def test_a_running_process_is_adopted_as_advisory(cli: Cli, daemon: Daemon) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert "ADVISORY" in cli.ok("adopt", str(process.pid), "--name", "sleeper")
            assert [row["name"] for row in cli.json("agents")] == ["sleeper"]
            assert "is already session" in cli.fails(1, "adopt", str(process.pid))
        finally:
            process.kill()


def test_nobody_adopts_the_machine_the_daemon_or_their_own_shell(cli: Cli, daemon: Daemon) -> None:
    assert "this daemon itself" in cli.fails(1, "adopt", str(daemon.process.pid))
    assert "your own shell" in cli.fails(1, "adopt", str(os.getpid()))
    assert "one PID, or --all" in cli.fails(2, "adopt")
    assert cli.json("agents") == []


def _bwrap() -> None:
    if bwrap_refuses():
        pytest.skip(f"needs bwrap: {bwrap_refuses()}")


@pytest.mark.row("N10", "G05")
def test_enforced_holds_what_the_lists_mean_and_the_gate_is_still_reached(cli: Cli, daemon: Daemon) -> None:
    _bwrap()
    key = cli.cwd / "deep" / "id_ed25519"
    settings = cli.cwd / ".claude" / "settings.json"
    for file in (key, settings):
        file.parent.mkdir()
        file.write_text("{}\n")
    script = (
        "rm -rf deep .claude; mv deep other; echo '{\"disableAllHooks\":true}' > .claude/settings.local.json; "
        f"touch {cli.home.path}/config/x {cli.home.path}/state/x; ls -A {cli.home.path}/run; touch done; "
        f"{sys.executable} -m controlroom ask --op delete --path {key} --reason r -- true; echo $?"
    )
    done = cli.run("run", "--contain", "enforced", "--", "sh", "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["gate.sock", "1"], done.stderr
    assert "never-touch" in done.stderr  # the daemon's own answer, through the gate
    assert (key.read_text(), settings.read_text()) == ("{}\n", "{}\n")
    assert sorted(path.name for path in cli.cwd.iterdir()) == [".claude", "deep", "done"]
    assert not (cli.cwd / ".claude" / "settings.local.json").exists()
    assert [path.name for path in (cli.home.path / "state" / "cages").iterdir()] == []
    assert cli.json("agents")[0]["label"] == "ENFORCED"


@pytest.mark.row("G05", "N12")
@pytest.mark.parametrize(
    ("program", "unborn"),
    [
        ("claude", ("~/.claude/settings.json", "./.claude/settings.local.json")),
        ("codex", ("~/.codex/config.toml", "~/.codex/hooks.json", "~/.codex/rules/a.rules", "./.codex/config.toml")),
        ("gemini", ("~/.gemini/settings.json", "~/.gemini/extensions/x", "./.gemini/settings.json")),
        ("copilot", ("~/.copilot/settings.json", "~/.copilot/mcp-config.json", "~/.copilot/hooks/x.json")),
    ],
)
def test_enforced_holds_settings_that_are_not_there_yet(
    cli: Cli, daemon: Daemon, program: str, unborn: tuple[str, ...]
) -> None:
    """Made by the agent they would switch a gate off, or run something outside of the walls when it is next started."""
    _bwrap()
    agent = cli.cwd / program
    tries = [f'mkdir -p "$(dirname {path})"; echo "{{}}" > {path} && echo {path}' for path in unborn]
    agent.write_text("\n".join(["#!/bin/sh", *(line.replace("~", "$HOME") for line in tries), "touch worked"]))
    agent.chmod(0o755)
    done = cli.run("run", "--contain", "enforced", "--", str(agent))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert sorted(path.name for path in cli.cwd.iterdir()) == sorted([program, "worked"]), "no placeholder is left"
    assert not [path for path in cli.home.user.rglob("*") if path.is_file()]


def test_enforced_is_stopped_with_proof_and_leaves_nothing(cli: Cli, daemon: Daemon) -> None:
    _bwrap()
    cli.ok("run", "--detach", "--name", "a", "--contain", "enforced", *SLEEPER)
    (row,) = cli.json("agents")
    assert (row["label"], row["state"]) == ("ENFORCED", "running")
    assert "proof: " in cli.ok("pause", "a")
    assert "proof: " in cli.ok("kill", "a")
    cages = cli.home.path / "state" / "cages"
    eventually(lambda: not list(cages.iterdir()), 20, "the session's folder is gone")


@pytest.fixture
def guest(cli: Cli) -> None:
    """A profile with a throw-away home and temporary folder, and a daemon that knows it."""
    _bwrap()
    profiles = cli.home.path / "config" / "profiles"
    profiles.mkdir(parents=True, mode=0o700)
    profiles.parent.chmod(0o700)
    (profiles / "guest.toml").write_text('containment = "enforced"\nhome = "throw-away"\ntmp = "throw-away"\n')
    cli.ok("daemon", "start")


def test_what_was_in_a_throw_away_home_stands_in_its_record_and_is_gone(cli: Cli, guest: None) -> None:
    code = "echo x > $HOME/note; mkdir /tmp/made; echo y > /tmp/made/file"
    cli.ok("run", "--name", "a", "--profile", "guest", "--", "sh", "-c", code)
    assert not (cli.home.user / "note").exists()
    _told(cli, "thrown away with it: home/note, tmp/made/file")


FILLS = (sys.executable, "-I", "-c", r"""
import os, sys, time
home = os.environb[b"HOME"]
open(home + b"/odd-\xff", "w"); os.symlink("/", home + b"/link"); open(sys.argv[1], "w"); time.sleep(300)
""")  # fmt: skip
FILLED = "thrown away with it: home/link, home/odd-\\xff"


def _filled(cli: Cli) -> None:
    """An agent `a` with things in its throw-away home runs."""
    cli.ok("run", "--detach", "--name", "a", "--profile", "guest", "--", *FILLS, str(cli.cwd / "filled"))
    eventually((cli.cwd / "filled").exists, 20, "its home is filled")


def _records(cli: Cli, kind: str) -> list[dict[str, Any]]:
    """The bodies of all records of a kind in the journal."""
    text = "".join(file.read_text() for file in sorted((cli.home.path / "state" / "journal").glob("*.jsonl")))
    records = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [record["body"] for record in records if record["kind"] == kind]


def _told(cli: Cli, text: str) -> None:
    eventually(lambda: text in cli.ok("logs", "a"), 20, "its record has what was thrown away")
    assert not list((cli.home.path / "state" / "cages").iterdir())


@pytest.mark.parametrize("act", ["stop", "kill"])
def test_it_stands_there_too_after_a_stop(cli: Cli, guest: None, act: str) -> None:
    _filled(cli)
    cli.ok(act, "a")
    _told(cli, FILLED)
    assert cli.json("agents")[0]["state"] == "stopped"


def test_it_stands_there_too_where_no_daemon_ran_at_its_end(cli: Cli, guest: None) -> None:
    daemon = cli.json("daemon", "status")["pid"]
    _filled(cli)
    os.kill(daemon, signal.SIGKILL)
    (handle,) = handles.load_all(cli.home.path / "state" / "agents")
    assert hold.kill(handle).confirmed
    eventually(lambda: handles.load_all(cli.home.path / "state" / "agents")[0].end, 20, "its shim has left it word")
    cli.ok("daemon", "start")
    (names,) = eventually(lambda: _records(cli, "thrown"), 20, "it is recorded")
    assert names == {"names": ["home/link", "home/odd-\\xff"]}
    last = _records(cli, "session")[-1]
    assert last["state"] == "ended" and last["note"].startswith("exit status 137")
    assert not handles.load_all(cli.home.path / "state" / "agents")


def test_it_stands_there_too_where_its_shim_was_killed(cli: Cli, guest: None) -> None:
    _filled(cli)
    (handle,) = handles.load_all(cli.home.path / "state" / "agents")
    assert handle.shim
    os.kill(handle.shim.pid, signal.SIGKILL)
    cli.ok("kill", "a")
    _told(cli, FILLED)


def test_it_stands_there_too_where_the_daemon_was_there_and_did_not_listen(cli: Cli, guest: None) -> None:
    """Its shim leaves word after half a minute; here a word is left in its place."""
    _filled(cli)
    (handle,) = handles.load_all(cli.home.path / "state" / "agents")
    left = msgspec.structs.replace(handle, end="exit status 0", thrown=("home/left",))
    handles.save(cli.home.path / "state" / "agents", left)
    cli.ok("kill", "a")
    _told(cli, "thrown away with it: home/left")


def test_a_long_list_of_what_was_thrown_away_says_that_it_is_cut(cli: Cli, guest: None) -> None:
    code = "for i in $(seq 300); do : > $HOME/file-$i; done"
    cli.ok("run", "--name", "a", "--profile", "guest", "--", "sh", "-c", code)
    (names,) = eventually(lambda: _records(cli, "thrown"), 20, "it is recorded")
    assert len(names["names"]) == 201 and names["names"][-1] == "and more"


ODD = {
    "closes its terminal": "import os; os.closerange(0, 3)",
    "calls itself controlroom": "open('/proc/self/comm', 'w').write('controlroom')",
    "leaves a zombie's child": "import os, time\nif os.fork() == 0:\n  if os.fork() == 0: time.sleep(60)\n  os._exit(0)",
}


@pytest.mark.parametrize("contain", ["auto", "enforced"])
def test_odd_commands_end_as_they_are_and_leave_nothing_behind(cli: Cli, daemon: Daemon, contain: str) -> None:
    if contain == "enforced":
        _bwrap()
    python = (sys.executable, "-I", "-S", "-c")
    at_once_with_a_long_line = (*python, "pass", *("x" * 1000 for _ in range(128)))
    odd: list[tuple[int, tuple[str, ...]]] = [(0, (*python, code)) for code in ODD.values()]
    odd += [(0, at_once_with_a_long_line), (127, ("no-such-program",)), (126, ("/etc/passwd",))]
    for status, words in odd:
        done = cli.run("run", "--contain", contain, "--", *words)
        assert done.returncode == status, done.stderr
        assert ("cannot run" in done.stderr) is (status != 0)
    sessions = [row["id"] for row in cli.json("agents")]
    assert len(sessions) == len(odd)
    eventually(lambda: not handles.load_all(daemon.places.agents), 20, "no handle is left")
    mounted = cgroup.mount()
    groups = Path(mounted.point).rglob("*") if mounted else ()
    assert not {path.name for path in groups} & set(sessions)
    assert str(cli.home.path) not in Path("/proc/self/mountinfo").read_text()
    assert {path.name for path in daemon.places.runtime.iterdir()} <= {"gate.sock", "operator.sock", "gate"}
    assert not list((cli.home.path / "state" / "cages").glob("*"))
    assert not list(cli.cwd.iterdir())


def test_lists_in_doubt_start_nothing_behind_walls(cli: Cli, daemon: Daemon) -> None:
    _bwrap()
    config = cli.home.path / "config" / "never-touch"
    config.write_text("[\n")
    said = cli.fails(1, "run", "--contain", "enforced", "--", "touch", str(cli.cwd / "ran"))
    assert "ENFORCED is not possible" in said
    assert not (cli.cwd / "ran").exists()
