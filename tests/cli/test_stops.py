"""Stop results in words: nothing is called done that the kernel did not prove (S14)."""

import subprocess
from typing import Any

import pytest

from controlroom.cli import stops
from tests.cli.conftest import CONTROLROOM, Cli
from tests.support.daemon import Daemon

ROW: dict[str, Any] = {"name": "a", "state": "paused", "proof": "cgroup frozen 1", "ms": 3, "survivors": [], "why": ""}
LEFT = {"process": {"pid": 7}, "name": "x\x1b", "why": "EPERM"}


def test_a_proof_is_shown_with_its_time() -> None:
    assert stops.lines(ROW, "pause") == ["a: paused after 3 ms, proof: cgroup frozen 1"]
    assert stops.confirmed([ROW], "pause")


@pytest.mark.parametrize("act", ["pause", "stop", "kill", "resume"])
def test_without_proof_it_is_not_confirmed_and_who_is_left_is_named(act: str) -> None:
    row = ROW | {"proof": "", "state": "not confirmed", "why": "EPERM", "survivors": [LEFT]}
    first, second = stops.lines(row, act)
    assert first == f"a: {act.upper()} NOT CONFIRMED after 3 ms: EPERM"
    assert "pid 7" in second and "\x1b" not in second
    assert not stops.confirmed([ROW, row], act)


def test_an_agent_that_had_ended_needs_no_stop() -> None:
    row = ROW | {"proof": "", "state": "ended", "ms": None}
    assert stops.confirmed([row], "kill") and "nothing was left to kill" in stops.lines(row, "kill")[0]


def test_one_that_nobody_launched_can_be_resumed_but_not_stopped() -> None:
    row = ROW | {"proof": "", "state": "running", "ms": None}
    assert stops.confirmed([row], "resume")
    assert not stops.confirmed([row], "stop") and "nobody launched it" in stops.lines(row, "stop")[0]


def test_the_exit_code_is_the_proof_also_where_nobody_takes_the_words(cli: Cli, daemon: Daemon) -> None:
    cli.ok("run", "--detach", "--name", "a", "--", "sleep", "300")
    line = ["sh", "-c", 'exec "$@" >/dev/full', "sh", *CONTROLROOM, "pause", "a"]
    done = subprocess.run(line, env=cli.home.env, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [row["state"] for row in cli.json("agents")] == ["paused"]
