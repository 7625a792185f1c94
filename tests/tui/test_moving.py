"""Moving through the rows of a tab: the selected row goes along, and is always on screen."""

from msgspec.structs import replace

from controlroom.model.record import Kind
from controlroom.model.view import LogView, RoomView
from controlroom.tui.screens.pages import TextPage
from controlroom.tui.widgets.pane import Pane
from tests.support import views
from tests.support.stage import Visit, room, story

MANY = 200


def long() -> RoomView:
    """An agent with more log rows and receipts than a screen holds."""
    view = views.busy()
    session = view.agents[0].id
    log = tuple(LogView(n, views.ago(MANY - n), session, Kind.OBSERVED, f"row {n}") for n in range(MANY))
    receipts = tuple(replace(views.receipt(), id=f"r{n}", session=session, text=f"act {n}") for n in range(MANY))
    return replace(view, log=log, receipts=receipts)


def selected(visit: Visit) -> str:
    """The line of the tab that has the pointer and is on screen, "" = none."""
    pointer = visit.app.glyphs.pointer
    tab = [line for line in visit.text().splitlines() if line.startswith(f"{visit.app.glyphs.gutter} {pointer}")]
    return tab[0] if tab else ""


def height(visit: Visit) -> int:
    return visit.app.screen.query_one("#tab", Pane).size.height


@story
async def test_whoever_goes_up_from_the_newest_line_of_the_story_leaves_it_and_selects_the_one_before() -> None:
    async with room(long()) as visit:
        await visit.press("1")
        await visit.sees(f"row {MANY - 1}")
        assert selected(visit) == ""
        await visit.press("up")
        await visit.sees("f follows")
        await visit.until(lambda: f"row {MANY - 2}" in selected(visit), "the one before the newest")
        await visit.press("enter")
        await visit.until(lambda: isinstance(visit.app.screen, TextPage), "its page")
        await visit.sees(f"row {MANY - 2}")
        await visit.press("escape", "end")
        await visit.sees("following")
        await visit.until(lambda: selected(visit) == "", "nothing is selected at the newest line")


@story
async def test_who_stops_to_follow_the_story_stays_where_he_is() -> None:
    async with room(long()) as visit:
        await visit.press("1", "f")
        await visit.until(lambda: f"row {MANY - 1}" in selected(visit), "the newest line, selected")
        await visit.press("home")
        await visit.until(lambda: "row 0" in selected(visit), "the first")


@story
async def test_a_page_up_in_the_story_is_a_page_and_not_the_whole_way() -> None:
    async with room(long()) as visit:
        await visit.press("1")
        await visit.sees(f"row {MANY - 1}")
        page = height(visit) - 1
        await visit.press("pageup")
        await visit.until(lambda: f"row {MANY - 1 - page}" in selected(visit), "a page above the newest")
        await visit.press("pageup", "pagedown")
        await visit.until(lambda: f"row {MANY - 1 - page}" in selected(visit), "there again")


@story
async def test_pages_of_rows_go_on_from_the_selected_one() -> None:
    async with room(long()) as visit:
        await visit.press("2")
        await visit.until(lambda: f"act {MANY - 1} " in selected(visit), "the newest receipt")
        page = height(visit) - 1
        await visit.press("pagedown", "pagedown")
        await visit.until(lambda: f"act {MANY - 1 - 2 * page} " in selected(visit), "two pages below it")
        await visit.press("pageup")
        await visit.until(lambda: f"act {MANY - 1 - page} " in selected(visit), "one page above that")
