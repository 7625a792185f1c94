"""Whatever others write, and however wide the terminal is: nothing raises, nothing leaks, nothing is wider than its place."""

import re
from unicodedata import category

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.model.view import RoomView
from controlroom.text.safe import decode, show
from controlroom.tui.glyphs import ASCII, UNICODE, Glyphs
from controlroom.tui.line import Line, Span, cells, clip, marked, pad, plain, quote, quote_tokens, wrap
from controlroom.tui.render import pending, request, status
from tests.support import views
from tests.tui.render.drawn import DATA, DRAWN

NASTY: tuple[str, ...] = (
    "\x1b[31m",
    "\x1b]52;c;eA==\x07",
    "\x9b",
    "\u202e",
    "\u2066",
    "\u200d",
    "\ufeff",
    "\U000e0041",
    "\u3164",
    "\u2028",
    "\r",
    "\n",
)
NASTY += (
    "\t",
    "\x00",
    "\ud800",
    "e\u0301\u0301\u0301\u0301",
    "\u754c",
    "\U0001f469\u200d\U0001f52c",
    " " * 40,
    "[/bold]",
    "[@click=x]",
)
NASTY += (
    "\u2590 APPROVED",
    "\\u{1b}",
    "\\sp{9}",
    "\\cut{3}",
    '"',
    "\u0430\u0440\u0440",
    "\u00a0",
    "\u00ad",
    "-----BEGIN",
    "x" * 300,
)
TEXTS = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=12)), max_size=8).map("".join)
WIDTHS = st.sampled_from((1, 2, 3, 7, 19, 20, 21, 33, 43, 44, 60, 80, 119, 200))
GLYPHS = st.sampled_from((UNICODE, ASCII))
UNSEEN = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
many = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def harmless(line: Line) -> bool:
    """Whether no code point of a line can do anything but be seen."""
    return all(char == " " or category(char) not in (*UNSEEN, "Zs") for char in plain(line))


@pytest.mark.row("D02", "D04", "D11")
@pytest.mark.parametrize("name", sorted(DRAWN))
@many
@given(text=TEXTS, width=WIDTHS, glyphs=GLYPHS)
def test_no_text_leaks_a_control_or_leaves_its_place(name: str, text: str, width: int, glyphs: Glyphs) -> None:
    for line in DRAWN[name](views.filled(text), width, glyphs):
        assert harmless(line), plain(line)
        assert cells(line) <= width, (cells(line), plain(line))


@pytest.mark.row("D10")
@pytest.mark.parametrize("name", sorted(DATA))
@many
@given(text=TEXTS, width=WIDTHS, glyphs=GLYPHS)
def test_data_of_agents_always_stands_behind_the_gutter_and_in_its_own_colours(
    name: str, text: str, width: int, glyphs: Glyphs
) -> None:
    for line in DATA[name](views.filled(text), width, glyphs):
        assert line[0] == Span(show(glyphs.gutter if width > 1 else glyphs.cut), "dim")
        assert not {span.style for span in line} & {"ask", "stop"}


@pytest.mark.row("D10", "D09")
@many
@given(text=TEXTS, width=st.integers(request.LEAST, 200), glyphs=GLYPHS)
def test_only_what_we_assessed_stands_behind_the_border_and_the_agents_words_come_last(
    text: str, width: int, glyphs: Glyphs
) -> None:
    [bad] = [r for r in views.filled(text).pending if r.id == text]
    lines = request.render(bad, views.NOW, width, glyphs)
    bound = [at for at, line in enumerate(lines) if line and line[0] == Span(show(glyphs.border), "ask")]
    assert bound == list(range(len(bound)))
    said = lines[len(bound) :]
    if text.strip(" \n"):
        assert said[0] == () and plain(said[1]).startswith(f"{glyphs.gutter} agent says (unver")
        assert 1 <= len(said[2:]) <= request.SAYS_LINES
    for line in said[1:]:
        assert line[0] == Span(show(glyphs.gutter), "dim")
        assert {span.style for span in line} <= {"dim", "text", "label", "unverified", "marker"}


@pytest.mark.row("D01", "D13")
@given(text=st.text(max_size=200), width=st.integers(1, 90), less=st.integers(0, 6))
def test_wrapping_adds_nothing_and_drops_nothing_and_what_is_drawn_means_the_bytes_that_came(
    text: str, width: int, less: int
) -> None:
    line = marked(Span(show(text)))
    rows = wrap(line, width, less)
    joined = "".join(plain(row) for row in rows)
    assert joined == plain(line) == show(text)
    assert decode(show(joined)) == decode(show(text)) if "\\" not in joined else joined == show(text)
    assert decode(Span(show(text)).text) == text.encode("utf-8", "surrogatepass")
    for at, row in enumerate(rows):
        assert cells(row) <= max(2, width if at == 0 else width - less)


@pytest.mark.row("D01")
@given(argv=st.lists(st.text(max_size=12), min_size=1, max_size=5))
def test_a_command_is_drawn_token_by_token_and_no_other_command_is_drawn_the_same(argv: list[str]) -> None:
    asked = views.request_t2(argv=(tuple(argv),), text="", tool="")
    lines = request.render(asked, views.NOW, 4_000, UNICODE)
    [drawn] = [plain(line) for line in lines if plain(line).startswith("▐ does ")]
    assert drawn[11:] == plain(quote_tokens(argv))


@given(text=TEXTS, width=st.integers(0, 60))
def test_clipping_and_padding_hold_the_width_and_keep_the_start(text: str, width: int) -> None:
    line = marked(quote(text))
    short, full = clip(line, width), pad(line, width)
    assert cells(short) <= width
    assert cells(full) == width
    if cells(line) > width > 0:
        assert plain(short)[-1] == "~" and plain(line).startswith(plain(short)[:-1])


@pytest.mark.row("D04", "D05")
@given(text=TEXTS)
def test_what_is_not_plain_ascii_stands_out(text: str) -> None:
    line = marked(quote(text))
    for span in line:
        if span.style != "marker":
            assert span.text.isascii() and not re.search(r"\\(u|x|sp|cut)\{[0-9a-f]+\}", span.text)
    assert not plain(line).endswith(" ") or line[-1].style == "marker"


@pytest.mark.row("U08", "E13", "E1")
@pytest.mark.parametrize("width", range(1, 201))
def test_the_stop_key_and_the_pending_count_are_on_the_status_line_at_any_width(width: int) -> None:
    for view in (views.pending_t3(), views.hostile(), views.broken(), None):
        for link in (status.Link(), status.Link("the daemon is gone", 900, True)):
            [line] = status.render(view, link, width, UNICODE)
            key = "".join(span.text for span in line if span.style == "stop")
            assert "^\\" in key or "ctrl+\\" in key or width < 2
            if view is not None and width >= 20:
                assert re.search(rf"(^|\W){len(view.pending)}( |$)", plain(line)), plain(line)


@pytest.mark.row("U13")
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_that_others_can_press_keys_is_on_the_status_line_from_80_cells_on(glyphs: Glyphs) -> None:
    for state, make in views.STATES.items():
        for width in range(80, 201):
            [line] = status.render(make(), status.Link(advisory=True), width, glyphs)
            assert "ADVISORY" in plain(line), (state, width, plain(line))
            assert not make().pending or f"{UNICODE.ask} {len(make().pending)}" in plain(line)
            [without] = status.render(make(), status.Link(), width, glyphs)
            assert "ADVISORY" not in plain(without)


def test_the_status_line_is_as_wide_as_the_terminal_so_that_nothing_old_stays() -> None:
    view: RoomView = views.busy()
    for width in range(20, 201):
        assert cells(status.render(view, status.Link(), width, UNICODE)[0]) == width


def test_rows_of_lists_are_where_the_selection_looks_for_them() -> None:
    view = views.pending_t3()
    order = pending.order(view.pending)
    lines = pending.render(view, order[1].id, 80, UNICODE)
    assert [plain(line)[0] for line in lines] == [" ", " ", UNICODE.pointer, " "]
    assert [r.tier for r in order] == sorted((r.tier for r in order), reverse=True)
