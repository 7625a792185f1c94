"""`daemon start | stop | status`, and what a command without a daemon says."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from controlroom.cli import app
from tests.cli.conftest import CONTROLROOM, Cli


@pytest.mark.row("J12")
def test_starting_twice_is_one_daemon(cli: Cli) -> None:
    assert "daemon started: pid" in cli.ok("daemon", "start")
    pid = cli.json("daemon", "status")["pid"]
    assert cli.ok("daemon", "start") == f"daemon already runs: pid {pid}\n"
    assert cli.json("daemon", "status")["pid"] == pid


def test_status_is_one_object(cli: Cli) -> None:
    cli.ok("daemon", "start")
    assert {"pid", "version", "rung", "latched"} <= json.loads(cli.ok("daemon", "status", "--json")).keys()
    assert "latched  no" in cli.ok("daemon", "status")


def test_start_returns_although_its_output_is_a_pipe_that_somebody_reads_to_the_end(cli: Cli) -> None:
    """No descriptor of the caller is left in the daemon: neither its pipes nor a file of its own."""
    with tempfile.TemporaryFile() as extra:
        os.set_inheritable(extra.fileno(), True)
        done = subprocess.run(
            [*CONTROLROOM, "daemon", "start"], env=cli.home.env, capture_output=True, timeout=30, check=True, close_fds=False
        )
        pid = int(done.stdout.split()[-1])
        held = {os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
        assert os.readlink(f"/proc/self/fd/{extra.fileno()}") not in held
    assert os.getsid(pid) == pid


def test_a_daemon_that_cannot_start_says_why(cli: Cli) -> None:
    (cli.home.path / "config").mkdir(mode=0o700)
    (cli.home.path / "config" / "config.toml").write_text("[hold]\nsecond = 3\n")
    said = cli.fails(1, "daemon", "start")
    assert "config.toml" in said and "second" in said


def test_one_that_cannot_even_say_why_is_told_so_and_no_older_reason_is_taken_for_it(cli: Cli) -> None:
    """As on a full disk: no file may grow by a byte."""
    folder = cli.home.path / "state"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "daemon.log").write_text("an older reason\n")
    full = ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *CONTROLROOM, "daemon", "start"]
    done = subprocess.run(full, env=cli.home.env, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 1
    assert "it could not say why" in done.stderr and "cannot be written: File too large" in done.stderr
    assert "older" not in done.stderr


def test_a_home_too_deep_for_sockets_is_said_before_anything_runs(cli: Cli) -> None:
    deep = cli.home.path / ("x" * 100)
    done = cli.run("daemon", "start", CONTROLROOM_HOME=str(deep))
    assert done.returncode == 1 and "shorter" in done.stderr
    assert "FAIL  runtime folder" in cli.run("doctor", CONTROLROOM_HOME=str(deep)).stdout


def test_stop_ends_it(cli: Cli) -> None:
    cli.ok("daemon", "start")
    cli.ok("daemon", "stop")
    assert "daemon start" in cli.fails(3, "daemon", "status")


@pytest.mark.parametrize(
    "words",
    [
        ["agents"],
        ["pending", "--json"],
        ["receipts"],
        ["grants"],
        ["show", "1"],
        ["pause", "a"],
        ["kill", "all"],
        ["daemon", "stop"],
    ],
    ids=" ".join,
)
def test_a_command_that_needs_a_daemon_ends_with_3_without_one(cli: Cli, words: list[str]) -> None:
    assert "controlroom daemon start" in cli.fails(3, *words)


def test_without_words_it_says_what_there_is(cli: Cli) -> None:
    done = cli.run()
    assert done.returncode == 2
    assert "needs a terminal" in done.stdout and "estop" in done.stdout


@pytest.mark.parametrize(
    "words",
    [["bogus"], ["pause"], ["agents", "--jsn"], ["grant", "a", "--effect", "fly", "--path", "."], ["adopt", "x"]],
    ids=" ".join,
)
def test_what_is_no_command_is_a_usage_error(cli: Cli, words: list[str]) -> None:
    said = cli.fails(2, *words)
    assert f"Try: controlroom {words[0]} --help" in said if words[0] in app.TOP else "Try: controlroom --help" in said


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_breaks_nothing(cli: Cli, closed: str) -> None:
    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        line = ["sh", "-c", f'exec "$@" {closed}', "sh", *CONTROLROOM, *words]
        return subprocess.run(line, env=cli.home.env, cwd=cli.cwd, capture_output=True, text=True, timeout=50, check=False)

    fine, wrong = run("policy", "check", "--", "ls"), run("bogus")
    assert (fine.returncode, fine.stderr) == (0, "")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert run().returncode == 2


def test_a_sign_that_the_locale_lacks_is_escaped(cli: Cli) -> None:
    done = cli.run("policy", "check", "--", "rm", "-rf", "caf\u00e9", PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "caf\\xe9" in done.stdout


HELPS = """
import contextlib, io, json, sys
from controlroom.cli.start import main
for words in json.load(sys.stdin):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = main([*words, "--help"])
    print(json.dumps([words, code, said.getvalue()]))
"""


def test_every_command_has_a_help() -> None:
    nouns = [[noun, verb] for noun, (_, verbs) in app.NOUNS.items() for verb in verbs]
    asked = [*([name] for name in app.TOP), *nouns]
    told = subprocess.run(
        [sys.executable, "-c", HELPS], input=json.dumps(asked), capture_output=True, text=True, timeout=50, check=False
    )
    helps = [json.loads(line) for line in told.stdout.splitlines()]
    assert [words for words, _, _ in helps] == asked, told.stderr
    assert [words for words, code, text in helps if code or words[0] not in text] == []
    assert [words for words, _, text in helps if "--no-" in text or "--empty-" in text] == [], "an option that nobody asked for"
