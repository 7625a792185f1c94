"""The daemon drops old segments only where the operator's rule says so, and only what an anchor covers."""

import time
from pathlib import Path

import pytest

from controlroom.model.clock import Instant
from controlroom.storage import lineup
from controlroom.storage.anchor import anchor
from controlroom.storage.journal import Journal
from controlroom.storage.notes import Anchored, Carried
from controlroom.storage.paths import places, secure_dir
from controlroom.storage.verify import verify
from tests.storage.support import record, segments
from tests.support import daemon as daemons
from tests.support.home import Home
from tests.support.waiting import eventually

MONTH = 30 * 86_400 * 10**9


@pytest.fixture
def old(home: Home, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a journal of several segments, all a month old; an anchor covers it."""
    folder = places(home.env)
    for one in (folder.config, folder.state, folder.journal):
        secure_dir(one)
    with monkeypatch.context() as small:
        small.setattr(lineup, "MOST", 3000)
        then = Instant(1, time.time_ns() - MONTH)
        journal = Journal.open(folder.journal, clock=lambda: then, boot="b", version="0")
        journal.carry(Carried)
        for number in range(60):
            journal.append(record(number))
            journal.sync()
        anchor(f"file:{home.user / 'anchors'}", Anchored("", journal.head.seq, journal.head.sum), 1)
        journal.close()
    return folder.journal


def rule(home: Home, days: int) -> None:
    config = places(home.env).config / "config.toml"
    config.write_text(f'[anchor]\nplace = "file:{home.user / "anchors"}"\nkeep_days = {days}\n')
    config.chmod(0o600)


@pytest.mark.row("J15")
def test_old_segments_go_by_the_operators_rule_and_the_journal_is_verified(home: Home, old: Path) -> None:
    rule(home, 7)
    before = segments(old)
    daemon = daemons.start(home)
    eventually(lambda: len(segments(old)) == 2, 20, "the old segments are gone")
    assert segments(old) == before[-2:]
    daemons.stop(daemon)
    assert verify(old).ok
    again = daemons.start(home)
    assert again.call("status")["journal"] == "ok"
    daemons.stop(again)


@pytest.mark.row("J15")
def test_an_anchor_that_is_of_another_journal_lets_nothing_go(home: Home, old: Path) -> None:
    rule(home, 7)
    before = segments(old)
    anchor(f"file:{home.user / 'anchors'}", Anchored("", 50, "0" * 64), 1)
    daemon = daemons.start(home)
    eventually(
        lambda: any(r["kind"] == "alarm" and "no old segment" in r["body"]["text"] for r in daemon.records()), 20, "told"
    )
    assert segments(old)[: len(before)] == before
    daemons.stop(daemon)


@pytest.mark.row("J15")
def test_without_a_rule_everything_is_kept(home: Home, old: Path) -> None:
    before = segments(old)
    daemon = daemons.start(home)
    eventually(lambda: daemon.call("status")["journal"] == "ok", 20, "it answers")
    daemons.stop(daemon)
    assert segments(old)[: len(before)] == before
