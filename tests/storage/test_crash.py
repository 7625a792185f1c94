"""The power goes at any call, and any call fails: nothing acknowledged is lost, nothing else comes out (J01-J06, S8, S9)."""

import errno
import os
import random
from pathlib import Path

import msgspec
import pytest

from controlroom.model.record import Kind, Record
from controlroom.storage.journal import Journal, JournalBroken
from controlroom.storage.verify import verify
from tests.storage.crash import ERRORS, FOLDER, campaign
from tests.storage.disk import MemoryDisk
from tests.storage.support import AT, given, opened, record

LIVES = 120  # of the long campaign; each is over a hundred crash points


@pytest.mark.row("J01", "J02", "J03", "J15")
@pytest.mark.parametrize("seed", range(4))
def test_power_loss_at_any_call_loses_nothing_acknowledged(seed: int) -> None:
    assert campaign(seed, share=0.5) > 50


@pytest.mark.row("J04", "J05", "J06")
@pytest.mark.parametrize("seed", range(100, 106))
def test_power_loss_among_failing_calls_loses_nothing_acknowledged(seed: int) -> None:
    assert campaign(seed, faults=True, share=0.5) > 50


@pytest.mark.soak
@pytest.mark.skipif("CONTROLROOM_SOAK" not in os.environ, reason="a long campaign: make soak")
@pytest.mark.timeout(3600)
@pytest.mark.row("J01", "J02", "J03", "J04", "J05", "J06")
def test_ten_thousand_crash_points() -> None:
    first = random.randrange(1_000_000)
    looked = sum(campaign(seed, faults=bool(seed % 2)) for seed in range(first, first + LIVES))
    print(f"{looked} crash points in {LIVES} lives, from seed {first} on")
    assert looked >= 10_000


def told(number: int) -> Record:
    return Record(Kind.DECISION, AT, "s1", f"r{number}", msgspec.Raw(b'{"verdict":"deny"}'))


def live(disk: MemoryDisk) -> tuple[list[Record], list[Record]]:
    """A short life with two starts; what was acknowledged, and what was handed in."""
    acked: list[Record] = []
    handed: list[Record] = []
    for start in range(2):
        try:
            journal = opened(FOLDER, disk)
        except OSError:
            continue  # it could not even be read: the daemon does not start, and nothing is acknowledged
        for number in range(start * 10, start * 10 + 3):
            for one in (record(number), told(number)):
                handed.append(one)
                journal.append(one)
            _acknowledge(journal, handed, acked)
        try:
            journal.close()
        except JournalBroken:
            pass
        else:
            acked[:] = handed
    return acked, handed


def _acknowledge(journal: Journal, handed: list[Record], acked: list[Record]) -> None:
    try:
        journal.sync()
    except JournalBroken:
        if not journal.mend():
            return
    acked[:] = handed


@pytest.mark.row("J04", "J05", "J06")
@pytest.mark.parametrize("error", ERRORS, ids=[errno.errorcode.get(error, "SHORT") for error in ERRORS])
def test_whichever_call_fails_once_nothing_acknowledged_is_lost(error: int) -> None:
    calls = _calls()
    for number in range(1, calls + 1):
        disk = MemoryDisk()
        disk.fail_at = {number: error}
        acked, handed = live(disk)
        disk.fail_at = {}
        opened(FOLDER, disk).close()
        found = given(FOLDER, disk)
        assert [one for one in handed if one in found] == found, f"call {number}"
        assert [one for one in acked if one not in found] == [], f"call {number}: acknowledged records are lost"
        assert verify(FOLDER, storage=disk).ok, f"call {number}"
        assert not disk.open_files, f"call {number}"


def _calls() -> int:
    disk = MemoryDisk()
    acked, handed = live(disk)
    assert acked == handed
    return disk.calls


@pytest.mark.row("J05")
@pytest.mark.parametrize("error", [errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO])
def test_a_disk_that_takes_nothing_any_more_acknowledges_nothing_and_comes_back(error: int) -> None:
    disk = MemoryDisk()
    journal = opened(FOLDER, disk)
    journal.append(record(1))
    journal.sync()
    disk.fail_all = error
    journal.append(record(2))
    journal.append(told(3))
    for _ in range(3):
        with pytest.raises(JournalBroken):
            journal.sync()
        assert not journal.mend()
    assert journal.unjournalled == 2, "not even the reserve takes anything, and that is counted"
    disk.fail_all = 0
    assert journal.mend()
    journal.close()
    assert given(FOLDER, disk) == [record(1), record(2), told(3)]
    assert verify(Path(FOLDER), storage=disk).ok
