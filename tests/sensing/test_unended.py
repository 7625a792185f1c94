"""The end of a log without a line feed: told when it waits, or now and then; never half a word that still comes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.sensing.tail import Tail
from controlroom.sensing.unended import AGAIN_SECONDS, SETTLED_SECONDS, Unended

pytestmark = pytest.mark.row("R06")


class Log:
    """A log that is followed on a clock of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path, self.tail, self.end, self.now = path, Tail(str(path)), Unended(), 100.0
        path.write_bytes(b"")
        self.after(0.0)

    def write(self, data: bytes) -> None:
        with self.path.open("ab") as file:
            file.write(data)

    def after(self, seconds: float) -> bool:
        """Time goes by, then it is looked at: whether there is another thing to tell."""
        self.now += seconds
        self.tail.read()
        while self.tail.more:
            self.tail.read()
        return self.end.look(self.tail, self.now)

    @property
    def told(self) -> tuple[bytes, bool] | None:
        return (self.end.line.text, self.end.torn) if self.end.line is not None else None


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "a.log")
    yield log
    log.tail.close()


def test_a_question_is_told_once_when_nothing_more_has_come_for_a_moment(log: Log) -> None:
    log.write(b"before\nPassword:")
    assert not log.after(0.0)
    assert log.end.grows
    assert log.after(SETTLED_SECONDS)
    assert log.told == (b"Password:", False)
    assert log.end.line is not None and log.end.line.at == len(b"before\n")
    assert not log.after(100.0)
    assert not log.end.grows


def test_the_whole_line_takes_its_place_and_the_next_one_begins_anew(log: Log) -> None:
    log.write(b"Proceed? ")
    log.after(0.0)
    assert log.after(SETTLED_SECONDS)
    log.write(b"yes\nAgain? ")
    assert log.after(0.0)
    assert log.told is None
    assert log.after(SETTLED_SECONDS)
    assert log.told == (b"Again? ", False)


def test_a_line_that_is_written_at_once_is_never_told_without_its_end(log: Log) -> None:
    log.write(b"half ")
    assert not log.after(0.0)
    log.write(b"and half\n")
    assert not log.after(SETTLED_SECONDS / 2)
    assert log.told is None
    assert not log.end.grows


def test_one_that_goes_on_growing_is_told_now_and_then_as_torn(log: Log) -> None:
    told = []
    for _ in range(10):
        log.write(b".")
        told.append(log.after(AGAIN_SECONDS * 0.4))
    assert told == [False, False, False, True, False, False, True, False, False, True]
    assert log.told == (b"." * 10, True)
    assert log.after(SETTLED_SECONDS)
    assert log.told == (b"." * 10, False)


def test_of_a_line_that_is_written_over_and_over_the_last_whole_frame_is_told(log: Log) -> None:
    log.write(b"10 %\r")
    log.after(0.0)
    for text in (b"20 %\r3", b"0 %\r40", b" %\r50"):
        log.write(text)
        log.after(AGAIN_SECONDS * 0.4)
    assert log.told == (b"40 %", False)
    assert log.after(SETTLED_SECONDS)
    assert log.told == (b"50", False)


def test_a_file_that_is_cut_takes_it_away(log: Log) -> None:
    log.write(b"Proceed? ")
    log.after(0.0)
    log.after(SETTLED_SECONDS)
    log.path.write_bytes(b"")
    assert log.after(0.0)
    assert log.told is None
