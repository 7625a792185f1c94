"""EMERGENCY STOP from wherever the operator is: every screen, dialog and text field, any size, without a daemon (E1)."""

import pytest

from controlroom.tui.screens.pages import StopPage
from tests.support import views
from tests.support.stage import Visit, room, story

KEYS = ("ctrl+backslash", "f12")
PLACES: dict[str, tuple[str, ...]] = {  # the keys that lead there
    "room": (),
    "request": ("tab",),
    "tab": ("6",),
    "help": ("question_mark",),
    "full view": ("v",),
    "deny, say why": ("D", "h", "i"),
    "filter": ("slash", "x"),
    "palette": ("ctrl+p", "p", "a"),
    "help over full view": ("v", "question_mark"),
    "detail": ("2", "down", "enter"),
    "undo": ("2", "down", "u"),
}
PLAN = {
    "receipt": "r" * 32, "plan": "5" * 64, "count": 12, "newer_count": 0, "told_end": True, "notes": [], "undone": "",
    "steps": [{"do": "create", "path": f"/ws/{at}", "kind": "file", "size": 12, "newer": False} for at in range(12)],
}  # fmt: skip


async def stops(visit: Visit, key: str) -> None:
    """One key, and it is pulled; nothing else was ordered; the screen shows it."""
    await visit.press(key)
    await visit.until(lambda: visit.pulled, "the stop is pulled")
    assert len(visit.pulled) == 1
    assert visit.line.orders == []
    assert any(isinstance(screen, StopPage) for screen in visit.app.screen_stack)


@pytest.mark.row("E1", "E13")
@pytest.mark.parametrize("place", PLACES)
@story
async def test_from_every_place_and_it_is_said_there_in_words(place: str) -> None:
    at = list(PLACES).index(place)
    async with room(views.pending_t2(), ((19, 4), (80, 24))[at % 2]) as visit:
        visit.line.results["undo_plan"] = PLAN
        await visit.press(*PLACES[place])
        await visit.settled()
        visit.line.orders.clear()  # the plan of an undo
        first = visit.text().splitlines()[0]
        assert "STOP" in first
        assert "ctrl+\\" in first or "^\\" in first
        await stops(visit, KEYS[at // 2 % 2])


@pytest.mark.row("E1")
@pytest.mark.parametrize("key", KEYS)
@story
async def test_from_the_grant_dialog_and_the_stop_screen_itself(key: str) -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await visit.press("g")
        await stops(visit, key)
    async with room(views.stopped()) as visit:
        await visit.press("R", "5")
        await stops(visit, key)


@pytest.mark.row("E1", "U08")
@pytest.mark.parametrize(("size", "place"), [((1, 1), "filter"), ((20, 5), "room"), ((200, 60), "full view")])
@story
async def test_at_any_size(size: tuple[int, int], place: str) -> None:
    async with room(views.pending_t3(), size) as visit:
        await visit.press(*PLACES[place])
        await stops(visit, "ctrl+backslash")


@pytest.mark.row("E1")
@story
async def test_a_window_that_shrinks_to_one_cell_and_grows_again_still_works() -> None:
    async with room(views.pending_t3()) as visit:
        for size in ((1, 1), (120, 2), (3, 40), (1, 1), (120, 40)):
            await visit.pilot.resize_terminal(*size)
            await visit.settled()
        await visit.sees("STOP ctrl+\\")
        await stops(visit, "f12")


@pytest.mark.row("E1")
@story
async def test_without_a_daemon_and_in_a_room_that_only_looks() -> None:
    async with room(None, read_only=True) as visit:
        visit.line.lose()
        await visit.settled()
        await stops(visit, "f12")


@pytest.mark.row("E1")
@story
async def test_pressed_again_while_it_is_under_way_it_is_one_stop() -> None:
    async with room(views.busy()) as visit:
        await visit.send(*(visit.key("f12") for _ in range(5)))
        await visit.until(lambda: visit.pulled, "pulled")
        await visit.settled()
        assert 1 <= len(visit.pulled) <= 5
        assert sum(isinstance(screen, StopPage) for screen in visit.app.screen_stack) == 1
