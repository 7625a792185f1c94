"""Approval in the running app, from the key to the order that goes to the daemon: one press, and it cannot be a slip (S12)."""

import random

import pytest
from msgspec.structs import replace

from controlroom.model.view import RequestView, RoomView
from controlroom.tui.approval import ARM
from controlroom.tui.keys import BY_ID
from tests.support import views
from tests.support.stage import Visit, room, story

ASKED = views.request_t2()
ALLOWED = [("allow", {"id": ASKED.id, "digest": ASKED.digest})]


def waiting(*asked: RequestView) -> RoomView:
    """A room in which these wait."""
    return replace(views.busy(), pending=asked)


def numbered(number: int) -> RequestView:
    """One of many."""
    return replace(ASKED, id=f"r{number:04}", digest=f"{number:064}", asked=views.NOW.plus(number))


def long(kib: int, asked: RequestView = ASKED) -> RequestView:
    """A request with so much to judge."""
    return replace(asked, argv=(("echo", *("x" * 64 for _ in range(kib * 16))),))


def refused(visit: Visit, why: str) -> None:
    """Nothing was decided, and the screen says why."""
    assert visit.line.orders == []
    assert why in visit.app.looking.notice, visit.app.looking.notice


# Arming


@pytest.mark.row("U04")
@story
async def test_a_key_does_nothing_before_it_is_armed_and_a_denial_waits_for_nothing() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.send(visit.key("a"))
        refused(visit, "not armed yet")
        await visit.press("d")
        assert visit.line.ordered("deny")


@pytest.mark.row("U04", "U08")
@story
async def test_a_resize_arms_it_anew() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        await visit.pilot.resize_terminal(100, 30)
        assert visit.app.desk.unready()
        await visit.send(visit.key("a"))
        assert visit.line.orders == []
        await visit.armed()
        await visit.press("a")
        await visit.until(lambda: visit.line.orders == ALLOWED, "allowed")


@pytest.mark.row("U04", "U14")
@story
async def test_the_focus_of_the_terminal_arms_it_anew() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        visit.app.on_app_blur()
        visit.app.on_app_focus()
        await visit.send(visit.key("a"))
        refused(visit, "not armed yet")
        await visit.armed()


@pytest.mark.row("U04")
@story
async def test_after_a_decision_nothing_is_focused_and_the_next_is_armed_anew() -> None:
    async with room(waiting(numbered(1), numbered(2))) as visit:
        await visit.armed()
        await visit.press("a")
        await visit.until(lambda: len(visit.line.orders) == 1, "the first is allowed")
        assert visit.app.desk.now.focus == ""
        visit.line.show(waiting(numbered(2)))
        await visit.until(lambda: visit.app.desk.now.focus == "r0002", "the next gets the focus by itself")
        await visit.send(visit.key("a"))
        assert len(visit.line.orders) == 1


# Keys that nobody meant


@pytest.mark.row("U01")
@story
async def test_what_was_typed_ahead_answers_nothing() -> None:
    """Read from the terminal before the request was on screen, handled long after it was armed."""
    async with room(views.busy()) as visit:
        read = visit.key("a")
        visit.line.show(waiting(ASKED))
        await visit.armed()
        await visit.send(read)
        refused(visit, "press again")


@pytest.mark.row("U01")
@story
async def test_a_key_meant_for_a_request_does_not_reach_the_one_that_took_its_place() -> None:
    async with room(waiting(numbered(1))) as visit:
        await visit.armed()
        read = visit.key("a")
        visit.line.show(waiting(numbered(2)))
        await visit.until(lambda: visit.app.desk.now.focus == "r0002", "the other has the focus")
        await visit.armed()
        await visit.send(read)
        refused(visit, "press again")


@pytest.mark.row("U06")
@story
async def test_a_paste_answers_nothing_with_brackets_or_without() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        await visit.paste("a\na\n")
        refused(visit, "pasted text answers nothing")
        await visit.armed()
        await visit.send(*(visit.key(key) for key in ("m", "a")))
        refused(visit, "faster than a person types")
        await visit.armed()
        await visit.send(*(visit.key(key) for key in ("a", "k", "e")))
        assert visit.line.orders == []


@pytest.mark.row("U05")
@story
async def test_a_key_held_down_allows_one_request_and_no_second() -> None:
    async with room(waiting(numbered(1), numbered(2))) as visit:
        await visit.armed()
        for turn in range(60):
            visit.app.post_message(visit.key("a"))
            await visit.handled()
            await visit.wait(0.04)
            if turn == 5:
                visit.line.show(waiting(numbered(2)))
        assert [order["id"] for order in visit.line.ordered("allow")] in ([], ["r0001"])
        assert visit.app.desk.now.focus == "r0002"


@pytest.mark.row("U07")
@story
async def test_the_mouse_and_the_palette_allow_nothing() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        for x, y in ((2, 6), (2, 12), (5, 20)):
            await visit.pilot.click(offset=(x, y))
        for name in ("allow", "allow-t3", "grant"):
            visit.app.invoke(name)
        assert visit.line.orders == []
        assert BY_ID["allow"].keys == ("a",)


@pytest.mark.row("U09")
@story
async def test_keys_of_habit_answer_nothing() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        for key in ("enter", "escape", "space", "y", "Y", "tab", "escape"):
            await visit.press(key)
            await visit.press("escape")
        assert visit.line.orders == []


@pytest.mark.row("U03")
@story
async def test_a_request_that_comes_while_a_text_is_typed_takes_no_key_of_it() -> None:
    async with room(views.busy()) as visit:
        await visit.press("slash")
        visit.line.show(waiting(ASKED))
        await visit.settled()
        await visit.press(*"aAdg")
        await visit.sees("1 pending")
        assert visit.app.desk.now.focus == ""
        await visit.press("enter")
        assert visit.app.looking.filter == "aAdg"
        assert visit.line.orders == []


# What the focus does


@pytest.mark.row("U02")
@story
async def test_a_thousand_arrivals_and_departures_never_move_the_focus() -> None:
    """What is pressed meanwhile decides the request that has the focus, or nothing."""
    chance = random.Random(3)
    mine = replace(numbered(500), asked=views.NOW)
    async with room(waiting(mine), (80, 24)) as visit:
        others: list[RequestView] = []
        for number in range(1000):
            if others and chance.random() < 0.5:
                others.pop(chance.randrange(len(others)))
            else:
                others.insert(0, replace(numbered(number + 1000), asked=views.NOW.plus(-number)))
            visit.line.show(waiting(*chance.sample(others, len(others)), mine))
            visit.app.frames.draw()
            assert visit.app.desk.now.focus == mine.id
            if number % 100 == 0:
                await visit.handled()
        await visit.armed()
        await visit.press("a")
        await visit.until(lambda: visit.line.orders == [("allow", {"id": mine.id, "digest": mine.digest})], "mine alone")


@pytest.mark.row("A03")
@story
async def test_a_request_that_changed_under_the_finger_is_another_one() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        read = visit.key("a")
        changed = replace(ASKED, digest="f" * 64)
        visit.line.show(waiting(changed))
        await visit.settled()
        await visit.send(read)
        assert visit.line.orders == []
        await visit.armed()
        await visit.press("a")
        await visit.until(lambda: visit.line.orders == [("allow", {"id": ASKED.id, "digest": "f" * 64})], "what is on screen")


# What must have been seen


@pytest.mark.row("D07")
@story
async def test_what_does_not_fit_must_have_been_scrolled_to_its_end() -> None:
    async with room(waiting(long(8))) as visit:
        await visit.until(lambda: "scroll to its end" in visit.app.desk.unready(), "it does not fit")
        await visit.press("a")
        refused(visit, "scroll to its end first")
        for _ in range(200):
            if "scroll" not in visit.app.desk.unready():
                break
            await visit.send(visit.key("pagedown"))
        await visit.armed()
        await visit.press("a")
        await visit.until(lambda: len(visit.line.orders) == 1, "allowed")


@pytest.mark.row("D07")
@story
async def test_more_than_64_kib_is_allowed_only_as_t3_in_the_full_view() -> None:
    async with room(waiting(long(65))) as visit:
        await visit.press("v", "end")
        await visit.wait(1.2)
        await visit.press("a")
        refused(visit, "more than 64 KiB")
    asked = long(65, views.request_t3())
    async with room(waiting(asked)) as visit:
        await visit.until(lambda: "more than 64 KiB" in visit.app.desk.unready(), "not in the panel")
        await visit.press("v", "end")
        await visit.armed()
        await visit.press("A")
        await visit.until(lambda: visit.line.ordered("allow") == [{"id": asked.id, "digest": asked.digest}], "allowed")


@pytest.mark.row("U08")
@pytest.mark.parametrize("size", [(1, 1), (20, 5), (19, 40), (200, 4)])
@story
async def test_where_it_cannot_be_read_it_cannot_be_allowed(size: tuple[int, int]) -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        await visit.pilot.resize_terminal(*size)
        await visit.wait(0.8)
        await visit.press("a")
        assert visit.line.orders == []
        await visit.press("d")
        assert visit.line.ordered("deny")


# The daemon's word


@story
async def test_a_decision_that_the_daemon_did_not_take_may_be_made_again() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        visit.line.refuse = "the digest on screen is not the request's"
        await visit.press("a")
        await visit.sees("allow was not taken: the digest on screen is not the request's")
        visit.line.refuse = ""
        await visit.armed()
        await visit.press("a")
        await visit.until(lambda: visit.line.orders == ALLOWED * 2, "once more")


@pytest.mark.row("U12")
@story
async def test_while_a_stop_is_in_force_nothing_is_allowed() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        read = visit.key("a")
        visit.line.show(replace(waiting(ASKED), status=views.status(stop_id="5f3a", stop_by="operator:eve")))
        await visit.settled()
        await visit.send(read)
        await visit.press("escape")
        await visit.wait(0.8)
        await visit.press("a")
        assert visit.line.orders == []


@pytest.mark.row("S06")
@story
async def test_a_daemon_that_comes_back_finds_everything_unarmed() -> None:
    async with room(waiting(ASKED)) as visit:
        await visit.armed()
        read = visit.key("a")
        visit.line.lose()
        await visit.sees("no daemon")
        await visit.press("a")
        refused(visit, "no daemon answers")
        visit.line.show(waiting(ASKED))
        await visit.settled()
        await visit.send(read)
        assert visit.line.orders == []
        await visit.armed()


@story
async def test_with_the_answer_goes_how_long_all_of_it_had_been_on_screen() -> None:
    for key in ("a", "d"):
        async with room(waiting(ASKED)) as visit:
            await visit.armed()
            since = visit.app.desk.now.seen_at
            assert since is not None
            await visit.press(key)
            await visit.until(lambda: bool(visit.line.orders), "answered")
            (shown,) = visit.line.shown
            assert isinstance(shown, int)
            assert 1000 * ARM[ASKED.tier] <= shown <= 1000 * (visit.app.clock() - since) + 1
