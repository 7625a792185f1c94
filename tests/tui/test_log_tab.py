"""The Log tab: the merged stream, and each log by itself, of any size, without ever waiting for it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from controlroom.model.view import LineView, LogSource, LogView, Origin, RoomView, StoryView
from controlroom.storage import logbook
from controlroom.storage.logbook import Listed
from controlroom.tui.link import Outcome
from controlroom.tui.screens.pages import TextPage
from tests.support import views
from tests.support.stage import Visit, room, story
from tests.support.view_parts import ago


def with_log(path: Path, origin: Origin = "transcript") -> RoomView:
    """A busy room whose first agent has this log; a transcript does not stand in the merged stream as it is."""
    view = views.busy()
    logs = (LogSource(str(path), origin),)
    return replace(view, agents=(replace(view.agents[0], logs=logs), *view.agents[1:]))


def becomes(path: Path, content: str | bytes | None, link: str = "") -> None:
    """The file is taken away, and made anew where there is a content or a link."""
    path.unlink(missing_ok=True)
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    if link:
        path.symlink_to(link)


async def opens(visit: Visit, path: Path) -> None:
    """Goes to the first log by itself."""
    await visit.press("1", "1")
    await visit.sees(f"{path.name} 1/")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("".join(f"line {n}\n" for n in range(1, 5_001)))
    return path


@story
async def test_a_log_opens_at_its_end_and_follows(log: Path) -> None:
    async with room(with_log(log)) as visit:
        await visit.sees("1 log, following")
        await opens(visit, log)
        await visit.sees("5000  line 5000")
        await visit.sees("5,000 lines")
        with log.open("a") as file:
            file.write("one more ERROR\n")
        await visit.sees("5001  one more ERROR")
        await visit.press("1")
        await visit.sees("1 log, following")


@story
async def test_it_is_scrolled_through_from_its_begin_to_its_end(log: Path) -> None:
    async with room(with_log(log)) as visit:
        await opens(visit, log)
        await visit.sees("5000  line 5000")
        await visit.press("pageup", "pageup")
        await visit.sees("f follows")
        await visit.until(lambda: "line 5000" not in visit.text(), "the end is left")
        await visit.press("home")
        await visit.sees("1  line 1\n")
        await visit.press("down", "down")
        await visit.until(lambda: visit.app.looking.sheet and visit.app.looking.sheet.cursor == 2, "the third row is selected")
        await visit.press("enter")
        await visit.until(lambda: isinstance(visit.app.screen, TextPage), "the page of the row")
        await visit.sees("line 3")
        await visit.sees("byte 14 of 48,893")
        await visit.press("escape", "f")
        await visit.sees("5000  line 5000")


@story
async def test_a_filter_goes_through_all_of_it(log: Path) -> None:
    async with room(with_log(log)) as visit:
        await opens(visit, log)
        await visit.press("slash", *"LINE 499", "enter")
        await visit.sees("11 hold LINE 499")
        assert [row.text for row in visit.app.looking.sheet.rows] == ["line 499", *(f"line {n}" for n in range(4990, 5000))]  # type: ignore[union-attr]
        await visit.press("slash", *"zzz", "enter")
        await visit.sees("nothing here holds LINE 499zzz")
        await visit.press("escape")
        await visit.sees("5000  line 5000")


@pytest.mark.row("R01")
@story
async def test_a_huge_log_is_there_at_once_while_it_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "huge.log"
    with path.open("wb") as file:
        file.truncate(10 << 30)  # sparse
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe last line\n")
    async with room(with_log(path)) as visit:
        await opens(visit, path)
        await visit.sees("the last line")
        await visit.sees("10.7 GB")


@story
async def test_a_look_at_another_tab_interrupts_no_count_and_no_search(log: Path) -> None:
    async with room(with_log(log)) as visit:
        await opens(visit, log)
        await visit.sees("5,000 lines")
        await visit.press("2")
        await visit.sees("Decided by")
        with log.open("a") as file:
            file.write("line 5001\n")
        await visit.until(lambda: (sheet := visit.app.reader.sheet) is not None and sheet.lines == 5_001, "it is counted on")
        await visit.press("1")
        await visit.sees("5,001 lines")
        await visit.press("1")  # the stream again
        await visit.until(lambda: visit.app.reader.path == "", "nobody looks at the log any more")


@pytest.mark.row("R04", "R05")
@story
async def test_what_becomes_of_the_file_is_said(log: Path, tmp_path: Path) -> None:
    async with room(with_log(log)) as visit:
        await opens(visit, log)
        await visit.sees("line 5000")
        becomes(log, None)
        await visit.sees("it was taken away; what is open is shown")
        becomes(log, "new\n")
        await visit.sees("another file took its place; from its new begin")
        becomes(log, None, "/etc/passwd")
        await visit.sees("it cannot be read")
        assert "root" not in visit.text()


@pytest.mark.row("R03", "R14")
@story
async def test_hostile_lines_are_drawn_and_do_nothing(log: Path) -> None:
    becomes(log, f"{views.HOSTILE}\npassword=hunter2hunter2\n".encode() + b"\xff\xfe\0\n" + b"x" * 70_000 + b"\n")
    async with room(with_log(log)) as visit:
        await opens(visit, log)
        await visit.sees("password=<redacted:password:14>")
        await visit.sees("\\x{ff}\\x{fe}\\u{0}")
        await visit.press("f")
        await visit.sees("\u276f 5")
        await visit.press("enter")
        await visit.until(lambda: isinstance(visit.app.screen, TextPage), "the page of the row")
        await visit.press("end")
        await visit.sees("...+5,064 bytes")  # of the last word the rest is not seen, so it is not shown
        assert not any(ord(char) < 32 and char != "\n" for char in visit.text())


class Later:
    """Answers `log_lines` when the test says so, as a daemon does that waits for a line."""

    def __init__(self, visit: Visit) -> None:
        self.asked: list[dict[str, Any]] = []
        self.done: list[Callable[[Outcome], object]] = []
        self._order = visit.line.order
        visit.line.order = self.order  # type: ignore[method-assign]

    def order(self, method: str, done: Callable[[Outcome], object], /, **params: object) -> bool:
        if method != "log_lines":
            return self._order(method, done, **params)
        self.asked.append(params)
        self.done.append(done)
        return True

    def answer(
        self, *lines: LineView, logs: tuple[LogSource, ...] = (), open_: tuple[LineView, ...] = (), opens: int = 1
    ) -> None:
        rows = {"lines": msgspec.to_builtins(lines), "events": [], "missed": 0, "logs": msgspec.to_builtins(logs)}
        rows |= {"open": msgspec.to_builtins(open_), "opens": opens}
        self.done[-1](Outcome("log_lines", self.asked[-1], rows))


@story
async def test_lines_of_its_logs_stand_among_its_events_as_they_came(log: Path) -> None:
    view = with_log(log, "run")
    async with room(None) as visit:
        later = Later(visit)
        visit.line.show(view)
        await visit.until(lambda: later.asked, "the stream is asked for")
        assert (later.asked[0]["session"], later.asked[0]["after"]) == (view.agents[0].id, 0)
        later.answer(LineView(7, ago(1), str(log), "app.log", 0, "a \\u{1b} line", "error"))
        await visit.sees("app.log  a \\u{1b} line")
        await visit.until(lambda: len(later.asked) == 2, "the next question")
        assert later.asked[1]["after"] == 7
        await visit.press("down")  # another agent, which has no logs
        later.answer(LineView(8, ago(1), str(log), "app.log", 0, "too late", "error"))
        await visit.settled()
        assert "too late" not in visit.text()
        await visit.press("up")
        await visit.until(lambda: len(later.asked) == 3, "it is asked anew")


@pytest.mark.row("R06")
@story
async def test_a_question_without_a_line_feed_stands_there_until_its_whole_line_takes_its_place(log: Path) -> None:
    view = with_log(log, "run")
    async with room(None) as visit:
        later = Later(visit)
        visit.line.show(view)
        await visit.until(lambda: later.asked, "the stream is asked for")
        waiting = LineView(0, ago(1), str(log), "app.log", 40, "Proceed? [y/N] ", open=True)
        later.answer(open_=(waiting,), opens=2)
        await visit.sees("no end yet: Proceed? [y/N]")
        await visit.until(lambda: len(later.asked) == 2, "the next question")
        assert (later.asked[1]["after"], later.asked[1]["opens"]) == (0, 2)
        later.answer(LineView(8, ago(0), str(log), "app.log", 40, "Proceed? [y/N] yes"), opens=3)
        await visit.sees("Proceed? [y/N] yes")
        assert visit.text().count("Proceed?") == 1 and "no end yet" not in visit.text()


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((80, 24), ("4,000 dropped  polled",)),
        ((120, 40), ("4,000 older lines dropped  looked at every second", "4 Files")),
        (
            (200, 60),
            ("4,000 older lines dropped  looked at every second: the watch limit is reached  1 log, following",),
        ),
    ],
)
@pytest.mark.row("R12")
@story
async def test_what_the_stream_lacks_and_why_it_is_late_stand_beside_the_tabs(
    log: Path, size: tuple[int, int], said: tuple[str, ...]
) -> None:
    async with room(None, size=size) as visit:
        later = Later(visit)
        visit.line.show(with_log(log, "run"))
        await visit.press("1")
        await visit.until(lambda: later.asked, "the stream is asked for")
        later.answer(logs=(LogSource(str(log), "run", 4_200, 4_000, "", "the watch limit is reached"),))
        for words in said:
            await visit.sees(words)
        await visit.press("1")
        await visit.until(lambda: "dropped" not in visit.text(), "by itself, all of the log is there")


@story
async def test_a_filter_goes_through_all_of_the_story_and_says_how_much_it_found(tmp_path: Path) -> None:
    log = tmp_path / "s1.jsonl"
    said = [f"straw {number}" for number in range(600)]
    said[5] = "a needle"
    lines = ({"type": "assistant", "message": {"id": "m", "role": "assistant", "content": text}} for text in said)
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    view = with_log(log)
    agent = view.agents[0]
    async with room(view) as visit:
        agents = visit.app.ports.places.agents
        agents.mkdir(mode=0o700)
        logbook.save(agents, Listed(agent.id, agent.name, "claude-code", agent.logs))
        row = LogView(600, ago(1), agent.id, "speaks", said[599], told=True, more=said[599])
        visit.line.results["story"] = msgspec.to_builtins(StoryView(7, rows=(row,), older=True))
        await visit.press("1", "slash", *"needle", "enter")
        await visit.sees("1 found")
        await visit.sees("a needle")
        await visit.press("escape")
        assert visit.app.looking.past is None
        await visit.press("slash", *"599", "enter")
        await visit.sees("1 found")
        past = visit.app.looking.past
        assert past is not None and len(past.rows) == 1
        drawn = visit.app.top.query_one("#tab").lines
        assert len(drawn) == 1, "what the daemon tells too stands there once"
