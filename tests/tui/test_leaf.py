"""One log as a screen sees it, against the plainest model: a list of lines, a place in it, and so many rows."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from controlroom.tui.glyphs import UNICODE
from controlroom.tui.leaf import Leaf
from controlroom.tui.line import plain
from controlroom.tui.render.sheet import render
from controlroom.tui.sheet import Sheet

LINES = ("needle in here", "hay", "", "NEEDLE", "x" * 300, "2026-11-26 ERROR hay")


def settled(leaf: Leaf) -> Sheet:
    """When nothing is left to do."""
    while leaf.go_on():
        pass
    return leaf.sheet()


def texts(sheet: Sheet) -> list[str]:
    return [str(row.text) for row in sheet.rows]


class Seen(RuleBasedStateMachine):
    """A writer, and an operator who moves about; the model knows which row the operator must be at."""

    @initialize(find=st.sampled_from(["", "needle", "level:error"]), height=st.integers(1, 6))
    def begin(self, find: str, height: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cr"))
        self.path = self.folder / "log"
        self.path.touch()
        self.find, self.height = find, height
        self.written = ""
        self.at = -1  # the row that the operator is at; -1 = follows
        self.leaf = Leaf(str(self.path), find, height)
        settled(self.leaf)

    def held(self) -> list[str]:
        every = self.written.split("\n")
        every = every[:-1] if not every[-1] else every
        wanted = {"": "", "needle": "needle", "level:error": "error"}[self.find]
        return [line for line in every if wanted in line.lower()]

    @rule(lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=4), ended=st.booleans())
    def write(self, lines: list[str], ended: bool) -> None:
        more = "\n".join(lines) + ("\n" if ended else "")
        with self.path.open("a") as file:
            file.write(more)
        self.written += more
        settled(self.leaf)

    @rule(command=st.sampled_from(["up", "down", "page-up", "page-down", "first", "last"]))
    def move(self, command: str) -> None:
        self.leaf.move(command)
        last, page = len(self.held()) - 1, max(1, self.height - 1)
        here = last if self.at < 0 else self.at
        if command == "last":
            self.at = -1
        elif command == "first":
            self.at = 0
        elif command in ("up", "page-up"):
            self.at = max(0, here - (1 if command == "up" else page))
        elif self.at >= 0:
            self.at = max(0, min(last, here + (1 if command == "down" else page)))
        settled(self.leaf)

    @rule(find=st.sampled_from(["", "needle"]))
    def look_for(self, find: str) -> None:
        self.leaf.look_for(find)
        self.find, self.at = find, -1
        settled(self.leaf)

    @rule(height=st.integers(1, 6))
    def resize(self, height: int) -> None:
        self.leaf.stay(True)
        self.leaf.resize(height)
        self.height, self.at = height, -1
        settled(self.leaf)

    @precondition(lambda self: bool(self.written))
    @rule()
    def cut(self) -> None:
        self.path.write_text("")
        self.written, self.at = "", -1
        self.leaf.stay(True)
        settled(self.leaf)

    @invariant()
    def what_is_seen_is_what_is_there(self) -> None:
        if not hasattr(self, "leaf"):
            return
        sheet, held = self.leaf.sheet(), self.held()
        assert sheet.follow == (self.at < 0)
        assert len(sheet.rows) <= self.height
        seen = texts(sheet)
        if self.at < 0:
            assert seen == held[-self.height :]
            return
        assert len(seen) == min(self.height, len(held))
        if held:
            first = self.at - sheet.cursor
            assert seen == held[first : first + len(seen)], "the rows lie around the one that the operator is at"
        if self.find:
            ended = self.written.rpartition("\n")[0].split("\n") if "\n" in self.written else []
            wanted = "needle" if self.find == "needle" else "error"
            assert sheet.found == sum(wanted in line.lower() for line in ended)

    def teardown(self) -> None:
        if hasattr(self, "leaf"):
            self.leaf.close()
            shutil.rmtree(self.folder)


Seen.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestSeen = pytest.mark.row("R03", "R04")(Seen.TestCase)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_a_log_that_is_not_there_yet_is_said_and_shown_when_it_comes(log: Path) -> None:
    leaf = Leaf(str(log), "", 5)
    assert settled(leaf).note == "there is no such file yet"
    log.write_text("here\n")
    assert texts(settled(leaf)) == ["here"]


@pytest.mark.row("R04")
def test_another_file_in_its_place_is_said_and_shown(log: Path) -> None:
    log.write_text("old\n" * 9)
    leaf = Leaf(str(log), "", 5)
    settled(leaf)
    log.rename(f"{log}.1")
    assert settled(leaf).note == "it was taken away; what is open is shown"
    log.write_text("new\n")
    sheet = settled(leaf)
    assert (texts(sheet), sheet.lines) == (["new"], 1)
    assert "another file took its place" in sheet.note


@pytest.mark.row("R05")
def test_a_link_in_its_place_is_not_read(log: Path, tmp_path: Path) -> None:
    log.write_text("old\n")
    (tmp_path / "secret").write_text("secret\n")
    leaf = Leaf(str(log), "", 5)
    settled(leaf)
    log.unlink()
    log.symlink_to(tmp_path / "secret")
    sheet = settled(leaf)
    assert (sheet.rows, "cannot be read" in sheet.note) == ((), True)


def test_a_look_for_lines_that_are_rare_shows_at_once_that_it_looks_and_no_line_that_does_not_fit(log: Path) -> None:
    log.write_text("needle\n" + "hay\n" * (3 << 20) + "needle\n" + "hay\n" * 9)
    leaf = Leaf(str(log), "", 5)
    settled(leaf)
    leaf.look_for("needle")
    leaf.go_on()
    first = leaf.sheet()
    assert (first.doing, texts(first)) == ("looking", ["needle"])
    assert first.gone < 8 << 20, "a bit of it, however large the log"
    assert texts(settled(leaf)) == ["needle", "needle"]


@pytest.mark.row("R02", "R14")
def test_rows_hold_no_secrets_and_no_controls_and_giant_lines_are_cut(log: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "TUlJRW93\n" * 9 + "-----END PRIVATE KEY-----\n"
    log.write_bytes(b"token ghp_" + b"a" * 36 + b"\n\x1b]0;x\x07\n" + key.encode() + b"y" * 100_000 + b"\n")
    sheet = settled(Leaf(str(log), "", 4))
    assert texts(sheet)[:2] == ["<redacted:private-key:8>"] * 2
    assert sheet.rows[-1].cut == 100_000 - 65_536
    sheet = settled(Leaf(str(log), "t", 99))
    assert texts(sheet)[0] == "token <redacted:github:40>"
    assert not any("TUlJRW93" in text for text in texts(sheet))


def test_what_the_whole_log_holds_is_told_with_the_numbers_of_its_lines(log: Path) -> None:
    log.write_text("".join(f'{{"level":"{"error" if n % 10 == 0 else "info"}","n":{n}}}\n' for n in range(100)))
    leaf = Leaf(str(log), "", 10)
    sheet = settled(leaf)
    assert (sheet.lines, sheet.worse, sheet.number) == (100, 10, 90)
    assert [row.level for row in sheet.rows] == ["error", *["info"] * 9]


def test_a_huge_log_is_shown_before_it_is_counted(log: Path) -> None:
    with log.open("wb") as file:
        file.truncate(10 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    leaf = Leaf(str(log), "", 1)
    leaf.go_on()
    assert (texts(leaf.sheet()), leaf.sheet().number) == (["last"], None)


def test_of_what_was_not_gone_through_yet_no_number_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("hay\n" * (3 << 20))

    def head(sheet: Sheet) -> str:
        return plain(render(sheet, str(path), 100, UNICODE)[0])

    leaf = Leaf(str(path), "needle", 3)
    assert "? lines  12.6 MB  ? hold needle" in head(leaf.sheet())
    while not 0 < leaf.sheet().lines < 3 << 20:
        leaf.go_on()
    assert f"over {leaf.sheet().lines:,} lines" in head(leaf.sheet())
    assert "3,145,728 lines  12.6 MB  0 hold needle" in head(settled(leaf))
    leaf.close()
