"""What a session did is found in the newest segments that hold it, and what comes to a journal is seen across daemons."""

from pathlib import Path

import msgspec
import pytest

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage import lineup
from controlroom.storage.chain import Damaged, Stored
from controlroom.storage.journal import Journal
from controlroom.storage.newest import Watch, newest
from controlroom.storage.port import KernelStorage
from tests.storage.support import AT, opened, segments


class Counting(KernelStorage):
    """Knows which files were read beyond their first block."""

    def __init__(self) -> None:
        self.read_of: list[Path] = []
        self._paths: dict[int, Path] = {}

    def open(self, path: Path, mode: int) -> int:
        fd = super().open(path, mode)  # type: ignore[arg-type]
        self._paths[fd] = path
        return fd

    def read(self, fd: int, count: int, offset: int) -> bytes:
        if offset:
            self.read_of.append(self._paths[fd])
        return super().read(fd, count, offset)


def note(number: int, session: str = "s1") -> Record:
    return Record(Kind.OBSERVED, Instant(number, number), session, "", msgspec.Raw(b'{"n":%d}' % number))


def numbers(found: list[Stored]) -> list[int]:
    return [msgspec.json.decode(one.record.body)["n"] for one in found if one.record and one.record.kind is Kind.OBSERVED]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lineup, "MOST", 3000)
    tmp_path.chmod(0o700)
    return tmp_path / "journal"


def fill(folder: Path, *records: Record) -> None:
    """By one daemon from its begin to its end."""
    made: Journal = opened(folder)
    for one in records:
        made.append(one)
        made.sync()
    made.close()


def test_the_newest_of_each_session_are_found_in_however_many_segments(folder: Path) -> None:
    odd = 'q"\\\u00e9'
    fill(folder, *(note(number, "s1" if number % 10 else odd) for number in range(1, 101)))
    assert len(segments(folder)) > 5
    assert numbers(newest(folder, ["s1"], 3)) == [97, 98, 99]
    assert numbers(newest(folder, [odd, "s1"], 2)) == [90, 98, 99, 100]
    assert numbers(newest(folder, [odd], 1000)) == list(range(10, 101, 10))
    assert newest(folder, ["none"], 10) == [] and newest(folder / "none", ["s1"], 10) == []


def test_no_segment_is_read_that_is_not_needed(folder: Path) -> None:
    fill(folder, *(note(number) for number in range(1, 101)))
    disk = Counting()
    newest(folder, ["s1"], 1, storage=disk)
    assert set(disk.read_of) == {segments(folder)[-1]}
    disk = Counting()
    newest(folder, ["none"], 1, since=AT.wall + 1, storage=disk)
    assert set(disk.read_of) == {segments(folder)[-1]}, "the session began after the segment did"


def test_what_stands_before_a_damage_is_taken_and_the_damage_told(folder: Path) -> None:
    fill(folder, *(note(number) for number in range(1, 101)))
    last = segments(folder)[-2]
    last.write_bytes(last.read_bytes().replace(b'"n":', b'"m":', 1))
    told: list[Damaged] = []
    found = numbers(newest(folder, ["s1"], 1000, damaged=told.append))
    assert len(told) == 1 and found[0] == 1 and found[-1] == 100 and len(found) < 100


def test_what_comes_is_given_once_through_segments_and_daemons(folder: Path) -> None:
    fill(folder, note(1), note(2))
    watch = Watch(folder, "s1")
    assert numbers(watch.read()) == [1, 2]
    fill(folder, note(0, "another"))
    assert watch.read() == []
    fill(folder, *(note(number) for number in range(3, 60)))
    assert numbers(watch.read()) == list(range(3, 60)) and watch.read() == []
    made = opened(folder)
    for number in range(60, 70):
        made.append(note(number))
        made.sync()
        assert numbers(watch.read()) == [number]
    made.close()


def test_a_line_that_is_being_written_is_waited_for_and_a_changed_one_is_told(folder: Path) -> None:
    watch = Watch(folder, "s1")
    assert watch.read() == []
    fill(folder, note(1))
    whole = segments(folder)[0].read_bytes()
    segments(folder)[0].write_bytes(whole[:-10])
    assert numbers(watch.read()) == [1]
    segments(folder)[0].write_bytes(whole + b'{"sum":"no"}\n')
    watch.read()
    with pytest.raises(Damaged):
        watch.read()
