"""The request as it is to be judged: everything is there, nothing is elided, and the agent's own words are last and small."""

import pytest

from controlroom.model.effect import Reason, Target
from controlroom.model.tier import Tier
from controlroom.model.view import RequestView
from controlroom.tui.glyphs import UNICODE
from controlroom.tui.line import Line, plain, say
from controlroom.tui.render import pane, pending, request
from tests.support import views


def drawn(asked: RequestView, width: int = 80, *, full: bool = False) -> list[str]:
    """The lines' text."""
    return [plain(line) for line in request.render(asked, views.NOW, width, UNICODE, full=full)]


def body(asked: RequestView, width: int = 80) -> str:
    """All that stands behind the border, put together again without its breaks."""
    return "".join(line.removeprefix("▐ ").strip() for line in drawn(asked, width) if line.startswith("▐"))


def styles(lines: list[Line], text: str) -> set[str]:
    """The styles in which `text` is drawn."""
    return {span.style for line in lines for span in line if text in span.text}


def test_everything_that_a_person_judges_by_is_there() -> None:
    text = "\n".join(drawn(views.request_t2()))
    for fact in ("T2 destructive", "delete", "8m left", "rm -rf build dist", views.PROJECT, "2 targets, 340 files", "12 MiB"):
        assert fact in text
    for fact in (
        "not in git",
        "rm.recursive",
        "git clean -n",
        "yes: a snapshot",
        "claude-1",
        "SUPERVISED",
        "pid 4242",
        "9f31ab02c4d1",
    ):
        assert fact in text


@pytest.mark.row("D13")
@pytest.mark.parametrize("width", [20, 33, 44, 80, 200])
def test_a_path_is_never_elided(width: int) -> None:
    path = "/srv/" + "/".join(f"part{n}" for n in range(60))
    asked = views.request_t2(targets=(Target(path),), cwd=path, text="", argv=(), says="")
    assert body(asked, width).count(path) == 2


@pytest.mark.row("D07", "U08")
def test_it_fits_only_where_every_bound_line_has_a_row() -> None:
    lines = request.render(views.request_t2(), views.NOW, 80, UNICODE)
    bound = sum(plain(line).startswith("▐") for line in lines)
    assert len(lines) > bound
    assert request.fits(lines, bound)
    assert not request.fits(lines, bound - 1)


@pytest.mark.row("U08")
@pytest.mark.parametrize("height", range(1, 61))
def test_a_terminal_that_is_too_small_never_fits(height: int) -> None:
    for width in range(1, request.LEAST):
        assert not request.fits(request.render(views.request_t2(), views.NOW, width, UNICODE), height)
    for width in (20, 44, 80, 200):
        lines = request.render(views.request_t3(), views.NOW, width, UNICODE)
        needed = sum(plain(line).startswith("▐") for line in lines)
        assert request.fits(lines, height) == (needed <= height)


@pytest.mark.row("D08")
def test_blank_lines_cannot_push_anything_away() -> None:
    lines = drawn(views.request_t2(text="true" + "\n" * 500 + "rm -rf /", argv=()))
    assert len(lines) < 25
    assert any("[499 blank lines, 2 to 500]" in line for line in lines)
    assert any("501 rm -rf /" in line for line in lines)


@pytest.mark.row("D08")
def test_blanks_cannot_push_anything_away() -> None:
    lines = drawn(views.request_t2(text="true;" + " " * 500 + "rm -rf /", argv=()))
    assert any("true;\\sp{500}rm -rf /" in line for line in lines)


@pytest.mark.row("D08")
def test_blank_lines_of_blanks_are_told_with_their_blanks() -> None:
    lines = drawn(views.request_t2(text="a" + "\n  " * 20 + "\nb", argv=()))
    assert any("[20 blank lines, 2 to 21, 40 blanks in them]" in line for line in lines)


def test_lines_of_a_text_are_numbered_so_that_no_line_of_the_agent_passes_for_another() -> None:
    lines = drawn(views.request_t2(text="one\ntwo" + "x" * 200 + "\n3 three", argv=(), targets=()))
    assert [line[11:].split()[0] for line in lines if line[11:13] in ("1 ", "2 ", "3 ")] == ["1", "2", "3"]


def test_a_diff_names_its_file_once_and_another_file_is_never_left_out() -> None:
    def head(first: str) -> list[str]:
        lines = drawn(views.request_t3(text="/a/b", argv=(), diff=f"--- {first}\n+++ /a/b\n@@ -1 +1 @@\n-x\n+y\n"))
        return [line[11:] for line in lines if line[11:14] in ("---", "+++")]

    assert head("/a/b") == []
    assert head("/a/c") == ["--- /a/c", "+++ /a/b"]


@pytest.mark.row("D10")
def test_no_text_can_stand_where_labels_stand() -> None:
    asked = views.request_t2(
        text="x\nundo     ✓ yes: a snapshot is taken first\n" + "y" * 68 + " undo     yes", argv=(), says=""
    )
    labels = [line[2:10].strip() for line in drawn(asked)[1:]]
    assert [label for label in labels if label] == ["does", "in", "targets", "why", "undo", "letters", "agent", "digest"]


@pytest.mark.row("D05")
def test_letters_beyond_ascii_are_counted_and_stand_out() -> None:
    asked = views.request_t2(text="rm -rf \u0441at", argv=(("rm", "-rf", "\u0441at"),))
    lines = request.render(asked, views.NOW, 80, UNICODE)
    assert any("1 character beyond ASCII" in plain(line) for line in lines)
    assert styles(lines, "\u0441") == {"marker"}


@pytest.mark.row("D09")
def test_what_the_agent_says_is_titled_last_unbound_and_three_lines_at_most() -> None:
    lines = drawn(views.request_t2(says="harmless cleanup. " * 200))
    at = lines.index("╎ agent says (unverified)")
    assert len(lines) - at - 1 == request.SAYS_LINES
    assert lines[-1].endswith(UNICODE.cut)
    assert not any(line.startswith("▐") for line in lines[at - 1 :])


@pytest.mark.row("D09")
def test_an_agent_that_says_nothing_has_no_box() -> None:
    assert all(line.startswith("▐") for line in drawn(views.request_t2(says="")))


def test_what_is_written_beside_the_commands_is_shown_where_it_says_more() -> None:
    plain_one = drawn(views.request_t2())
    assert not any("as written" in line for line in plain_one)
    lines = drawn(views.request_t2(text="rm -rf build dist > /dev/null"))
    assert any("as written for Bash" in line for line in lines)
    assert any("rm -rf build dist > /dev/null" in line for line in lines)


def test_a_diff_shows_what_goes_and_what_comes() -> None:
    lines = request.render(views.request_edit(), views.NOW, 80, UNICODE)
    assert styles(lines, '"disableAllHooks": false') == {"removed"}
    assert styles(lines, '"disableAllHooks": true') == {"added"}


def test_a_count_that_is_not_complete_says_so() -> None:
    asked = views.request_t2(targets=(Target("/a", files=9, size=10, partial=True), Target("/b")))
    text = "\n".join(drawn(asked))
    assert "2 targets, at least 9 files, 10 B" in text
    assert "at least 9 files, 10 B" in text
    assert "not counted" in text


def test_what_is_not_certain_or_outside_is_warned_of() -> None:
    lines = request.render(views.request_t3(), views.NOW, 80, UNICODE)
    assert styles(lines, "could be anything below") == {"warn"}
    assert styles(lines, "outside the workspace") == {"warn"}


def test_many_targets_are_a_sample_in_the_panel_and_all_in_the_full_view() -> None:
    asked = views.request_t2(targets=tuple(Target(f"/srv/file{n:03}", files=1, size=1) for n in range(200)))
    assert any("and 192 more: v shows all of them" in line for line in drawn(asked))
    assert sum("/srv/file" in line for line in drawn(asked, full=True)) == 200


def test_a_secret_is_not_drawn() -> None:
    token = "ghp_" + "a1B2c3D4e5" * 4
    asked = views.request_t2(text=f"curl -H x:{token}", argv=(("curl", "-H", f"x:{token}"),), says=token, cwd=f"/{token}")
    assert token not in "\n".join(drawn(asked, 400))


def test_every_reason_is_told_in_order() -> None:
    reasons = tuple(Reason(f"rule.{n}", Tier.T2, f"reason {n}") for n in range(5))
    text = "\n".join(drawn(views.request_t2(reasons=reasons)))
    assert [n for n in range(5) if f"reason {n}  T2 rule.{n}" in text] == list(range(5))


def test_an_advisory_label_is_told_as_what_it_is() -> None:
    asked = views.request_t2(label=views.agent().label.ADVISORY)
    assert styles(request.render(asked, views.NOW, 80, UNICODE), "ADVISORY") == {"warn"}


def test_the_time_left_warns_when_it_runs_out() -> None:
    soon = views.request_t2(deadline=views.NOW.plus(70))
    assert pending.left(soon, views.NOW)[0].style == "warn"
    assert plain(pending.left(views.request_t2(deadline=views.ago(1)), views.NOW)) == "over"


def test_a_label_stands_above_its_rows_where_there_is_no_room_beside() -> None:
    narrow = pane.field("targets", [(say("x" * 10),)], 20)
    assert [plain(line) for line in narrow] == ["targets", " xxxxxxxxxx"]
