"""A frame or a key may come at any moment: while a screen is made, while the room is taken down."""

import pytest
from textual import events

from controlroom.tui.screens.pages import FullView, HelpPage, StopPage
from tests.support import views
from tests.support.stage import room, story


@story
async def test_a_frame_while_a_screen_is_made_or_gone_draws_what_is_there() -> None:
    asked = views.request_t2()
    async with room(views.pending_t2()) as visit:
        for page in (HelpPage(), StopPage(), FullView(asked.id, asked.digest)):
            visit.app.push_screen(page)
            visit.app.frame()
            await visit.settled()
            assert visit.app.screen is page
            visit.app.pop_screen()
            visit.app.frame()
            await visit.settled()


@story
async def test_a_frame_of_a_room_that_is_taken_down_does_nothing() -> None:
    async with room(views.pending_t2()) as visit:
        pass
    visit.line.show(views.pending_t3())
    visit.app.frame()
    assert visit.app.contact is not visit.line.contact


@pytest.mark.parametrize("key", ["j", "pagedown", "end", "v", "d"])
@story
async def test_a_key_in_a_page_that_is_still_being_made_does_not_end_the_room(key: str) -> None:
    asked = views.request_t2()
    async with room(views.pending_t2()) as visit:
        for page in (HelpPage(), FullView(asked.id, asked.digest)):
            visit.app.push_screen(page)
            page.key(events.Key(key, None))
            await visit.settled()
            await visit.press("escape")
            await visit.settled()
        assert visit.app.is_running
        assert visit.app._exception is None
