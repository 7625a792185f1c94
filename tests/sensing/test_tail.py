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
    """A writer that appends and rotates by rename; a reader that looks whenever it likes, in bites of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="cr"))
        self.path = self.folder / "log"
        self.tail = Tail(str(self.path))
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
        self.everything()  # what is rotated twice between two looks is gone for everybody
        self.turns += 1
        self.path.rename(self.folder / f"log.{self.turns}")
        self.written.append(b"")

    @precondition(lambda self: self.turns > 0 and not self.path.exists())
    @rule(chunk=CHUNKS)
    def the_writer_still_has_the_old_one(self, chunk: list[str]) -> None:
        self.put(self.folder / f"log.{self.turns}", -2, chunk)

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


TestLog = pytest.mark.row("R02", "R03", "R04")(Log.TestCase)


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
