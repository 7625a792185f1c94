"""What a terminal answers is no key (D03); what a person presses is, and the stop key above all (E1)."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._xterm_parser import XTermParser

from controlroom.tui.reports import HALF_SECONDS, KEY_SECONDS, Reports

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
    assert Reports().take(report) == ""
    assert Reports().take(f"j{report}k") == "jk"


@pytest.mark.parametrize("key", KEYS)
def test_keys_mouse_paste_focus_and_what_was_asked_for_pass_as_they_came(key: str) -> None:
    reports = Reports()
    assert reports.take(key) == key
    assert not reports.waiting


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, min(len(KEYS), len(REPORTS)) - 1)), max_size=8),
    st.lists(st.integers(0, 300), max_size=6),
)
def test_cut_anywhere_the_keys_come_through_and_no_letter_of_an_answer(pieces: list[tuple[bool, int]], cuts: list[int]) -> None:
    text = "".join(KEYS[index] if key else REPORTS[index] for key, index in pieces)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    reports = Reports()
    kept = "".join(reports.take(text[a:b]) for a, b in itertools.pairwise(edges))
    assert kept == "".join(KEYS[index] for key, index in pieces if key)


@pytest.mark.row("E1")
@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("begun", ["\x1b]52;c;aaa", "\x1bPaaa", "\x1b", "\x1b[", "\x1b[?6", "\x1b[1;5", "\x1b]52;c;\x1b"])
def test_the_stop_key_passes_in_the_middle_of_an_answer(begun: str, stop: str) -> None:
    reports = Reports()
    kept = reports.take(begun) + reports.take(stop)
    assert kept.endswith(stop)
    assert {"ctrl+backslash", "f12"} & set(names(kept))


def test_an_escape_that_stands_alone_is_the_escape_key() -> None:
    reports = Reports()
    assert reports.take("\x1b") == ""
    assert reports.waiting
    assert reports.late(1.0) == ""
    assert reports.late(1.0 + KEY_SECONDS / 2) == ""
    assert reports.late(1.0 + KEY_SECONDS) == "\x1b"
    assert not reports.waiting


@pytest.mark.row("D03")
@pytest.mark.parametrize("half", ["\x1b[", "\x1b[1;5", "\x1b[48;1;1", "\x1b[?6", "\x1b]52;c;aaaa", "\x1bPq"])
def test_half_a_sequence_is_never_keys_and_holds_the_keys_up_no_longer_than_a_second(half: str) -> None:
    reports = Reports()
    assert reports.take(half) == ""
    assert reports.late(1.0) == ""
    assert reports.late(1.0 + HALF_SECONDS * 0.9) == ""
    assert reports.waiting
    assert reports.late(1.0 + HALF_SECONDS) == ""
    assert reports.take("d") == "d"


@pytest.mark.row("D03")
@pytest.mark.parametrize("report", [report for report in REPORTS if len(report) < 100])
def test_the_letters_of_an_answer_that_comes_in_two_halves_are_no_keys(report: str) -> None:
    for cut in range(2, len(report)):
        reports = Reports()
        assert reports.take(report[:cut]) + reports.late(1.0) + reports.late(1.0 + HALF_SECONDS * 0.9) == ""
        assert reports.take(report[cut:] + "k") == "k", f"cut at {cut}"


@pytest.mark.row("D03")
def test_whoever_reads_late_has_not_seen_silence() -> None:
    """The rest lay there all the time: between two looks the machine was busy with others."""
    reports = Reports()
    assert reports.late(1.0) == ""  # the terminal was silent before
    assert reports.take("\x1b") == ""
    assert reports.late(9.0) == ""
    assert reports.take("[48;1;1;16;8t") == ""


def test_keys_in_the_middle_of_half_an_answer_do_not_make_it_wait_longer() -> None:
    reports = Reports()
    assert reports.take("\x1b]52;c;aaaa") + reports.late(1.0) == ""
    assert reports.take("a") + reports.late(1.0 + HALF_SECONDS / 2) == ""
    assert reports.take("a") + reports.late(1.0 + HALF_SECONDS) == ""
    assert reports.take("d") == "d"


def test_what_is_pasted_does_not_end_in_an_escape_key() -> None:
    reports = Reports()
    assert reports.take("\x1b[200~a\x1b") == "\x1b[200~a"
    assert reports.late(1.0) + reports.late(1.0 + KEY_SECONDS) == ""
    assert reports.take("[201~\x1b") == "\x1b[201~"
    assert reports.late(3.0) + reports.late(3.0 + KEY_SECONDS) == "\x1b"


@given(st.text(max_size=50))
def test_text_without_an_escape_is_never_touched(text: str) -> None:
    plain = text.replace("\x1b", "")
    assert Reports().take(plain) == plain


@given(st.text("\x1b[]P?;$y\\\x07ac1", max_size=40), st.floats(0, 3))
def test_it_never_raises_and_never_adds_anything(text: str, pause: float) -> None:
    reports = Reports()
    kept = reports.take(text) + reports.late(1.0) + reports.late(1.0 + pause) + reports.take("")
    assert len(kept) <= len(text)
