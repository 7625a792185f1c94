"""What a terminal answers is no key (D03); what a person presses is, and the stop key above all (E1)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from controlroom.tui.reports import KEY_SECONDS, STRING_SECONDS, Reports

REPORTS = [
    "\x1b[?62;1;4c",
    "\x1b[>1;10;0c",
    "\x1b[=0c",
    "\x1b[0n",
    "\x1b[?1u",
    "\x1b[8;24;80t",
    "\x1b[48;1;1;16;8t",
    "\x1b[?2048;2$y",
    "\x1b[?1049;1$y",
    "\x1b[2;1;1;128;128;1;0x",
    "\x1b]10;rgb:aaaa/aaaa/aaaa\x07",
    "\x1b]11;rgb:aaaa/aaaa/aaaa\x1b\\",
    "\x1b]52;c;YWFhQUFB\x07",
    "\x1b]lA title with a and A\x1b\\",
    "\x1bP1+r6161=6161\x1b\\",
    "\x1bP1$r0 q\x1b\\",
    "\x1b_Gi=31;OK\x1b\\",
    "\x1b]52;c;" + "a" * 5000 + "\x07",
]
KEYS = [
    "a", "A", "d", "\x1c", "\x1b[24~", "\x1b[A", "\x1bOA", "\x1b[1;5A", "\x1b[92;5u", "\x1b[Z", "\x1b[5~", "é", "\r", "\t",
    "\x1b[I", "\x1b[O", "\x1b[<0;3;4M", "\x1b[<0;3;4m", "\x1b[M !!", "\x1b[200~paste a\x1b[201~", "\x1b[?2026;2$y",
    "\x1b[2;5R",
]  # fmt: skip
STOPS = ["\x1c", "\x1b[24~", "\x1b[92;5u"]


def names(text: str) -> list[str]:
    """The keys that textual makes of this."""
    return [message.key for message in XTermParser().feed(text) if isinstance(message, events.Key)]


@pytest.mark.row("D03")
@pytest.mark.parametrize("report", REPORTS)
def test_an_answer_that_nobody_asked_for_is_dropped(report: str) -> None:
    assert Reports().take(report, 1.0) == ""
    assert Reports().take(f"j{report}k", 1.0) == "jk"


@pytest.mark.parametrize("key", KEYS)
def test_keys_mouse_paste_focus_and_what_was_asked_for_pass_as_they_came(key: str) -> None:
    reports = Reports()
    assert reports.take(key, 1.0) == key
    assert not reports.waiting


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, min(len(KEYS), len(REPORTS)) - 1)), max_size=8),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_cut_anywhere_the_keys_come_through_and_no_letter_of_an_answer(pieces: list[tuple[bool, int]], cuts: list[int]) -> None:
    text = "".join(KEYS[index] if key else REPORTS[index] for key, index in pieces)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    reports = Reports()
    kept = "".join(reports.take(text[a:b], 1.0) for a, b in itertools.pairwise(edges))
    assert kept == "".join(KEYS[index] for key, index in pieces if key)


@pytest.mark.row("E1")
@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("begun", ["\x1b]52;c;aaa", "\x1bPaaa", "\x1b", "\x1b[", "\x1b[?6", "\x1b[1;5", "\x1b]52;c;\x1b"])
def test_the_stop_key_passes_in_the_middle_of_an_answer(begun: str, stop: str) -> None:
    reports = Reports()
    kept = reports.take(begun, 1.0) + reports.take(stop, 1.001)
    assert kept.endswith(stop)
    assert {"ctrl+backslash", "f12"} & set(names(kept))


@pytest.mark.parametrize("half", ["\x1b", "\x1b[", "\x1b[1;5"])
def test_half_a_key_is_given_when_nothing_more_comes(half: str) -> None:
    reports = Reports()
    assert reports.take(half, 1.0) == ""
    assert reports.waiting
    assert reports.late(1.0 + KEY_SECONDS / 2) == ""
    assert reports.late(1.0 + KEY_SECONDS) == half
    assert not reports.waiting


def test_half_an_answer_is_dropped_and_holds_the_keys_up_no_longer_than_a_second() -> None:
    reports = Reports()
    assert reports.take("\x1b]52;c;aaaa", 1.0) == ""
    assert reports.take("aaaa", 1.0 + STRING_SECONDS / 2) == ""
    assert reports.take("d", 1.0 + STRING_SECONDS) == "d"
    assert reports.take("\x1b[?6", 5.0) == ""
    assert reports.late(5.0 + KEY_SECONDS) == ""
    assert reports.take("d", 6.0) == "d"


@given(st.text(max_size=50))
def test_text_without_an_escape_is_never_touched(text: str) -> None:
    plain = text.replace("\x1b", "")
    assert Reports().take(plain, 1.0) == plain


@given(st.text("\x1b[]P?;$y\\\x07ac1", max_size=40), st.floats(0, 3))
def test_it_never_raises_and_never_adds_anything(text: str, pause: float) -> None:
    reports = Reports()
    kept = reports.take(text, 1.0) + reports.late(1.0 + pause) + reports.take("", 10.0)
    assert len(kept) <= len(text)
