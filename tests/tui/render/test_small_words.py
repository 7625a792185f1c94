"""Signs of one cell, coarse ages, columns that stay where they are."""

from itertools import pairwise
from unicodedata import east_asian_width

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from controlroom.model.agent import SessionState
from controlroom.model.clock import SECOND, Instant
from controlroom.model.record import Stage
from controlroom.model.told import Spending, Tokens
from controlroom.model.view import StoryView
from controlroom.tui.glyphs import ASCII, UNICODE, Glyphs
from controlroom.tui.line import cells, flush, plain, prose, quote, say
from controlroom.tui.render import agents, log, status, table, words
from tests.support import view_parts, views


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=lambda g: g.name)
def test_every_sign_is_one_cell_wide_in_every_terminal(glyphs: Glyphs) -> None:
    for sign in glyphs.all():
        assert cell_len(sign) == 1
        assert east_asian_width(sign) in ("N", "Na"), f"{sign!r} is two cells wide in some terminals"


def test_the_ascii_signs_are_ascii() -> None:
    assert all(sign.isascii() and sign.isprintable() for sign in ASCII.all())


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=lambda g: g.name)
def test_every_state_and_stage_has_a_sign_of_its_own(glyphs: Glyphs) -> None:
    assert set(glyphs.states) == set(SessionState)
    assert set(glyphs.stages) == set(Stage)
    assert len(set(glyphs.states.values())) == len(SessionState)
    assert len(set(glyphs.stages.values())) == len(Stage)


@pytest.mark.row("D10")
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=lambda g: g.name)
def test_the_border_of_what_is_to_be_approved_is_not_the_gutter_of_data(glyphs: Glyphs) -> None:
    assert glyphs.border not in (glyphs.gutter, glyphs.pointer, glyphs.rule)


def test_rules_that_cannot_be_used_are_said_on_the_status_line() -> None:
    wrong = "rules/git.toml:12: rule git.x: tire: is no key; the last good rules hold"
    view = views.room(status=view_parts.status(settings=wrong))
    drawn = {width: plain(status.render(view, status.Link(), width, UNICODE)[0]) for width in (80, 200)}
    assert wrong[:20] in drawn[200]
    assert f"{UNICODE.alarm} settings" in drawn[80]


@pytest.mark.parametrize(
    ("seconds", "word"),
    [
        (0, "now"),
        (59, "now"),
        (60, "1m"),
        (299, "3m"),
        (300, "5m"),
        (599, "5m"),
        (3599, "45m"),
        (3600, "1h"),
        (7300, "2h"),
        (200_000, "2d"),
    ],
)
def test_ages_are_coarse(seconds: float, word: str) -> None:
    assert words.age(seconds) == word


def test_an_hour_repaints_an_age_only_ten_times() -> None:
    seen = [words.age(second) for second in range(3600 + 1)]
    assert sum(a != b for a, b in pairwise(seen)) == 10


@pytest.mark.parametrize(("seconds", "word"), [(600, "10m"), (599, "9m"), (60, "1m"), (59.9, "<1m"), (0, "over"), (-5, "over")])
def test_time_left_never_promises_more_than_there_is(seconds: float, word: str) -> None:
    assert words.left(views.NOW.plus(seconds), views.NOW) == word


def test_the_earlier_clock_tells_the_time_left() -> None:
    behind = Instant(views.NOW.boot + 30 * SECOND, views.NOW.wall + 3_000 * SECOND)
    assert words.left(behind, views.NOW) == "<1m"


@pytest.mark.parametrize(
    ("count", "word"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (8_600_000, "8.2 MiB"), (3 * 2**40, "3.0 TiB"), (2**62, "4096 PiB")],
)
def test_sizes(count: int, word: str) -> None:
    assert words.size(count) == word
    assert len(words.short_size(min(count, 2**50))) <= 5


def test_a_clock_beyond_all_years_draws_nothing_false() -> None:
    assert words.clock(Instant(0, 2**62)) == "--:--:--" or len(words.clock(Instant(0, 2**62))) == 8
    assert words.clock(Instant(0, 10**30)) == "--:--:--"


@pytest.mark.parametrize("width", range(1, 161))
def test_a_table_is_never_wider_than_it_may_be_and_keeps_its_first_column(width: int) -> None:
    plan = table.layout(agents.COLUMNS, width)
    assert plan
    assert sum(size for _, size in plan) + table.GAP * (len(plan) - 1) <= width
    assert "name" in {column.key for column, _ in plan}


def test_columns_depend_on_the_width_alone_so_that_a_change_moves_nothing() -> None:
    long = table.row(table.layout(agents.COLUMNS, 100), {"name": (quote("n" * 99),), "cpu": (say("1%"),)}, UNICODE)
    short = table.row(table.layout(agents.COLUMNS, 100), {"name": (quote("n"),), "cpu": (say("100%"),)}, UNICODE)
    assert cells(long) == cells(short)


@pytest.mark.parametrize("width", range(40))
def test_what_is_flush_right_stays_when_the_left_gives_way(width: int) -> None:
    line = flush((say("a long remark on the left"),), (say("right"),), width)
    assert cells(line) <= width
    if width >= 5:
        assert plain(line).endswith("right")


def test_prose_of_ours_has_no_blanks_at_the_ends_of_rows() -> None:
    assert [plain(row) for row in prose("one two three", 8)] == ["one two", "three"]
    assert prose("", 8) == [()]


@pytest.mark.parametrize(
    ("usd", "said"), [(0, "$0.00"), (0.0018, "$0.0018"), (0.1, "$0.10"), (12.3, "$12.30"), (0.00001, "$0.0000")]
)
def test_small_sums_are_not_rounded_to_nothing(usd: float, said: str) -> None:
    assert words.dollars(usd) == said


@pytest.mark.parametrize(("count", "said"), [(0, "0"), (999, "999"), (1000, "1k"), (12_499, "12k"), (3_400_000, "3.4M")])
def test_counts_take_few_cells(count: int, said: str) -> None:
    assert words.thousands(count) == said


@pytest.mark.row("R08")
@pytest.mark.parametrize("ns", [-(10**30), 10**30])
def test_a_time_beyond_all_years_is_said_to_be_one(ns: int) -> None:
    assert words.stamp(ns) == "a time beyond all years"


def test_what_an_agent_used_stands_in_few_words() -> None:
    assert log.figures(views.story(), "following") == "32k tokens  $0.12  1 unknown line  following"
    assert log.figures(StoryView(1), "") == ""
    assert log.figures(StoryView(1, spending=Spending({"m": Tokens(out=5)}, partial=True)), "") == "over 5 tokens"


def test_an_alarm_about_an_agent_stands_in_its_row_until_it_is_cleared() -> None:
    doubted = view_parts.agent(doubts=("UNGATED: the first", "UNGATED: Bash (toolu_1)"))
    row = agents.render(views.room(agents=(doubted,)), "", 160, UNICODE)[1]
    assert "UNGATED: Bash (toolu_1)" in plain(row)
    assert any(span.style == "alarm" for span in row)


@pytest.mark.row("T03")
@given(wall=st.integers(-(2**70), 2**70))
@example(2**31 * SECOND)
def test_a_clock_that_is_far_off_is_shown_in_as_many_cells(wall: int) -> None:
    assert len(words.clock(Instant(1, wall))) == len("14:02:11")
