"""A daemon that has just started proves its emergency stop, and says so in the journal."""

import pytest

from tests.support.daemon import Daemon
from tests.support.waiting import eventually


@pytest.mark.row("E10")
def test_the_drill_of_the_start_is_in_the_journal(daemon: Daemon) -> None:
    [came] = eventually(lambda: [r["body"] for r in daemon.records() if r["kind"] == "stop.drill"], 30, "the drill is recorded")
    assert came["why"] == ""
    assert came["kill"]["proof"]
    assert not [r for r in daemon.records() if r["kind"] == "alarm"]
