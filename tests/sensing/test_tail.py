"""The tailer against a model: no complete line lost or repeated across rotations, a Gap where that cannot be promised (S17)."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from controlroom.sensing import tail as tail_room
from controlroom.sensing.tail import MOST_LINE, Found, Gap, Line, Tail

PIECES = {"a": b"a", "end": b"\n", "cr": b"\r", "no text": b"\xff\0", "line": b"line\n", "giant": b"x" * 70_000}
CHUNKS = st.lists(st.sampled_from(sorted(PIECES)), max_size=6)


def drain(tail: Tail, most: int = 1 << 20) -> list[Found]:
    """All that there is now."""
    found = tail.read(most)
    while tail.more:
        found += tail.read(most)
    return found


def texts(found: list[Found]) -> list[tuple[bytes, int]]:
    return [(one.text, one.cut) for one in found if isinstance(one, Line)]


def kept(line: bytes) -> tuple[bytes, int]:
    return line[:MOST_LINE], max(0, len(line) - MOST_LINE)


class Log(RuleBasedStateMachine):
    """A writer that appends and rotates by rename, as often as it likes; a reader that looks whenever it likes, in bites of any
    size. Rotated files get a number that grows, or 1 while all older ones move on by one.
    """

    moves_on = False

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cr"))
        self.path = self.folder / "log"
        self.path.touch()
        self.tail = Tail(str(self.path))
        self.tail.read()  # it is followed
        self.written = [b""]
        self.seen: list[Found] = []
        self.turns = 0

    @rule(chunk=CHUNKS)
    def append(self, chunk: list[str]) -> None:
        self.put(self.path, -1, chunk)

    def put(self, path: Path, at: int, names: list[str]) -> None:
        data = b"".join(PIECES[name] for name in names)
        with path.open("ab") as file:
            file.write(data)
        self.written[at] += data

    @rule(most=st.sampled_from([1, 3, 4096, 1 << 20]))
    def read(self, most: int) -> None:
        self.seen += self.tail.read(most)

    @precondition(lambda self: self.path.exists())
    @rule()
    def rotate(self) -> None:
        self.turns += 1
        if self.moves_on:
            for number in range(self.turns - 1, 0, -1):
                (self.folder / f"log.{number}").rename(self.folder / f"log.{number + 1}")
        self.path.rename(self.newest)
        self.written.append(b"")

    @property
    def newest(self) -> Path:
        """What was rotated last."""
        return self.folder / f"log.{1 if self.moves_on else self.turns}"

    @precondition(lambda self: self.turns > 0 and not self.path.exists())
    @rule(chunk=CHUNKS)
    def the_writer_still_has_the_old_one(self, chunk: list[str]) -> None:
        self.put(self.newest, -2, chunk)

    @rule()
    def everything(self) -> None:
        """After a look at all of it, every complete line has been given once, in order."""
        self.seen += drain(self.tail)
        assert not [one for one in self.seen if isinstance(one, Gap)]
        given, rest = texts(self.seen), iter(texts(self.seen))
        whole = [kept(line) for content in self.written for line in content.split(b"\n")[:-1]]
        assert all(any(line == one for one in rest) for line in whole), "a complete line is missing or out of order"
        unended = sum(1 for content in self.written[:-1] if not content.endswith(b"\n") and content)
        assert len(whole) <= len(given) <= len(whole) + unended, "a line was given twice"

    def teardown(self) -> None:
        self.tail.close()
        shutil.rmtree(self.folder)


class MovingOn(Log):
    """As most rotating programs name them."""

    moves_on = True


TestLog = pytest.mark.row("R02", "R03", "R04")(Log.TestCase)
TestLogThatMovesOn = pytest.mark.row("R04")(MovingOn.TestCase)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    return path


@pytest.mark.row("R04")
@pytest.mark.parametrize("after", [b"", b"new\n", b"a file that has grown beyond what was read before it was cut\n"])
def test_a_file_that_is_cut_in_place_is_a_gap_and_is_read_anew(log: Path, after: bytes) -> None:
    tail = Tail(str(log))
    drain(tail)
    log.write_bytes(after)  # the same inode: copytruncate
    found = drain(tail)
    assert isinstance(found[0], Gap)
    assert texts(found) == [(line, 0) for line in after.split(b"\n")[:-1]]


@pytest.mark.row("R04")
def test_a_file_that_is_deleted_and_made_anew_goes_on_without_a_gap(log: Path) -> None:
    tail = Tail(str(log))
    drain(tail)
    log.unlink()
    assert drain(tail) == []
    log.write_bytes(b"three\n")
    assert texts(drain(tail)) == [(b"three", 0)]


@pytest.mark.row("R04")
def test_a_log_that_was_rotated_thrice_between_two_looks_is_read_whole_and_in_order(log: Path) -> None:
    tail = Tail(str(log))
    drain(tail)
    for word in (b"three\n", b"four\n", b"five\n"):
        with log.open("ab") as file:
            file.write(word)
        for number in (2, 1):
            if (away := log.with_name(f"log.{number}")).exists():
                away.rename(log.with_name(f"log.{number + 1}"))
        log.rename(log.with_name("log.1"))
    log.write_bytes(b"six\n")
    found = drain(tail)
    assert texts(found) == [(word, 0) for word in (b"three", b"four", b"five", b"six")]
    assert tail.files == 4


@pytest.mark.row("R04")
def test_who_waits_for_a_log_that_is_gone_reads_its_folder_only_after_a_change(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = Tail(str(log))
    drain(tail)
    log.unlink()
    os.utime(log.parent, (1, 1))  # long ago
    drain(tail)
    scan = os.scandir

    def once(folder: str) -> object:
        reads.append(folder)
        return scan(folder)

    reads: list[str] = []
    monkeypatch.setattr(os, "scandir", once)
    assert drain(tail) == []
    assert reads == []
    log.with_name("log.1").write_bytes(b"came and went\n")
    assert texts(drain(tail)) == [(b"came and went", 0)]


@pytest.mark.row("R04", "R05")
def test_what_lies_beside_a_log_that_is_rotated_and_was_never_at_its_path_is_not_read(log: Path) -> None:
    log.with_name("log.7").write_bytes(b"of before\n")
    tail = Tail(str(log))
    drain(tail)
    log.with_name("log.6").write_bytes(log.read_bytes())  # copied, then cut
    log.write_bytes(b"")
    drain(tail)
    log.with_name("log.err").write_bytes(b"another log\n")
    log.with_name("log.2.gz").write_bytes(b"compressed\n")
    log.with_name("other.log.3").write_bytes(b"of another one\n")
    log.with_name("log.4").symlink_to(log.with_name("log.err"))
    os.mkfifo(log.with_name("log.5"))
    log.rename(log.with_name("log.1"))
    log.write_bytes(b"three\n")
    assert texts(drain(tail)) == [(b"three", 0)]


@pytest.mark.row("R05")
@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_regular_file_is_refused_and_never_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    if kind == "link":
        (tmp_path / "secret").write_bytes(b"key\n")
        path.symlink_to(tmp_path / "secret")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    tail = Tail(str(path))
    [refused] = drain(tail)
    assert isinstance(refused, Gap)
    assert drain(tail) == [], "it says so once"


@pytest.mark.row("R01")
def test_a_huge_file_is_opened_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(10 << 30)  # sparse
        file.seek(0, os.SEEK_END)
        file.write(b"half a line\nlast\n")
    tail = Tail(str(path), back=6)
    assert texts(drain(tail)) == [(b"last", 0)]


@pytest.mark.row("R02")
def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"\nnext\n")
    found = texts(drain(Tail(str(path))))
    assert [(len(text), cut) for text, cut in found] == [(MOST_LINE, (64 << 20) - MOST_LINE), (4, 0)]


def test_offsets_name_where_a_line_begins(log: Path) -> None:
    content = log.read_bytes()
    for line in drain(Tail(str(log)), most=2):
        assert isinstance(line, Line)
        assert content[line.at : line.at + len(line.text)] == line.text


@pytest.mark.row("R02")
@pytest.mark.parametrize("most", [1, 3, 1000])
def test_long_lines_come_in_pieces_that_make_them_up_where_that_is_asked_for(log: Path, most: int) -> None:
    lines = [b"", b"x" * 9, b"y" * 10, b"z" * 11, b"w" * 35, b"end"]
    log.write_bytes(b"\n".join(lines) + b"\n")
    tail, begun = Tail(str(log), keep=10, pieces=True), b""
    made: list[bytes] = []
    for one in drain(tail, most):
        assert isinstance(one, Line) and len(one.text) <= 10 and not one.cut
        assert log.read_bytes()[one.at :].startswith(one.text)
        begun += one.text
        if not one.more:
            made, begun = [*made, begun], b""
    assert made == lines
    tail.close()


@pytest.mark.row("R01", "R09")
def test_of_far_too_much_at_once_only_the_last_part_is_looked_at_and_that_is_said(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail_room, "MOST_COUNTED", 1000)
    tail = Tail(str(log))
    drain(tail)
    with log.open("ab") as file:
        file.truncate(10 << 30)  # nobody could read it in the time that this test has
        file.seek(0, os.SEEK_END)
        file.write(b"\n" + b"x\n" * 5000)
    passed = tail.pass_over(100)
    gap, *lines = tail.read()
    assert isinstance(gap, Gap) and f"{(10 << 30) + 10_001 - 8 - 1100:,} bytes" in gap.why
    assert passed == 500 and texts(lines) == [(b"x", 0)] * 50
    assert texts(drain(tail)) == []
