"""The ring of a log: bounded whatever comes, numbered once for all, with an exact count of what it dropped (S15, R09)."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.model.clock import Instant
from controlroom.sensing import hint, logset, tail
from controlroom.sensing.hint import Hint
from controlroom.sensing.ring import MOST_BYTES, MOST_LINES, Ring
from controlroom.sensing.tail import Gap, Line, Tail
from tests.sensing.test_tail import drain, texts

NOW = Instant(1, 1)


@pytest.mark.row("R09")
@given(st.lists(st.sampled_from([0, 10, 60_000]), max_size=60), st.integers(0, 60))
def test_what_is_kept_and_what_was_dropped_is_all_that_came(sizes: list[int], since: int) -> None:
    made = Ring()
    for number, size in enumerate(sizes, 1):
        made.add(number, NOW, Line(0, b"x" * size) if size else Gap("why"))
    kept = made.after(0)
    lines = sum(isinstance(one.found, Line) for one in kept)
    assert lines + made.dropped == made.came == sum(size > 0 for size in sizes)
    assert len(kept) <= MOST_LINES
    assert sum(len(one.found.text) for one in kept if isinstance(one.found, Line)) <= MOST_BYTES + 60_000
    assert [one.seq for one in kept] == list(range(len(sizes) - len(kept) + 1, len(sizes) + 1))
    assert made.after(since) == [one for one in kept if one.seq > since]


@pytest.mark.row("R09")
@given(st.integers(0, 40), st.integers(1, 60), st.sampled_from([b"", b"half"]))
def test_lines_that_are_passed_over_are_counted_to_the_last_one(before: int, came: int, half: bytes) -> None:
    """More than can be looked at: all that came is either given or counted, and what is given is whole."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tail, "BITE", 64)
        path = Path(os.environ.get("TMPDIR", "/tmp")) / f"cr-pass-{os.getpid()}"
        try:
            path.write_bytes(b"".join(b"early %d\n" % n for n in range(before)) + half)
            followed = Tail(str(path))
            drain(followed)
            lines = [b"line %d %s" % (n, b"x" * (n % 7 * 9)) for n in range(came)]
            with path.open("ab") as file:
                file.write(b"".join(line + b"\n" for line in lines))
            passed = followed.pass_over(100)
            given_ = [text for text, _ in texts(drain(followed))]
            whole = [half + lines[0], *lines[1:]]
            assert passed + len(given_) == came
            assert given_ == whole[passed:]
            followed.close()
        finally:
            path.unlink()


@pytest.mark.row("R12")
def test_without_a_watch_the_time_just_passes_and_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*paths: str, **options: object) -> object:
        raise OSError("OS file watch limit reached")
        yield

    monkeypatch.setattr(hint, "watch", refuse)
    waiting = Hint()
    waiting.wait(frozenset([str(tmp_path)]), 0.01)
    waiting.wait(frozenset([str(tmp_path)]), 0.01)
    assert "limit reached" in waiting.why
    waiting.wait(frozenset([str(tmp_path), str(tmp_path.parent)]), 0.01)
    assert "limit reached" in waiting.why, "another set of folders is tried again"
    waiting.rest()
    waiting.wait(frozenset(), 0.01)
    assert waiting.why == ""


def test_a_change_wakes_whoever_waits(tmp_path: Path) -> None:
    waiting = Hint()
    waiting.wait(frozenset([str(tmp_path)]), 0.05)
    (tmp_path / "log").write_text("x")
    waiting.wait(frozenset([str(tmp_path)]), 60.0)  # returns long before, or the test's own timeout ends it
    waiting.close()


def test_a_pattern_means_its_newest_regular_files(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.log").touch()
        os.utime(tmp_path / f"{number}.log", (number, number))
    (tmp_path / "9.log").symlink_to("/etc/passwd")
    (tmp_path / "8.log").mkdir()
    newest = [str(tmp_path / f"{number}.log") for number in (3, 4)]
    assert logset.files(f"{tmp_path}/*.log", 2) == newest
    assert logset.files(str(tmp_path), 2) == newest
    assert logset.files(f"{tmp_path}/not-there.log", 2) == [f"{tmp_path}/not-there.log"]


@pytest.mark.parametrize(
    ("pattern", "meant"), [("./a/*.log", "/w/a/*.log"), ("~/a", "/h/a"), ("/x/../a", "/a"), ("../a", "/a"), ("/w", "/w")]
)
def test_a_pattern_lies_in_the_workspace_at_home_or_where_it_says(pattern: str, meant: str) -> None:
    assert logset.resolve(pattern, "/w", "/h") == meant


def test_the_file_before_a_rotation_is_found_by_its_name(tmp_path: Path) -> None:
    log = tmp_path / "a[1].log"
    assert logset.rotated(str(log)) == ""
    for number, name in enumerate(("a[1].log.2.gz", "a[1].log.2", "a[1].log.1")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (number, number))
    assert logset.rotated(str(log)) == f"{log}.1"
