"""Lines of logs as they are shown: without secrets, and of a torn line nothing that may be half of one."""

import pytest

from controlroom.text.lines import LONGEST, drawn

TOKEN = "ghp_" + "Zk3v9QbX7LmN2pR5sT8wY1aC4dE6fG0hJ2k"


@pytest.mark.row("R14")
@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_torn_line_shows_no_begin_of_a_secret(length: int) -> None:
    line = f"it is {TOKEN[:length]}"
    shown, _ = drawn(line.encode(), torn=True)
    assert TOKEN[:5] not in shown and shown.startswith("it is ")


def test_a_torn_line_shows_whole_words_and_markers() -> None:
    assert drawn(b"one two thr", torn=True) == ("one two ", 3)
    assert drawn(f"a {TOKEN} b".encode(), torn=True)[0] == "a <redacted:github:39> "
    assert drawn(b"one two thr") == ("one two thr", 0)


def test_a_torn_line_of_one_word_is_shown_but_for_its_end() -> None:
    assert drawn(b"x" * 5000, torn=True) == ("x" * (5000 - LONGEST), LONGEST)
    assert drawn(b"x" * 5000, 1000, torn=True) == ("x" * 1000, 4000)
