"""The tabs that live by themselves: files come as they are told, a file shows how it differs, processes are found by words."""

import msgspec

from controlroom.model.touched import DiffView
from tests.support import views
from tests.support.stage import Visit, room, story

DIFF = DiffView("git HEAD", "--- a\n+++ a\n@@ -1 +1 @@\n-old line\n+new line\n")


def told(visit: Visit) -> None:
    """What the daemon would answer."""
    visit.line.results |= {
        "files": msgspec.to_builtins(views.files()),
        "diff": msgspec.to_builtins(DIFF),
        "processes": msgspec.to_builtins(views.processes()),
    }


@story
async def test_files_are_asked_for_again_from_what_is_known_and_a_row_shows_its_difference() -> None:
    async with room(views.busy()) as visit:
        told(visit)
        await visit.press("4")
        await visit.sees("seen on disk, no call")
        await visit.sees("NEVER-TOUCH")
        await visit.until(lambda: visit.line.ordered("files")[-1].get("seq") == 9, "it asks for something newer")
        await visit.press("down", "enter")
        await visit.sees("new line")
        assert visit.line.ordered("diff") == [{"session": "s-claude-1", "path": f"{views.PROJECT}/build/index.html"}]
        assert "old line" in visit.text()


@story
async def test_processes_are_asked_for_by_the_text_that_they_must_hold() -> None:
    async with room(views.busy()) as visit:
        told(visit)
        await visit.press("3")
        await visit.sees("OUTSIDE")
        await visit.press("slash", *"node", "enter")
        await visit.until(lambda: visit.line.ordered("processes")[-1]["find"] == "node", "the daemon looks for it")


@story
async def test_a_tab_that_is_closed_asks_for_nothing() -> None:
    async with room(views.busy()) as visit:
        told(visit)
        await visit.press("4")
        await visit.sees("seen on disk, no call")
        await visit.press("5")
        await visit.settled()
        before = visit.line.ordered("files")
        assert before
        await visit.wait(5.0)
        assert visit.line.ordered("files") == before
