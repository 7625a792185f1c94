"""The command palette: it finds, it runs only what is selected, and it survives what a person can press in it at any size."""

import pytest

from controlroom.tui import keys
from controlroom.tui.keys import Context
from controlroom.tui.render import palette
from controlroom.tui.screens.palette import Palette
from controlroom.tui.screens.room import RoomScreen
from tests.support import views
from tests.support.stage import room, story

HINTS = keys.palette(Context())


def test_what_is_called_so_comes_before_what_is_told_so() -> None:
    assert [hint.id for hint in palette.found(HINTS, "stop")][:2] == ["stop", "estop"]
    assert [hint.id for hint in palette.found(HINTS, "pause")] == ["pause"]
    assert palette.found(HINTS, "agent now")[0].id == "kill"
    assert palette.found(HINTS, "zqx") == []
    assert palette.found(HINTS, " ") == HINTS
    assert [hint.id for hint in HINTS].index("estop") == len(HINTS) - 1  # one arrow and enter do not pull it


@story
async def test_nothing_is_selected_before_something_was_typed() -> None:
    async with room(views.busy()) as visit:
        await visit.press("ctrl+p")
        await visit.sees("COMMANDS")
        await visit.press("enter")
        await visit.sees("no command was selected")
        assert isinstance(visit.app.screen, RoomScreen)
        assert visit.line.orders == []
        assert visit.pulled == []


@pytest.mark.row("U07")
@story
async def test_it_allows_nothing_and_denies() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await visit.press("ctrl+p", *"allow", "enter")
        await visit.sees("the palette never allows: press a in the room")
        assert visit.line.orders == []
        await visit.press("ctrl+p", *"deny", "enter")
        await visit.until(lambda: visit.line.ordered("deny"), "denied")


@story
async def test_the_selected_command_is_in_sight_however_low_the_window() -> None:
    async with room(views.busy(), (80, 8)) as visit:
        await visit.press("ctrl+p", *(["pagedown"] * 9))
        await visit.sees(HINTS[-1].label)
        await visit.sees("STOP")


@story
async def test_no_key_and_no_size_ends_the_room() -> None:
    async with room(views.busy()) as visit:
        await visit.press("ctrl+p", "pageup", *"zqx", "pageup", "pagedown", "up", "down", "home", "end")
        assert isinstance(visit.app.screen, Palette)
        for size in ((3, 24), (1, 1), (20, 5), (120, 2)):
            await visit.pilot.resize_terminal(*size)
            await visit.press("backspace", "down", "tab")
            await visit.pilot.click(offset=(0, 0))
        await visit.send(*(visit.key("escape") for _ in range(3)))
        await visit.settled()
        assert isinstance(visit.app.screen, RoomScreen)
        assert visit.app._exception is None
        assert visit.line.orders == []
