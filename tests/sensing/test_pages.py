"""Pages and index of a log against the plainest model: all bytes in memory, split at line feeds (R01 to R04)."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from controlroom.sensing import index as indexes
from controlroom.sensing import pages
from controlroom.sensing.index import Every, Holding, Index, Leveled, Rule
from controlroom.sensing.opening import Refused
from controlroom.sensing.pages import LogFile
from controlroom.sensing.tail import Line

PIECES = {
    "a": b"a", "end": b"\n", "cr": b"one\rtwo\r", "no text": b"\xff\0\xfe", "line": b"a needle here\n", "empty": b"\n\n",
    "json": b'{"level":"error","type":"http","n":1}\n', "warn": b"2026-11-26 WARN half\n", "giant": b"x" * 2_000,
    "Needle": b"NEEDLE", "crlf": b"windows\r\n", "long": b"y" * 400,
}  # fmt: skip
KEPT = 600  # bytes of a line, here: more than a level is looked for in
CHUNKS = st.lists(st.sampled_from(sorted(PIECES)), max_size=8)
RULES: tuple[Rule, ...] = (Every(), Holding("needle"), Leveled("warn"))


@pytest.fixture(autouse=True, scope="module")
def small_bites() -> Iterator[None]:
    """Bites so small that everything happens at their borders."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexes, "BITE", KEPT)
        patch.setattr(indexes, "STRIDE", 2_000)
        patch.setattr(indexes, "MOST_MARKS", 16)
        patch.setattr(pages, "BITE", KEPT)
        patch.setattr(pages, "MOST_LINE", KEPT)
        yield


def lines_of(content: bytes) -> list[Line]:
    """What a log with this content holds."""
    found, at = [], 0
    for text in content.split(b"\n"):
        found.append(Line(at, text[:KEPT], max(0, len(text) - KEPT)))
        at += len(text) + 1
    return found if found[-1].text else found[:-1]


def whole(content: bytes, line: Line) -> bytes:
    return content[line.at : line.at + len(line.text) + line.cut]


class Log(RuleBasedStateMachine):
    """A writer that appends, cuts, rewrites and rotates; a reader that pages, and an index that goes on whenever it likes."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cr"))
        self.path = self.folder / "log"
        self.path.write_bytes(b"")
        self.content = b""
        self.turns = 0
        self.open()

    def open(self) -> None:
        self.log = LogFile(str(self.path))
        self.indexes = [(one, Index(one)) for one in RULES]

    @rule(chunk=CHUNKS)
    def append(self, chunk: list[str]) -> None:
        data = b"".join(PIECES[name] for name in chunk)
        with self.path.open("ab") as file:
            file.write(data)
        self.content += data
        assert self.log.change() == ""

    @rule(chunk=CHUNKS, rename=st.booleans())
    def another_file_takes_its_place(self, chunk: list[str], rename: bool) -> None:
        self.turns += 1
        if rename:
            self.path.rename(self.folder / f"log.{self.turns}")
        else:
            self.path.unlink()
            (self.folder / "keeps the inode").touch()
        self.content = b"".join(PIECES[name] for name in chunk)
        self.path.write_bytes(self.content)
        assert self.log.change() == "another file took its place"
        self.log.close()
        self.open()

    @rule()
    def cut(self) -> None:
        before, self.content = self.content, b""
        self.path.write_bytes(b"")
        assert self.log.change() == ("it was cut or rewritten" if before else "")
        self.indexes = [(one, Index(one)) for one in RULES]

    @rule(most=st.sampled_from([1, 300, 100_000]))
    def index_on(self, most: int) -> None:
        for _, index in self.indexes:
            index.step(self.log.descriptor, self.log.size, most)

    @rule(count=st.integers(1, 9), which=st.sampled_from(RULES), data=st.data())
    def page(self, count: int, which: Rule, data: st.DataObject) -> None:
        every = lines_of(self.content)
        cut = data.draw(st.integers(0, len(every)))
        at = every[cut].at if cut < len(every) else len(self.content)
        counted = [line for line in every if which.holds(whole(self.content, line), True)]
        back = self.log.back(at, count, which)
        assert list(back.lines) == [line for line in counted if line.at < at][-count:]
        on = self.log.on(at, count, which)
        assert list(on.lines) == [line for line in counted if line.at >= at][:count]

    @invariant()
    def an_index_that_is_done_knows_every_line(self) -> None:
        if not hasattr(self, "log"):
            return
        ended = [line for line in lines_of(self.content) if whole(self.content, line) + b"\n" in self.content[line.at :]]
        for which, index in self.indexes:
            while index.step(self.log.descriptor, self.log.size, 1 << 20):
                pass
            counted = [line for line in ended if which.holds(whole(self.content, line), True)]
            assert index.rows == len(counted)
            assert len(index.marks) <= indexes.MOST_MARKS
            for line in ended[:: max(1, len(ended) // 5)]:
                assert index.before(self.log.descriptor, line.at) == sum(1 for one in counted if one.at < line.at)

    def teardown(self) -> None:
        if hasattr(self, "log"):
            self.log.close()
            shutil.rmtree(self.folder)


TestLog = pytest.mark.row("R02", "R03", "R04")(Log.TestCase)


def write(path: Path, content: bytes) -> LogFile:
    path.write_bytes(content)
    return LogFile(str(path))


@pytest.mark.row("R01")
def test_the_end_of_a_huge_file_is_there_at_once_and_its_begin_too(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as file:
        file.write(b"first\n")
        file.truncate(10 << 30)  # sparse
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    log = LogFile(str(tmp_path / "log"))
    assert [line.text for line in log.back(log.size, 1).lines] == [b"last"]
    assert [line.text for line in log.on(0, 1).lines] == [b"first"]
    hole = log.on(6, 1).lines[0]
    assert (hole.at, len(hole.text) + hole.cut) == (6, pages.FAR), "a line without end is shown in parts"
    index = Index()
    while index.step(log.descriptor, log.size, 1 << 20):
        pass
    assert index.rows == 3, "what a sparse file leaves out is skipped, and counted as no line"


@pytest.mark.row("R05")
@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "device", "another's"])
def test_what_is_no_regular_file_of_ours_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "another's":
        path.touch()
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
        os.chown(path, os.getuid() or 60_001, -1)
    with pytest.raises(Refused):
        LogFile("/dev/null" if kind == "device" else str(path))


def test_a_search_finds_what_is_not_kept_of_a_long_line(tmp_path: Path) -> None:
    log = write(tmp_path / "log", b"x" * 1_000 + b"needle\nno\n" + b"y" * 500 + b"needl\ne\n")
    [found] = log.back(log.size, 9, Holding("NEEDLE")).lines
    assert (found.at, found.cut) == (0, 1_006 - KEPT)


def test_a_page_that_nobody_waits_for_any_more_ends(tmp_path: Path) -> None:
    log = write(tmp_path / "log", b"line\n" * 1_000)
    page = log.back(log.size, 9, Holding("nothing"), given_up=lambda: True)
    assert (page.lines, page.more) == ((), True)


@pytest.mark.parametrize("text", ["", "two\nlines"])
def test_a_text_that_no_line_can_hold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="part of one line"):
        Holding(text)
