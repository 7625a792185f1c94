"""kill -9 under load, again and again on the same journal: what was answered is in it (S1, S8)."""

import json
import os
import threading
import time

import msgspec
import pytest

from controlroom.model.record import Intent, Kind
from controlroom.storage.segments import read
from controlroom.storage.verify import verify
from tests.support import daemon as daemons
from tests.support.daemon import Daemon
from tests.support.home import Home

ROUNDS = 1000 if "CONTROLROOM_SOAK" in os.environ else 30
ASKERS = 6


@pytest.mark.soak
@pytest.mark.serial
@pytest.mark.timeout(ROUNDS * 20)
@pytest.mark.row("J02", "J07")
def test_no_acknowledged_record_is_lost_by_kill_9_under_load(home: Home) -> None:
    allowed: set[str] = set()
    for round_ in range(ROUNDS):
        daemon = daemons.start(home)
        askers = [threading.Thread(target=_ask, args=(daemon, f"{round_}-{number}", allowed)) for number in range(ASKERS)]
        for asker in askers:
            asker.start()
        time.sleep(0.05 + 0.03 * (round_ % 10))  # not waiting for anything: the kill comes at any moment
        daemon.kill()
        for asker in askers:
            asker.join(30)
        for connection in daemon.askers:
            connection.hang_up()
        daemon.askers.clear()
        assert verify(daemon.places.journal, pause=lambda seconds: None).first_bad_seq is None or _torn(daemon)
    daemon = daemons.start(home)
    daemons.stop(daemon)
    found = verify(daemon.places.journal)
    assert found.ok, found.why
    lost = allowed - _released(daemon)
    print(f"{ROUNDS} kills, {len(allowed)} acknowledged, {len(lost)} lost, {found.records} records")
    assert len(allowed) > ROUNDS, "the daemon was hardly loaded"
    assert not lost


def _torn(daemon: Daemon) -> bool:
    """Only an end that is missing may be wrong after a kill."""
    return "not complete" in verify(daemon.places.journal, pause=lambda seconds: None).why


def _ask(daemon: Daemon, name: str, allowed: set[str]) -> None:
    """Ask until the daemon is gone; remember what was answered."""
    for number in range(10_000):
        command = f"ls {name}-{number}"
        try:
            verdict, _ = daemon.bash(command).answer()
        except OSError:
            return
        if verdict != "allow":
            return
        allowed.add(command)


def _released(daemon: Daemon) -> set[str]:
    """The commands that the journal holds an allow for."""
    asked: dict[str, str] = {}
    released = set()
    for stored in read(daemon.places.journal):
        record = stored.record
        if record is not None and record.kind is Kind.INTENT:
            action = msgspec.json.decode(record.body, type=Intent).action
            asked[record.receipt] = str(json.loads(action.input).get("command"))
        elif record is not None and record.kind is Kind.DECISION and json.loads(bytes(record.body))["verdict"] == "allow":
            released.add(asked[record.receipt])
    return released
