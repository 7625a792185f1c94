"""The emulated screen shows what a terminal would show, and names whatever the room may not send."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.emulator import PLAIN, Look, Screen


def screen(*pieces: str | bytes, columns: int = 10, rows: int = 3) -> Screen:
    made = Screen(columns, rows)
    for piece in pieces:
        made.feed(piece.encode() if isinstance(piece, str) else piece)
    return made


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        ("one\r\ntwo", ["one", "two", ""]),
        ("one\ntwo", ["one", "   two", ""]),
        ("\x1b[2;3Hx\x1b[Hy", ["y", "  x", ""]),
        ("\x1b[99;99Hx", ["", "", "         x"]),
        ("abc\bX", ["abX", "", ""]),
        ("abc\rX", ["Xbc", "", ""]),
        ("0123456789ab", ["0123456789", "ab", ""]),
        ("0123456789\r\nab", ["0123456789", "ab", ""]),
        ("\x1b[?7l0123456789ab", ["012345678b", "", ""]),
        ("1\r\n2\r\n3\r\n4", ["2", "3", "4"]),
        ("abcdef\x1b[1;3H\x1b[K", ["ab", "", ""]),
        ("abcdef\x1b[1;3H\x1b[1K", ["   def", "", ""]),
        ("abcdef\x1b[2K", ["", "", ""]),
        ("a\r\nb\r\nc\x1b[2;1H\x1b[J", ["a", "", ""]),
        ("a\r\nb\x1b[2J", ["", "", ""]),
        ("a\tb", ["a       b", "", ""]),
    ],
)
def test_text_is_where_a_terminal_puts_it(sent: str, lines: list[str]) -> None:
    shown = screen(sent)
    assert shown.lines == lines
    assert shown.foreign == []


def test_wide_characters_take_two_cells_and_lose_both_when_one_is_drawn_over() -> None:
    shown = screen("日本x")
    assert [cell.text for cell in shown.page.cells[0][:5]] == ["日", "", "本", "", "x"]
    shown.feed(b"\x1b[1;2HA")
    assert shown.lines[0] == " A本x"
    shown.feed(b"\x1b[1;3HB")
    assert shown.lines[0] == " AB x"


def test_a_wide_character_that_does_not_fit_goes_to_the_next_row() -> None:
    assert screen("012345678日").lines == ["012345678", "日", ""]


def test_a_combining_mark_stays_with_its_letter() -> None:
    assert screen("e\u0301x").page.cells[0][0].text == "e\u0301"


def test_looks_are_kept_by_cell() -> None:
    shown = screen("\x1b[1;31;48;2;1;2;3mred\x1b[22;39mink\x1b[0mplain\x1b[4;38;5;7mline", columns=20)
    assert shown.look_of("red") == Look("31", "48;2;1;2;3", frozenset({1}))
    assert shown.look_of("ink") == Look("", "48;2;1;2;3")
    assert shown.look_of("plain") == PLAIN
    assert shown.look_of("line") == Look("38;5;7", "", frozenset({4}))
    with pytest.raises(AssertionError, match="'gone' is not on screen"):
        shown.look_of("gone")


def test_the_alternate_screen_gives_the_main_one_back() -> None:
    shown = screen("shell$ ", "\x1b[?1049h\x1b[?25l\x1b[Hroom")
    assert shown.lines[0] == "room"
    assert not shown.untouched
    shown.feed(b"\x1b[?1049l\x1b[?25h")
    assert shown.lines[0] == "shell$"
    assert shown.untouched


@pytest.mark.parametrize("mode", [1000, 1003, 1004, 1006, 2004, 2026, 2048])
def test_a_mode_that_is_not_given_back_is_seen(mode: int) -> None:
    shown = screen(f"\x1b[?{mode}h")
    assert not shown.untouched
    assert shown.foreign == []
    shown.feed(f"\x1b[?{mode}l".encode())
    assert shown.untouched


def test_the_kitty_keyboard_must_be_given_back_too() -> None:
    shown = screen("\x1b[>1u")
    assert not shown.untouched
    shown.feed(b"\x1b[<u")
    assert shown.untouched


def test_half_a_sequence_waits_for_its_other_half() -> None:
    shown = screen("a\x1b[3")
    assert shown.text.strip() == "a"
    assert not shown.untouched
    shown.feed(b"1mb")
    assert shown.look_of("b").ink == "31"
    assert shown.untouched


def test_it_answers_the_questions_the_room_may_ask() -> None:
    shown = screen("\x1b[?2026$p")
    assert shown.replies() == b"\x1b[?2026;2$y"
    assert shown.replies() == b""
    assert shown.foreign == []


def test_a_bell_is_counted() -> None:
    assert screen("\a\a").bells == 2


@pytest.mark.row("D02", "D03")
@pytest.mark.parametrize(
    "sent",
    [
        "\x1b]2;title\x07",
        "\x1b]0;title\x1b\\",
        "\x1b]52;c;aGVsbG8=\x07",
        "\x1b]8;;http://x\x1b\\",
        "\x1b]10;?\x07",
        "\x1bPq#0\x1b\\",
        "\x1b_app\x1b\\",
        "\x1b^pm\x1b\\",
        "\x1bXsos\x1b\\",
        "\x1b[6n",
        "\x1b[c",
        "\x1b[>c",
        "\x1b[21t",
        "\x1b[?u",
        "\x1b[5A",
        "\x1b[?1047h",
        "\x1b[?69$p",
        "\x1b[r",
        "\x1b[4h",
        "\x1bc",
        "\x1b7",
        "\x1b(0",
        "\x9b31m",
        "\x9d2;t\x9c",
        "\x00",
        "\x0b",
        "\x7f",
        b"\x9b31m",
        b"\xff",
    ],
)
def test_whatever_the_room_may_not_send_is_named(sent: str | bytes) -> None:
    assert screen(sent).foreign


def test_a_string_that_never_ends_swallows_what_follows_and_is_seen() -> None:
    shown = screen("a\x1b]2;title", "b")
    assert shown.lines[0] == "a"
    assert not shown.untouched


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=3))
def test_it_never_raises_and_its_rows_keep_their_length(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *(min(cut, len(data)) for cut in cuts)})
    shown = screen(*(data[a:b] for a, b in pairwise(edges)))
    assert [len(row) for row in shown.page.cells] == [10, 10, 10]


@given(st.integers(1, 30), st.integers(1, 10), st.text("ab日 \r\n", max_size=60))
def test_another_size_keeps_what_fits(columns: int, rows: int, text: str) -> None:
    shown = screen(text)
    before = shown.lines
    shown.resize(columns, rows)
    assert len(shown.lines) == rows
    if columns >= 10 and rows >= 3:
        assert shown.lines[:3] == before
    shown.feed("\x1b[99;99Hx日".encode())
