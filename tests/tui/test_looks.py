"""The room on screen, as a tired operator reads it: nothing twice, nothing hidden without a word, nothing missed."""

import asyncio

import pytest

from controlroom.tui.looking import Looking
from tests.support import views
from tests.support.stage import room, story
from tests.tui.test_screens import kept


def test_another_tab_is_read_from_its_top() -> None:
    async def play() -> None:
        async with room(views.busy(), (80, 12)) as visit:
            await visit.press("1", "5")
            await visit.sees("label")
            assert visit.app.top.query_one("#tab").scroll_offset.y == 0

    asyncio.run(play())


def test_the_footer_does_not_repeat_the_keys_that_stand_under_the_request() -> None:
    async def play() -> None:
        async with room(views.pending_t2(), (80, 40)) as visit:
            await visit.sees("allow once")
            assert "pause" in visit.text().splitlines()[-1]
            assert visit.text().count("deny, say why") == 1

    asyncio.run(play())


def test_a_tab_over_a_request_says_how_to_get_back_to_it() -> None:
    async def play() -> None:
        async with room(views.pending_t3(), (80, 24)) as visit:
            await visit.press("2")
            await visit.sees("esc back to the request that waits")
            await visit.press("escape")
            await visit.sees("T3 critical")

    asyncio.run(play())


def test_a_page_that_goes_on_says_so_until_its_end() -> None:
    async def play() -> None:
        async with room(views.busy(), (80, 24)) as visit:
            await visit.press("question_mark")
            await visit.sees("page down there is more")
            await visit.press("end")
            await visit.until(lambda: "there is more" not in visit.text(), "the end of the help")

    asyncio.run(play())


def test_the_help_over_a_request_tells_of_the_room_behind_it() -> None:
    async def play() -> None:
        async with room(views.pending_t2(), (120, 40)) as visit:
            await visit.armed()
            await visit.press("question_mark")
            await visit.sees("EMERGENCY STOP: freeze")
            assert "lies over the requests" not in visit.text()

    asyncio.run(play())


def test_every_problem_of_the_start_is_said_one_after_the_other() -> None:
    looking = Looking()
    looking.say_all(["a.toml: is no theme", "b.toml: is no theme"])
    said = [looking.notice]
    while looking.notice:
        looking.say("")
        said.append(looking.notice)
    assert said == ["1 of 2: a.toml: is no theme", "2 of 2: b.toml: is no theme", ""]


def test_the_full_view_says_which_key_allows_and_what_it_waits_for() -> None:
    async def play() -> None:
        async with room(views.pending_t2(), (80, 40)) as visit:
            await visit.press("v")
            await visit.sees("a  allow once")

    asyncio.run(play())


def test_the_tabs_beside_a_request_have_their_names() -> None:
    async def play() -> None:
        async with room(views.pending_t2(), (120, 40)) as visit:
            await visit.sees("1 Log 2 Receipts 3 Procs 4 Files 5 Perms 6 Config")

    asyncio.run(play())


@story
async def test_a_remark_that_is_too_long_for_its_row_goes_on_in_the_footers() -> None:
    async with room(views.busy(), (80, 24)) as visit:
        visit.app.say(f"While you were away: {'x ' * 40}and at its end 2 expired")
        await visit.sees("and at its end 2 expired")
        await visit.press("escape")
        await visit.sees("? help")


@story
async def test_in_a_low_window_a_remark_stands_in_place_of_the_footer() -> None:
    async with room(views.pending_t2(), (20, 5)) as visit:
        await visit.press("a")
        await visit.sees("the terminal is")


@story
async def test_under_a_request_stand_only_keys_that_do_something() -> None:
    async with room(views.pending_t2(), (80, 24)) as visit:
        await visit.press("D", "x")
        await visit.sees("a text field has the keyboard: esc leaves it")
        assert "D deny, say why" not in visit.text()
    async with room(views.pending_t2(), (80, 24), read_only=True) as visit:
        await visit.sees("this room is read-only  v full")


@pytest.mark.row("E13")
@pytest.mark.parametrize("opens", ["D", "slash", "ctrl+p", "g"])
@story
async def test_a_dialog_takes_no_colour_from_what_is_decided_about_nor_from_the_stop_key(opens: str) -> None:
    async with room(views.pending_t2(), (80, 24), theme="day") as visit:
        await visit.armed()
        before = kept(visit).splitlines()
        await visit.press(opens)
        await visit.settled()
        now = kept(visit).splitlines()
        assert visit.app.top.scope in ("text", "grant")
        assert now[:5] == before[:5]  # the looks are letters in the order in which they come


@story
async def test_a_grant_that_could_not_follow_its_allow_is_told() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await visit.press("g")
        await visit.armed()
        visit.line.busy = "grant"
        await visit.press("5")
        await visit.sees("grant was not taken: too many orders are under way")
