"""The command palette survives what a person can press in it, and a room of any size."""

import pytest
from textual.command import CommandList

from controlroom.tui.palette import RoomPalette
from controlroom.tui.screens.room import RoomScreen
from tests.support import views
from tests.support.stage import room, story


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
@story
async def test_page_keys_where_nothing_is_found_do_not_end_the_room(size: tuple[int, int]) -> None:
    async with room(views.busy(), size) as visit:
        await visit.press("ctrl+p", "pageup", *"zzqq", "pageup", "pagedown", "up", "down", "home", "end", "enter")
        await visit.press("escape", "escape")
        await visit.settled()
        assert visit.app.is_running
        assert visit.line.orders == []


@story
async def test_leaving_it_twice_at_once_does_not_end_the_room() -> None:
    async with room(views.busy()) as visit:
        await visit.press("ctrl+p")
        await visit.settled()
        palette = visit.app.screen
        assert isinstance(palette, RoomPalette)
        palette.dismiss(None)
        palette.dismiss(None)
        await visit.settled()
        assert isinstance(visit.app.screen, RoomScreen)
        assert visit.app._exception is None


@story
async def test_a_window_that_becomes_narrower_than_its_list_does_not_end_the_room() -> None:
    async with room(views.busy()) as visit:
        await visit.press("ctrl+p")
        palette = visit.app.screen
        await visit.until(lambda: palette.query_one(CommandList).option_count, "the commands are listed")
        for columns in (5, 4, 3, 2, 1, 120):
            await visit.pilot.resize_terminal(columns, 24)
            await visit.press("backspace", "down")
            await visit.settled()
        assert visit.app._exception is None
        assert visit.app.screen is palette
