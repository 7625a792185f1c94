"""What of a journal may go: closed, old, covered by an anchor that fits. Without its beginning a journal is still verified."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.model.clock import Instant
from controlroom.storage import lineup
from controlroom.storage.anchor import BadPlace, anchor
from controlroom.storage.chain import Place
from controlroom.storage.journal import Journal
from controlroom.storage.notes import Anchored, Dropped
from controlroom.storage.port import KernelStorage
from controlroom.storage.retention import Closed, NotDropped, closed, drop, droppable, due
from controlroom.storage.verify import Evidence, verify
from tests.storage import support
from tests.storage.support import record, segments

DISK = KernelStorage()
KEEP = 1  # the newest segment
rows = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 50)), max_size=12).map(
    lambda steps: [
        Closed(Path(f"{number:08d}.jsonl"), Place(sum(length for length, _ in steps[:number]), "0" * 64), at)
        for number, (_, at) in enumerate(steps, 1)
    ]
)


@pytest.mark.row("J15")
@given(rows, st.integers(0, 60), st.integers(0, 60))
def test_what_goes_is_the_oldest_part_that_is_anchored_and_old_and_no_more_and_no_less(
    found: list[Closed], anchored: int, before: int
) -> None:
    chosen = droppable(found, anchored, before)
    assert chosen == found[: len(chosen)]
    assert all(one.end.seq <= anchored and one.at < before for one in chosen)
    following = found[len(chosen) : len(chosen) + 1]
    assert not any(one.end.seq <= anchored and one.at < before for one in following)


@pytest.fixture
def place(tmp_path: Path) -> str:
    return f"file:{tmp_path / 'anchors'}"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """An open journal of several segments; each record is a second later than the one before."""
    monkeypatch.setattr(lineup, "MOST", 3000)
    ticks = iter(range(1, 10_000))
    journal = support.opened(tmp_path / "j", clock=lambda: Instant(1, next(ticks)))
    for number in range(60):
        journal.append(record(number))
        journal.sync()
    assert len(segments(tmp_path / "j")) > 4
    return journal


def anchor_at(journal: Journal, place: str) -> None:
    head = journal.head
    anchor(place, Anchored(place, head.seq, head.sum), 1)


def let_go(journal: Journal, directory: Path, found: Dropped | None) -> Dropped:
    assert found is not None
    journal.dropped(found)
    journal.sync()
    drop(DISK, directory, found)
    return found


@pytest.mark.row("J15")
def test_nothing_goes_that_no_anchor_covers(journal: Journal, tmp_path: Path, place: str) -> None:
    directory = tmp_path / "j"
    with pytest.raises(OSError, match="anchors"):
        due(DISK, directory, place, 10**9, KEEP)
    with pytest.raises(BadPlace, match="cannot be read back"):
        due(DISK, directory, "syslog", 10**9, KEEP)
    second = closed(DISK, directory)[1]
    anchor(place, Anchored(place, second.end.seq, second.end.sum), 1)
    found = due(DISK, directory, place, 10**9, KEEP)
    assert found is not None
    assert [end.file for end in found.segments] == ["00000001.jsonl", "00000002.jsonl"]
    journal.close()


@pytest.mark.row("J15")
def test_without_its_beginning_a_journal_is_verified_and_goes_on(journal: Journal, tmp_path: Path, place: str) -> None:
    directory = tmp_path / "j"
    anchor_at(journal, place)
    found = let_go(journal, directory, due(DISK, directory, place, 10**9, 2))
    assert len(segments(directory)) == 2
    seen = verify(directory)
    assert seen.ok and f"Records up to {found.segments[-1].seq} were dropped by the rule anchor.keep_days" in seen.limits
    journal.close()
    again = support.opened(directory)
    again.append(record(99))
    again.close()
    assert verify(directory, Evidence(key=again.seal_key())).ok
    assert support.given(directory)[-1] == record(99)


@pytest.mark.row("J15")
def test_only_what_is_old_goes_and_the_newest_segments_stay(journal: Journal, tmp_path: Path, place: str) -> None:
    directory = tmp_path / "j"
    anchor_at(journal, place)
    rows = closed(DISK, directory)
    assert due(DISK, directory, place, rows[0].at, KEEP) is None
    found = due(DISK, directory, place, rows[2].at, KEEP)
    assert found is not None and [end.file for end in found.segments] == [one.path.name for one in rows[:2]]
    assert due(DISK, directory, place, 10**9, len(rows) + 1) is None
    journal.close()


@pytest.mark.row("J15")
def test_a_crash_between_two_removals_leaves_a_journal_that_is_verified_and_the_rest_goes_next(
    journal: Journal, tmp_path: Path, place: str
) -> None:
    directory = tmp_path / "j"
    anchor_at(journal, place)
    found = due(DISK, directory, place, 10**9, 2)
    assert found is not None
    journal.dropped(found)
    journal.sync()
    assert verify(directory).ok  # nothing has gone yet
    for end in found.segments[:-1]:
        (directory / end.file).unlink()
        assert verify(directory).ok
    rest = let_go(journal, directory, due(DISK, directory, place, 10**9, 2))
    assert rest.segments == found.segments[-1:]
    assert verify(directory).ok
    journal.close()


@pytest.mark.row("J15")
def test_a_beginning_that_is_missing_without_that_word_is_found(journal: Journal, tmp_path: Path, place: str) -> None:
    directory = tmp_path / "j"
    anchor_at(journal, place)
    let_go(journal, directory, due(DISK, directory, place, closed(DISK, directory)[1].at, KEEP))
    journal.close()
    segments(directory)[0].unlink()
    seen = verify(directory)
    assert not seen.ok and "records are missing" in seen.why


@pytest.mark.row("J15")
def test_of_a_journal_that_was_changed_nothing_goes(journal: Journal, tmp_path: Path, place: str) -> None:
    directory = tmp_path / "j"
    anchor_at(journal, place)
    journal.close()
    newest = segments(directory)[-1]
    newest.write_bytes(newest.read_bytes().replace(b'"n":5', b'"n":6', 1))
    with pytest.raises(NotDropped, match="is not as it was written"):
        due(DISK, directory, place, 10**9, KEEP)
