"""The log of a detached agent's terminal: bounded, private, and no reason for the agent to stop."""

import stat
from pathlib import Path

from controlroom.containment.pty import LogFile


def test_a_log_keeps_the_newest_and_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "s.log"
    log = LogFile(str(path), limit=10)
    for word in (b"first 10 bytes", b"second 10 bytes", b"third 10 bytes", b"x"):
        assert log.write(word) == len(word)
    log.close()

    assert path.read_bytes() == b"x"
    assert (tmp_path / "s.log.1").read_bytes() == b"third 10 bytes"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(found.name for found in tmp_path.iterdir()) == ["s.log", "s.log.1"]


def test_a_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for word in (b"a", b"b"):
        log = LogFile(str(tmp_path / "s.log"))
        log.write(word)
        log.close()

    assert (tmp_path / "s.log").read_bytes() == b"ab"


def test_a_full_disk_does_not_hold_the_agent() -> None:
    log = LogFile("/dev/full")

    assert log.write(b"lost") == 4
    log.close()
