"""The panes around the request: what they say where it matters."""

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from controlroom.model.agent import Rung, SessionState
from controlroom.model.permissions import Environment, Gate, Permissions
from controlroom.model.record import Stage
from controlroom.model.touched import DiffView, FilesView
from controlroom.model.view import LayerView, LogView
from controlroom.tui import keys
from controlroom.tui.glyphs import UNICODE
from controlroom.tui.line import Line, plain
from controlroom.tui.render import agents, config, files, footer, log, permissions, processes, receipts, status, stop
from controlroom.tui.render import help as help_page
from tests.support import views


def text(lines: list[Line]) -> str:
    """All of it."""
    return "\n".join(plain(line) for line in lines)


def style_of(lines: list[Line], part: str) -> set[str]:
    """In which styles this is drawn."""
    return {span.style for line in lines for span in line if part in span.text}


def test_an_empty_room_tells_how_to_begin() -> None:
    assert "controlroom run -- claude" in text(agents.render(views.empty(), "", 80, UNICODE))


def test_every_agent_has_a_sign_and_a_word_and_the_selected_one_a_pointer() -> None:
    lines = agents.render(views.busy(), "s-codex-2", 80, UNICODE)
    assert plain(lines[2]).startswith(f"{UNICODE.pointer} codex-2")
    assert "▸ running" in plain(lines[1]) and "ǁ paused" in plain(lines[3]) and "◦ ended" in plain(lines[4])


@pytest.mark.row("E13")
def test_the_colours_of_the_stop_key_are_on_nothing_else() -> None:
    for view in (views.busy(), views.broken(), views.stopped()):
        [line] = status.render(view, status.Link(), 120, UNICODE)
        assert "".join(s.text for s in line if s.style == "stop").strip().startswith("STOP")
        for lines in (agents.render(view, "", 120, UNICODE), log.render(view, "", 120, UNICODE)):
            assert not any(span.style == "stop" for line in lines for span in line)


def test_a_house_in_order_is_grey_and_what_is_wrong_is_not() -> None:
    [calm] = status.render(views.busy(), status.Link(), 120, UNICODE)
    assert {span.style for span in calm} == {"text", "title", "dim", "stop"}
    [wrong] = status.render(views.broken(), status.Link(), 200, UNICODE)
    assert {"alarm", "ask"} <= {span.style for span in wrong}
    assert "journal: no space left" in plain(wrong)


def test_old_data_says_how_old_it_is() -> None:
    assert "data 5m old" in text(status.render(views.busy(), status.Link(age=320), 80, UNICODE))
    assert "no daemon, data 5m old" in text(status.render(views.busy(), status.Link("gone", 320), 80, UNICODE))


def test_the_weakest_mechanism_is_named_and_one_that_holds_nothing_warns() -> None:
    view = views.busy()
    weak = replace(view, agents=(*view.agents, views.agent("adopted", rung=Rung.OBSERVED)))
    lines = status.render(weak, status.Link(), 120, UNICODE)
    assert style_of(lines, "observed") == {"warn"}


@pytest.mark.row("S14")
def test_stopped_without_a_proof_is_never_drawn_as_stopped() -> None:
    one = views.stopped().agents[3]
    claimed = replace(views.stopped(), agents=(replace(one, state=SessionState.STOPPED),))
    assert "not confirmed" in text(agents.render(claimed, "", 80, UNICODE))
    assert "▪ stopped" not in text(agents.render(claimed, "", 80, UNICODE))
    assert "STOP NOT CONFIRMED" in text(stop.render(claimed, (), 80, UNICODE))


def test_the_stop_screen_shows_proof_time_survivors_and_what_is_not_covered() -> None:
    lines = stop.render(views.stopped(), (), 80, UNICODE)
    for fact in (
        "EMERGENCY STOP in force",
        "stop id 5f3a",
        "operator:ada",
        "cgroup frozen 1",
        "ECHILD",
        "112 ms",
        "pid 6001",
        "tmux",
    ):
        assert fact in text(lines)
    assert style_of(lines, "ECHILD") == {"ok"}
    assert style_of(lines, "STOP NOT CONFIRMED") == {"alarm"}
    assert plain(lines[6]).strip().startswith("importer"), "what is not proved comes first"


def test_the_stop_screen_is_green_only_when_all_is_proved() -> None:
    view = views.stopped()
    proved = replace(view, agents=view.agents[:3], survivors=())
    assert "all 3 agents are held or dead, proved by the kernel" in text(stop.render(proved, (), 80, UNICODE))
    running = replace(view, agents=(views.agent(),), survivors=())
    assert "STOP NOT CONFIRMED for 1 of 1 agent" in text(stop.render(running, (), 80, UNICODE))


@pytest.mark.row("S20")
def test_what_the_agent_says_came_of_it_is_drawn_as_its_word() -> None:
    lines = receipts.render(views.busy(), "", 120, UNICODE)
    assert "says done" in text(lines) and "says failed" in text(lines)
    assert style_of(lines, "says done") == {"unverified"}
    detail = receipts.detail(views.receipt(), 80, UNICODE)
    assert style_of(detail, "removed 1204 files") == {"unverified"}


@pytest.mark.row("S20")
def test_the_end_of_an_act_that_we_tell_ourselves_is_no_claim_of_the_agent() -> None:
    ours = views.receipt(stage=Stage.INTERRUPTED, ok=None, took_ms=None, says="", note="the daemon was gone")
    detail = receipts.detail(ours, 80, UNICODE)
    assert style_of(detail, "the daemon was gone") == {"text"} and "unverified" not in text(detail)


def test_a_receipt_says_why_there_is_no_undo_and_that_nobody_looked() -> None:
    bare = views.receipt(stage=Stage.UNDELIVERED, saved=None, undo_why="", gaps=(), answered=None, verdict=None, started=None)
    drawn = text(receipts.detail(bare, 80, UNICODE))
    for line in ("no undo: it was not asked for", "not observed", "none is recorded", "nobody told that it began"):
        assert line in drawn


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_its_word(stage: Stage) -> None:
    assert plain(receipts.stage(views.receipt(stage=stage), UNICODE))[2:]


def test_receipts_and_files_have_the_newest_on_top_and_the_log_at_the_end() -> None:
    view = views.busy()
    assert [r.seq for r in receipts.select(view, "")] == [106, 105, 104, 103, 102, 101]
    assert [row.seq for row in log.select(view, "")] == sorted(row.seq for row in view.log)
    assert [type(row).__name__ for row in files.select(views.files())][-1] == "OpenFile"


def test_a_filter_shows_what_holds_it_whatever_the_case_and_says_when_nothing_does() -> None:
    view = views.busy()
    assert [row.text for row in log.select(view, "s-claude-1", "NPM")] == ["T1 Bash: npm test"]
    assert "nothing here holds zzz" in text(log.render(view, "", 80, UNICODE, find="zzz"))
    assert [p.pid for p in processes.select(views.processes(), "4301")] == [4301]


def test_one_session_sees_only_its_own() -> None:
    view = views.busy()
    assert {r.session for r in receipts.select(view, "s-codex-2")} == {"s-codex-2"}
    assert {row.session for row in log.select(view, "s-codex-2") if isinstance(row, LogView)} == {"s-codex-2"}


def test_processes_are_a_tree_and_a_zombie_warns() -> None:
    lines = processes.render(views.processes(), 80, UNICODE)
    at = [plain(line).index(word) for line, word in zip(lines[2:6], ("claude", "/bin", "node", "no command"), strict=True)]
    assert at == [at[0], at[0] + 2, at[0] + 4, at[0] + 6]
    assert style_of(lines, "zombie") == {"warn"}
    assert style_of(lines, "OUTSIDE") == {"alarm"}
    assert "and 207 more" in text(lines)
    assert "looking" in text(processes.render(None, 80, UNICODE))


def test_a_process_tells_where_it_works_and_whom_it_talks_to_once_it_was_looked_into() -> None:
    outside, looked_into, *_ = views.processes().rows
    said = text(processes.detail(looked_into, 80, UNICODE))
    for fact in (views.PROJECT, "sleeping in do_epoll_wait", "31 descriptors", "tcp 127.0.0.1:40117", "tcp 160.79.104.10:443"):
        assert fact in said
    assert "a stop may miss it" in text(processes.detail(outside, 80, UNICODE))


def test_files_tell_who_did_it_as_far_as_it_is_known() -> None:
    told = views.files()
    lines = files.render(told, views.NOW, 118, UNICODE)
    assert style_of(lines, "NEVER-TOUCH") == {"alarm"}
    assert style_of(lines, "seen on disk, no call") == {"warn"}
    assert "31 vanished in the last minute" in text(lines)
    assert "pid 4301, may write" in text(lines)
    polled = replace(told, watch="looked at every second, the kernel cannot watch it: OS file watch limit reached.")
    assert style_of(files.render(polled, views.NOW, 118, UNICODE), "looked at every second") == {"warn"}
    assert "no file was touched yet" in text(files.render(FilesView(0, ()), views.NOW, 80, UNICODE))
    assert [row.path for row in files.select(told, "NO CALL")] == [f"{views.PROJECT}/cache.db", f"{views.PROJECT}/tmp/x"]


def test_a_file_shows_its_difference_once_it_is_there() -> None:
    row = views.files().rows[1]
    assert "looking" in text(files.detail(row, None, 80, UNICODE))
    told = DiffView("git HEAD", "--- a\n+++ a\n@@ -1 +1 @@\n-old\n+new\n")
    lines = files.detail(row, told, 80, UNICODE)
    assert style_of(lines, "new") >= {"added"}
    assert "against git HEAD" in text(lines)
    assert "no difference" in text(files.detail(row, DiffView("git HEAD"), 80, UNICODE))


def test_permissions_tell_the_promise_what_is_not_promised_and_the_grants() -> None:
    view = views.busy()
    said = text(permissions.render(view, view.agents[0], views.permissions(), 80, UNICODE))
    for fact in (
        "SUPERVISED",
        "a stop is confirmed by the kernel",
        "same user",
        f"{views.PROJECT}/build",
        "3 uses, 4m left",
        "TX",
    ):
        assert fact in said
    assert "npm publish" not in said, "another session's grant"


def test_config_tells_which_file_weakens_the_gate() -> None:
    agent = views.agent()

    def drawn(layers: Sequence[LayerView]) -> list[Line]:
        return config.render(layers, agent, 80, UNICODE, now=views.NOW)

    lines = drawn(views.layers())
    assert style_of(lines, "1 of 4 settings files weaken the gate") == {"alarm"}
    assert "disableAllHooks" in text(lines) and "1 change to look at" in text(lines)
    assert "./.claude/settings.json" in plain(lines[config.HEAD]) and "1 other file would be read" in text(lines)
    assert "nothing weakens it" in text(drawn(views.layers()[:1]))
    assert "no settings file has our gate" in text(drawn(views.layers()[2:]))


def test_a_file_tells_who_may_write_it_and_every_change_with_its_difference() -> None:
    lines = config.detail(config.select(views.layers())[0], views.NOW, 100, UNICODE)
    said = text(lines)
    for fact in (
        "the agent's own user can write it",
        "no call named it",
        "hooks do not run",
        "allow exec rm",
        "config rollback",
    ):
        assert fact in said
    assert style_of(lines, '"disableAllHooks": true') == {"added"}


def test_what_asks_for_nothing_is_red_and_hooks_are_proved_or_only_written() -> None:
    view, known = views.busy(), views.permissions()

    def drawn(known: Permissions) -> list[Line]:
        return permissions.render(view, view.agents[0], known, 120, UNICODE)

    lines = drawn(known)
    assert style_of(lines, "--dangerously-skip-permissions: it asks for nothing") == {"alarm"}
    assert "proved: 42 calls of this session reached this gate, the last 1m" in text(lines)
    assert "written and not heard of yet: ConfigChange" in text(lines)
    assert "github in line 118, in 3 lines" in text(lines) and "GITHUB_TOKEN" in text(lines)
    silent = replace(known, hooks=tuple(replace(hook, calls=0) for hook in known.hooks))
    assert style_of(drawn(silent), "written, not proved") == {"warn"}
    assert style_of(lines, "closed") == {"text"}
    assert style_of(drawn(replace(known, gate=Gate("open on failure", "written", "it"))), "open on failure") == {"warn"}
    none = replace(known, gate=Gate("none", "", "it is written nowhere"))
    assert style_of(drawn(none), "it is written nowhere") == {"alarm"}
    assert style_of(drawn(replace(none, hooks=())), "it is written nowhere") == {"warn"}, "there can be none"
    assert "not known for all of it" in text(drawn(replace(known, environment=Environment(why="it hides it"))))


def test_the_footer_offers_what_is_on_and_always_the_help() -> None:
    context = keys.Context(pending=1, agent=SessionState.RUNNING)
    for width in (20, 40, 80, 120):
        said = text(footer.render(keys.hints(context), width, UNICODE, stop=False))
        assert "? help" in said
        assert "resume" not in said, "it is off"


def test_the_footer_of_a_page_without_a_status_line_has_the_stop_key() -> None:
    lines = footer.render(keys.hints(keys.Context(scope="stop", latch="5f3a")), 80, UNICODE)
    assert style_of(lines, "STOP ALL") == {"stop"}


def test_help_tells_every_key_and_why_it_is_off() -> None:
    sections = keys.sections(keys.Context())
    for width in (40, 80, 120):
        said = text(help_page.render(sections, width, UNICODE))
        for _, hints in sections:
            for hint in hints:
                assert hint.keys in said
    assert "dimmed: nothing is pending" in text(help_page.render(sections, 80, UNICODE))
