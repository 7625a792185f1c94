"""Every command of the key table, pressed in the running app: what it does, seen on screen or at the daemon's door.

A command without a case here fails `test_every_command_has_a_case`.
"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from controlroom.tui import keys
from controlroom.tui.approval_events import Waiting
from controlroom.tui.screens.dialogs import GrantDialog, TextDialog
from controlroom.tui.screens.pages import FullView, HelpPage, StopPage, TextPage
from controlroom.tui.screens.room import RoomScreen
from tests.support import views
from tests.support.stage import Visit, room

Case = Callable[[], Awaitable[None]]
CASES: dict[str, Case] = {}
ID = views.request_t2().id
DIGEST = views.request_t2().digest


def command(name: str) -> Callable[[Case], Case]:
    """Enters a case under the command that it presses."""

    def enter(case: Case) -> Case:
        CASES[name] = case
        return case

    return enter


def test_every_command_has_a_case() -> None:
    assert set(CASES) == set(keys.BY_ID)


@pytest.mark.parametrize("name", [c.id for c in keys.COMMANDS])
def test_command(name: str) -> None:
    asyncio.run(_run(CASES[name]))


async def _run(case: Case) -> None:
    await case()


def ids(waiting: tuple[Waiting, ...]) -> list[str]:
    return [one.id for one in waiting]


async def presses(visit: Visit, key: str, *more: str) -> None:
    """Presses, and lets a frame be drawn."""
    await visit.press(key, *more)
    await visit.settled()


# Emergency


@command("estop")
async def pulls_the_stop_and_shows_what_became_of_it() -> None:
    async with room(views.pending_t2()) as visit:
        await presses(visit, "f12")
        await visit.sees("latched, nothing is allowed any more")
        assert len(visit.pulled) == 1
        assert isinstance(visit.app.screen, StopPage)
        assert visit.line.orders == []  # it does not go through the daemon's orders


@command("reset")
async def takes_the_stop_back_only_for_its_typed_id() -> None:
    async with room(views.stopped()) as visit:
        await presses(visit, "R", *"5f3b", "enter")
        assert visit.line.ordered("reset") == []
        await visit.sees("that is not the stop's id")
        await presses(visit, "R", *"5f3a", "enter")
        assert visit.line.ordered("reset") == [{"stop_id": "5f3a"}]
        await visit.sees("nothing was resumed")
        assert isinstance(visit.app.screen, RoomScreen)


@command("kill-all")
async def kills_what_the_stop_froze() -> None:
    async with room(views.stopped()) as visit:
        await presses(visit, "ctrl+k")
        assert visit.line.ordered("kill") == [{"name": "all"}]


# Deciding


@command("allow")
async def allows_once_with_the_digest_on_screen() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await presses(visit, "a")
        assert visit.line.orders == [("allow", {"id": ID, "digest": DIGEST})]
        await visit.sees("allowed once")


@command("allow-t3")
async def allows_a_t3_with_its_own_key_alone() -> None:
    asked = views.request_t3()
    async with room(replace(views.pending_t3(), pending=(asked,)), (120, 60)) as visit:
        await visit.armed()
        await presses(visit, "a")
        assert visit.line.orders == []
        await visit.sees("this is T3: A allows it")
        await presses(visit, "A")
        assert visit.line.orders == [("allow", {"id": asked.id, "digest": asked.digest})]


@command("deny")
async def denies_at_once() -> None:
    async with room(views.pending_t2()) as visit:
        await presses(visit, "d")
        assert visit.line.orders == [("deny", {"id": ID, "digest": DIGEST, "reason": ""})]


@command("deny-why")
async def denies_with_a_text_for_the_agent() -> None:
    async with room(views.pending_t2()) as visit:
        await presses(visit, "D", *"use mv a", "enter")
        assert visit.line.orders == [("deny", {"id": ID, "digest": DIGEST, "reason": "use mv a"})]
        await visit.sees("the agent was told why")


@command("grant")
async def opens_the_grant_dialog_over_the_request() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await presses(visit, "g")
        assert isinstance(visit.app.screen, GrantDialog)
        await visit.sees("ALLOW, and grant the same without asking")
        assert visit.line.orders == []


@command("undo")
async def shows_the_plan_of_the_selected_receipt_and_begins_with_a_typed_word() -> None:
    step = {"do": "replace", "path": "/ws/a\x1b[2J", "kind": "file", "size": 12, "newer": True}
    plan = {
        "receipt": "r" * 32, "plan": "5" * 64, "count": 1, "steps": [step], "newer_count": 1, "told_end": True,
        "notes": ["not saved: socket"], "undone": "", "diff": "",
    }  # fmt: skip
    async with room(views.busy()) as visit:
        await presses(visit, "u")
        await visit.sees("only a receipt can be undone: 2 goes to them")
        visit.line.results = {
            "undo_plan": plan,
            "undo": {"id": "u" * 32},
            "undo_state": {"id": "u" * 32, "state": "done", "done": 1, "total": 1, "error": ""},
        }
        await presses(visit, "2", "u")
        await visit.sees("CONFLICT: 1 changed after the act had ended")
        await visit.sees("/ws/a\\u{1b}[2J")
        await presses(visit, *"no", "enter")
        await visit.sees("nothing was changed")
        assert visit.line.ordered("undo") == []
        await presses(visit, "u")
        await visit.sees("type undo and enter")
        await presses(visit, *"undo", "enter")
        await visit.sees("undone: 1 change.")
        assert visit.line.ordered("undo") == [{"receipt": "r" * 32, "plan": "5" * 64}]


# Inbox


@command("view")
async def shows_the_request_on_the_whole_screen_and_leads_back() -> None:
    async with room(views.pending_t2()) as visit:
        await presses(visit, "v")
        assert isinstance(visit.app.screen, FullView)
        await presses(visit, "v")
        assert isinstance(visit.app.screen, RoomScreen)


@command("next")
async def goes_round_the_inbox() -> None:
    async with room(views.pending_t3()) as visit:
        order = ids(visit.app.desk.now.waiting)
        seen = []
        for _ in range(4):
            seen.append(visit.app.desk.now.focus)
            await presses(visit, "n")
        assert seen == [*order, order[0]]


@command("previous")
async def goes_round_the_other_way() -> None:
    async with room(views.pending_t3()) as visit:
        await presses(visit, "N")
        assert visit.app.desk.now.focus == ids(visit.app.desk.now.waiting)[-1]


# Agents


@command("pause")
async def pauses_the_selected_agent() -> None:
    async with room(views.busy()) as visit:
        visit.line.results["pause"] = [{"name": "codex-2", "state": "paused", "proof": "cgroup frozen 1", "ms": 3}]
        await presses(visit, "down", "p")
        assert visit.line.orders == [("pause", {"name": "s-codex-2"})]
        await visit.sees("codex-2: paused after 3 ms, proof: cgroup frozen 1")


@command("resume")
async def resumes_a_paused_agent() -> None:
    async with room(views.busy()) as visit:
        await presses(visit, "r")
        assert visit.line.orders == []  # claude-1 runs
        await visit.sees("only a paused one can be resumed")
        await presses(visit, "down", "down", "r")
        assert visit.line.orders == [("resume", {"name": "s-gemini-3"})]


@command("clear")
async def clears_the_alarms_of_the_selected_agent() -> None:
    doubted = replace(views.agent(), doubts=("UNGATED: Bash (toolu_1)",))
    async with room(views.room(agents=(doubted,))) as visit:
        await visit.sees("UNGATED: Bash (toolu_1)")
        visit.line.results["clear"] = [{"name": "claude-1", "cleared": ["UNGATED: Bash (toolu_1)"]}]
        await presses(visit, "C")
        assert visit.line.orders == [("clear", {"name": "s-claude-1"})]
        await visit.sees("claude-1: 1 alarm cleared")


@command("stop")
async def stops_the_selected_agent_and_believes_no_stop_without_proof() -> None:
    async with room(views.busy()) as visit:
        visit.line.results["stop"] = [{"name": "claude-1", "state": "unconfirmed", "proof": "", "why": "1 process is left"}]
        await presses(visit, "x")
        assert visit.line.orders == [("stop", {"name": "s-claude-1"})]
        await visit.sees("claude-1: STOP NOT CONFIRMED: 1 process is left")


@command("kill")
async def kills_the_selected_agent() -> None:
    async with room(views.busy()) as visit:
        await presses(visit, "X")
        assert visit.line.orders == [("kill", {"name": "s-claude-1"})]


@command("mark")
async def marks_the_focused_request_and_decides_nothing() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await presses(visit, "space")
        assert visit.app.looking.marks == {ID}
        assert visit.line.orders == []
        await presses(visit, "space")
        assert visit.app.looking.marks == frozenset()


@command("take-change")
async def takes_the_newest_change_of_the_selected_file() -> None:
    async with room(views.busy()) as visit:
        visit.line.results |= {"layers": to_builtins(views.layers())}
        await presses(visit, "6")
        await visit.sees("1 change to look at")
        await presses(visit, "t")
        await visit.sees("taken as it is")
        assert ("take_change", {"id": "c0ffee11"}) in visit.line.orders
        await presses(visit, "down", "t")
        await visit.sees("no change of the selected file")


# Tabs

SEEN_ON = {
    "tab-log": "npm",
    "tab-receipts": "operator",
    "tab-processes": "no process of this session",
    "tab-files": "seen on disk, no call",
    "tab-permissions": "rants",
    "tab-config": "no file of this kind",
}


def _tab(number: int, name: str) -> None:
    @command(name)
    async def shows_the_tab() -> None:
        async with room(views.busy()) as visit:
            visit.line.results |= {
                "processes": {"total": 0, "rows": []},
                "layers": [],
                "files": to_builtins(views.files()),
                "permissions": to_builtins(views.permissions()),
            }
            await presses(visit, str(number))
            assert visit.app.looking.tab == number
            assert keys.TABS[number - 1].id == name
            await visit.sees(SEEN_ON[name])


for _number, _name in enumerate(SEEN_ON, 1):
    _tab(_number, _name)


@command("filter")
async def shows_only_the_lines_with_a_text_until_escape() -> None:
    async with room(views.busy()) as visit:
        before = visit.app.top.query_one("#tab").lines  # type: ignore[attr-defined]
        await presses(visit, "1", "slash", *"npm", "enter")
        after = visit.app.top.query_one("#tab").lines  # type: ignore[attr-defined]
        assert 0 < len(after) < len(before)
        await visit.sees("npm")
        await presses(visit, "escape")
        assert visit.app.looking.filter == ""


@command("follow")
async def stays_at_the_newest_line_or_does_not() -> None:
    async with room(views.busy()) as visit:
        assert visit.app.looking.follow
        await presses(visit, "f")
        assert not visit.app.looking.follow
        await visit.sees("f follows")
        await presses(visit, "f")
        await visit.sees("following")


@command("detail")
async def shows_the_selected_row_in_full() -> None:
    async with room(views.busy()) as visit:
        await presses(visit, "enter")
        await visit.sees("nothing is selected here")
        await presses(visit, "2", "down", "enter")
        assert isinstance(visit.app.screen, TextPage)
        await presses(visit, "escape")
        assert isinstance(visit.app.screen, RoomScreen)


# Moving


async def _moves(*pressed: str) -> int:
    """The top line of a long log after these keys."""
    view = views.busy()
    long = tuple(replace(view.log[0], seq=at, text=f"line {at}") for at in range(200))
    async with room(replace(view, log=long), (80, 24)) as visit:
        await presses(visit, "1", "f", *pressed)
        return visit.app.looking.row


@command("up")
async def goes_one_line_up() -> None:
    assert await _moves("home", "down", "down", "down", "up", "k") == 1


@command("down")
async def goes_one_line_down() -> None:
    assert await _moves("home", "down", "j") == 2


async def _top_of_help(*pressed: str) -> tuple[int, int]:
    """First line on screen, and the furthest there could be."""
    async with room(views.busy(), (80, 12)) as visit:
        await presses(visit, "question_mark", *pressed)
        pane = visit.app.top.query_one("#page")
        return round(pane.scroll_y), pane.virtual_size.height - pane.size.height


@command("page-up")
async def goes_one_page_up() -> None:
    assert (await _top_of_help("pagedown", "pagedown", "pageup"))[0] == (await _top_of_help("pagedown"))[0]


@command("page-down")
async def goes_one_page_down() -> None:
    assert (await _top_of_help("pagedown"))[0] == 8  # of nine lines, one stays in sight


@command("first")
async def goes_to_the_first_line() -> None:
    assert (await _top_of_help("pagedown", "home"))[0] == 0


@command("last")
async def goes_to_the_last_line() -> None:
    top, furthest = await _top_of_help("end")
    assert top == furthest > 0


@command("region")
async def goes_through_the_regions() -> None:
    async with room(views.pending_t2()) as visit:
        seen = []
        for _ in range(3):
            await presses(visit, "tab")
            seen.append(visit.app.looking.region)
        assert seen == ["request", "tab", "agents"]


@command("region-back")
async def goes_through_the_regions_backwards() -> None:
    async with room(views.pending_t2()) as visit:
        await presses(visit, "shift+tab")
        assert visit.app.looking.region == "tab"


# Room


@command("help")
async def tells_every_key() -> None:
    async with room(views.busy(), (200, 100)) as visit:
        await presses(visit, "question_mark")
        assert isinstance(visit.app.screen, HelpPage)
        for one in keys.COMMANDS:
            assert not one.keys or one.help in visit.text()


@command("palette")
async def finds_a_command_by_its_name_and_runs_it() -> None:
    async with room(views.busy()) as visit:
        await presses(visit, "ctrl+p", *"pause")
        await visit.sees("freeze the selected agent")
        await visit.press("enter")
        await visit.until(lambda: visit.line.orders == [("pause", {"name": "s-claude-1"})], "the command ran")


@command("theme")
async def draws_in_the_next_theme_from_the_palette() -> None:
    async with room(views.busy()) as visit:
        before = visit.app.theme
        await presses(visit, "ctrl+p", *"next theme")
        await visit.sees("draw the room in the next theme")
        await visit.press("enter")
        await visit.until(lambda: visit.app.theme != before, "another theme")
        await visit.sees(f"theme {visit.app.theme}")


@command("back")
async def leaves_what_is_open_and_decides_nothing() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        for key, page in (("question_mark", HelpPage), ("v", FullView), ("D", TextDialog), ("slash", TextDialog)):
            await presses(visit, key)
            assert isinstance(visit.app.screen, page)
            await presses(visit, "escape")
            assert isinstance(visit.app.screen, RoomScreen)
        assert visit.line.orders == []


@command("submit")
async def takes_the_text_of_the_field() -> None:
    async with room(views.busy()) as visit:
        await presses(visit, "slash", *"aD x", "enter")
        assert visit.app.looking.filter == "aD x"
        assert visit.line.orders == []


@command("leave")
async def leaves_and_orders_nothing() -> None:
    async with room(views.pending_t2()) as visit:
        await visit.press("q")
        await visit.until(lambda: visit.app._exit, "the room ends")
        assert visit.app.return_code == 0
        assert visit.line.orders == []
        assert not visit.line.opened


# Granting


async def _granted(*pressed: str) -> list[tuple[str, dict[str, object]]]:
    async with room(views.pending_t2()) as visit:
        await visit.armed()
        await presses(visit, "g")
        await visit.armed()
        await presses(visit, *pressed)
        await visit.until(lambda: len(visit.line.orders) == 2, "allowed and granted")
        return visit.line.orders


GRANTED = {"name": "s-claude-1", "effects": ["delete"], "argv": ["rm", "-rf", "build", "dist"]}


@command("lease-minutes")
async def allows_and_grants_for_five_minutes() -> None:
    allow, grant = await _granted("5")
    assert allow == ("allow", {"id": ID, "digest": DIGEST})
    assert grant == ("grant", {**GRANTED, "uses": 100, "seconds": 300.0})


@command("lease-session")
async def allows_and_grants_for_the_session() -> None:
    assert (await _granted("s"))[1] == ("grant", {**GRANTED, "uses": 100, "seconds": 3600.0})


@command("lease-uses")
async def allows_and_grants_so_many_uses() -> None:
    assert (await _granted("u"))[1] == ("grant", {**GRANTED, "uses": 3, "seconds": 3600.0})


@command("uses-more")
async def counts_up() -> None:
    assert (await _granted("plus", "plus", "u"))[1][1]["uses"] == 5


@command("uses-fewer")
async def counts_down_to_one_and_no_further() -> None:
    assert (await _granted("minus", "minus", "minus", "minus", "u"))[1][1]["uses"] == 1
