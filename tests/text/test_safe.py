"""What `show` makes is safe to draw, and is exactly what came (D01, D02, D04, S11)."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.text.safe import SafeText, count_non_ascii, decode, show, show_lines, show_tokens

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
# Text made of what is likely to confuse an escaping: its own tokens, backslashes, blanks, marks, direction.
TRICKY = st.lists(
    st.sampled_from(
        [
            "\\",
            "u{",
            "x{",
            "sp{",
            "cut{",
            "5c",
            "}",
            "0",
            "e",
            " ",
            " " * 9,
            '"',
            "\u0301",
            "\u202e",
            "\ud800",
            "\n",
            "\x1b",
            "é",
        ]
    ),
    max_size=20,
).map("".join)
TEXTS = st.one_of(ANY_TEXT, TRICKY)
BYTES = st.one_of(st.binary(max_size=60), TRICKY.map(lambda text: text.encode("utf-8", "surrogatepass")))


def assert_drawable(shown: str) -> None:
    marks = 0
    for char in shown:
        category = unicodedata.category(char)
        assert category not in {"Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp"}, hex(ord(char))
        assert category != "Zs" or char == " ", hex(ord(char))
        marks = marks + 1 if category.startswith("M") else 0
        assert marks <= 2


@pytest.mark.row("D01", "D02", "D04")
@given(BYTES)
def test_any_bytes_are_drawn_safely_and_come_back(data: bytes) -> None:
    shown = show(data)
    assert_drawable(shown)
    assert decode(shown) == data


@pytest.mark.row("D01", "D02", "D04")
@given(TEXTS)
def test_any_text_is_drawn_safely_and_comes_back(text: str) -> None:
    shown = show(text)
    assert_drawable(shown)
    assert decode(shown) == text.encode("utf-8", "surrogatepass")


@pytest.mark.row("D04")
def test_every_code_point_by_itself_is_drawn_safely_and_comes_back() -> None:
    for start in range(0, 0x110000, 0x1000):
        text = "a".join(chr(code) for code in range(start, start + 0x1000))
        shown = show(text)
        assert_drawable(shown)
        assert decode(shown) == text.encode("utf-8", "surrogatepass")


@pytest.mark.row("D04")
@pytest.mark.parametrize(
    "code",
    [
        *(0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069, 0x200E, 0x200F, 0x061C),  # direction
        *(0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, 0x034F, 0x180E),  # no width
        *(0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800),  # letters and symbols that look like nothing
        *(0xFE00, 0xFE0F, 0xE0100, 0xE01EF, 0x180B, 0x180F, 0xE0001, 0xE0041),  # variations and tags
        *(0x00A0, 0x2003, 0x3000, 0x2028, 0x2029, 0xE000, 0xFFFF, 0x0378),  # blanks, line ends, private, undefined
    ],
)
def test_what_deceives_the_eye_is_a_token(code: int) -> None:
    assert show(f"a{chr(code)}b") == f"a\\u{{{code:x}}}b"


@pytest.mark.row("D01")
@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"", ""),
        (b"rm -rf build", "rm -rf build"),
        (b"\x1b[31mred\x07", "\\u{1b}[31mred\\u{7}"),
        (b"a\tb\r\n", "a\\u{9}b\\u{d}\\u{a}"),
        (b"\xff\xfe", "\\x{ff}\\x{fe}"),
        (b"\xe2\x82", "\\x{e2}\\x{82}"),
        (b"\xc2\x9b1m", "\\u{9b}1m"),
        ("na\u00efve \u65e5\u672c", "na\u00efve \u65e5\u672c"),
        ("C:\\new\\users", "C:\\new\\users"),
        ("\\u{41}", "\\u{5c}u{41}"),
        ("\\x{41}\\sp{3}\\cut{3}", "\\u{5c}x{41}\\u{5c}sp{3}\\u{5c}cut{3}"),
        ("rm" + " " * 40 + "-rf", "rm\\sp{40}-rf"),
        ("e\u0301\u0301\u0301", "e\u0301\u0301\\u{301}"),
        ("\u0338/", "\\u{338}/"),
        ("\ud800", "\\u{d800}"),
    ],
)
def test_how_it_looks(data: bytes | str, shown: str) -> None:
    assert show(data) == shown


@given(st.one_of(BYTES, TEXTS), st.integers(0, 40))
def test_a_cut_splits_no_token_and_says_how_much_is_missing(data: bytes | str, limit: int) -> None:
    whole, shown = show(data), show(data, limit)
    if len(whole) <= limit:
        assert shown == whole
        return
    kept, _, missing = shown.rpartition("\\cut{")
    assert len(kept) <= limit
    assert whole.startswith(kept)
    meant = decode(SafeText(kept))
    length = len(meant) if isinstance(data, bytes) else len(meant.decode("utf-8", "surrogatepass"))
    assert int(missing.removesuffix("}")) == len(data) - length
    with pytest.raises(ValueError, match="cut"):
        decode(shown)


def test_a_cut_of_something_huge_reads_only_what_it_shows() -> None:
    assert show(b"a" * 100_000_000, 3) == "aaa\\cut{99999997}"


def tokens_of(shown: SafeText) -> list[bytes]:
    """What `show_tokens` was given."""
    found = re.findall(r'"([^"]*)"|([^ "]+)', shown)
    return [decode(SafeText(quoted or bare)) for quoted, bare in found]


@pytest.mark.row("D01")
@given(st.lists(st.one_of(BYTES, TEXTS), max_size=6))
def test_a_command_is_never_read_as_another(argv: list[bytes | str]) -> None:
    shown = show_tokens(argv)
    assert_drawable(shown)
    assert tokens_of(shown) == [t if isinstance(t, bytes) else t.encode("utf-8", "surrogatepass") for t in argv]


@pytest.mark.row("D01")
def test_empty_tokens_and_outer_blanks_are_seen() -> None:
    assert show_tokens(["rm", "-rf", "", " a", "b ", 'c"d', "e\\"]) == 'rm -rf "" " a" "b " "c\\u{22}d" e\\'


@given(st.one_of(BYTES, TEXTS))
def test_lines_are_split_at_line_feeds_only(data: bytes | str) -> None:
    lines = show_lines(data)
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    assert b"\n".join(decode(line) for line in lines) == raw
    for line in lines:
        assert_drawable(line)


def test_non_ascii_characters_are_counted() -> None:
    assert count_non_ascii("p\u0430ypal \u0430") == 2
    assert count_non_ascii(b"\xff\xc3\xa9a") == 2
