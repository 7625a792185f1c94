"""A frame or a key may come at any moment: while a screen is made, while the room is taken down."""

import pytest
from textual.screen import Screen

from controlroom.tui import ways
from controlroom.tui.app import RoomApp
from controlroom.tui.screens.pages import FullView, HelpPage, StopPage
from tests.support import views
from tests.support.stage import room, story


@story
async def test_a_frame_while_a_screen_is_made_or_gone_draws_what_is_there() -> None:
    asked = views.request_t2()
    async with room(views.pending_t2()) as visit:
        for page in (HelpPage(), StopPage(), FullView(asked.id, asked.digest)):
            visit.app.push_screen(page)
            visit.app.frames.draw()
            await visit.settled()
            assert visit.app.screen is page
            visit.app.pop_screen()
            visit.app.frames.draw()
            await visit.settled()


@story
async def test_a_frame_of_a_room_that_is_taken_down_does_nothing() -> None:
    async with room(views.pending_t2()) as visit:
        pass
    visit.line.show(views.pending_t3())
    visit.app.frames.draw()
    assert visit.app.contact is not visit.line.contact


@pytest.mark.parametrize("key", ["j", "pagedown", "end", "v", "d"])
@story
async def test_a_key_in_a_page_that_is_still_being_made_does_not_end_the_room(key: str) -> None:
    asked = views.request_t2()
    async with room(views.pending_t2()) as visit:
        for page in (HelpPage(), FullView(asked.id, asked.digest)):
            visit.app.push_screen(page)
            page.key(visit.key(key))
            await visit.settled()
            await visit.press("escape")
            await visit.settled()
        assert visit.app.is_running
        assert visit.app._exception is None


@pytest.mark.parametrize("opens", ["D", "slash", "ctrl+p", "v", "g"])
@story
async def test_keys_read_before_a_screen_came_do_not_go_wrong_on_the_one_below(opens: str) -> None:
    """Handed to the room, handled when another screen covers it."""
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        below = visit.app.top
        await visit.press(opens)
        await visit.until(lambda: visit.app.top is not below, "another screen")
        for key in ("enter", "x", "a", "down"):
            below.key(visit.key(key))
        await visit.settled()
        assert visit.line.orders == []
        assert visit.app._exception is None


@story
async def test_a_denial_read_before_the_full_view_came_counts() -> None:
    async with room(views.pending_t2()) as visit:
        below = visit.app.top
        await visit.press("v")
        await visit.until(lambda: isinstance(visit.app.top, FullView), "the full view")
        below.key(visit.key("d"))
        await visit.until(lambda: visit.line.ordered("deny"), "denied")


@story
async def test_a_click_beside_it_takes_no_keyboard_from_a_text_field() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.press("slash")
        await visit.pilot.click(offset=(3, 3))
        await visit.press(*"npm", "enter")
        assert visit.app.looking.filter == "npm"


def test_the_first_paint_is_the_whole_room(monkeypatch: pytest.MonkeyPatch) -> None:
    painted: list[str] = []
    display = RoomApp._display

    def keep(app: RoomApp, screen: Screen[object], update: object) -> None:
        if update is not None:
            painted.append("\n".join(strip.text for strip in screen._compositor.render_strips()))
        display(app, screen, update)  # type: ignore[arg-type]

    monkeypatch.setattr(RoomApp, "_display", keep)

    @story
    async def play() -> None:
        async with room(views.pending_t2()):
            pass

    play()
    assert all(part in painted[0] for part in ("claude-1", "rm -rf build dist", "1 Log", "? help", "STOP")), painted[0]


@story
async def test_a_screen_that_is_left_before_it_was_made_does_not_end_the_room() -> None:
    async with room(views.pending_t2()) as visit:
        for opens in (ways.to_palette, ways.to_filter, ways.to_help, ways.to_view, ways.to_stop):
            opens(visit.app)
            visit.app.close(visit.app.screen)
            await visit.settled()
        assert visit.app._exception is None
        assert visit.app.is_running
