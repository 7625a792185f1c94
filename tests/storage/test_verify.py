"""Whatever is done to stored bytes is found and named (J09, J10, J16, S8)."""

import hashlib
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlroom.storage.segments import read
from controlroom.storage.verify import verify
from tests.storage.support import kinds, opened, written

COUNT = 6  # records, with the opening one and the closing seal


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return written(tmp_path_factory.mktemp("source") / "j", COUNT - 2).read_bytes()


def no_pause(seconds: float) -> None:
    assert seconds > 0


def verdict(directory: Path, content: bytes) -> tuple[bool, int | None]:
    directory.mkdir(exist_ok=True)
    (directory / "00000001.jsonl").write_bytes(content)
    found = verify(directory, pause=no_pause)
    assert found.ok == (found.first_bad_seq is None) == (found.why == "")
    if found.first_bad_seq is not None:
        assert found.records == found.first_bad_seq - 1
    return found.ok, found.first_bad_seq


def test_an_untouched_journal_is_good_and_its_head_is_the_last_sum(tmp_path: Path, source: bytes) -> None:
    assert verdict(tmp_path, source) == (True, None)
    assert verify(tmp_path).head.sum == list(read(tmp_path))[-1].sum


def test_the_sum_is_over_the_exact_stored_bytes(source: bytes) -> None:
    previous = "0" * 64
    for line in source.splitlines(keepends=True):
        assert line[:8] == b'{"sum":"'
        assert hashlib.sha256(line[74:]).hexdigest() == line[8:72].decode()
        assert f'"prev":"{previous}"'.encode() in line
        previous = line[8:72].decode()


@pytest.mark.row("J09")
def test_each_single_byte_changed_is_found_in_its_own_record(tmp_path: Path, source: bytes) -> None:
    for at, byte in enumerate(source):
        changed = source[:at] + bytes([byte ^ 1]) + source[at + 1 :]
        assert verdict(tmp_path, changed) == (False, source[:at].count(b"\n") + 1), at


@pytest.mark.row("J09")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_changed_to_any_other_is_found(tmp_path: Path, source: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(source) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != source[at]))
    assert verdict(tmp_path, source[:at] + bytes([byte]) + source[at + 1 :]) == (False, source[:at].count(b"\n") + 1)


@pytest.mark.row("J09")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_lines_deleted_moved_or_put_in_between_are_found(tmp_path: Path, source: bytes, data: st.DataObject) -> None:
    lines = source.splitlines(keepends=True)
    changed = data.draw(st.lists(st.sampled_from(lines), max_size=COUNT + 2))
    same = next((i for i, (a, b) in enumerate(zip(lines, changed, strict=False)) if a != b), min(len(lines), len(changed)))
    expected = (True, None) if same == len(changed) else (False, same + 1)
    assert verdict(tmp_path, b"".join(changed)) == expected


@pytest.mark.row("J10")
def test_what_it_cannot_see_is_said(tmp_path: Path, source: bytes) -> None:
    lines = source.splitlines(keepends=True)
    assert verdict(tmp_path, b"".join(lines[:-2])) == (True, None)
    found = verify(tmp_path)
    assert f"lost after number {COUNT - 2}" in found.limits
    assert found.head.sum[:16] in found.limits


def test_a_missing_first_segment_and_a_torn_middle_one_are_found(tmp_path: Path, source: bytes) -> None:
    lines = source.splitlines(keepends=True)
    (tmp_path / "00000001.jsonl").write_bytes(b"".join(lines[:3]))
    (tmp_path / "00000002.jsonl").write_bytes(b"".join(lines[3:]))
    assert verify(tmp_path).records == COUNT
    (tmp_path / "00000001.jsonl").write_bytes(b"".join(lines[:3])[:-1])
    assert verify(tmp_path, pause=no_pause).first_bad_seq == 3
    (tmp_path / "00000001.jsonl").unlink()
    assert verify(tmp_path).first_bad_seq == 1


@pytest.mark.row("J16")
def test_records_of_unknown_kinds_stay_in_the_chain_and_are_kept_raw(tmp_path: Path, source: bytes) -> None:
    lines = source.splitlines(keepends=True)
    previous = lines[-1][8:72].decode()
    fields = '"kind":"newer","at":{"boot":1,"wall":2},"session":"","receipt":"","body":[1]}'
    rest = f'"seq":{COUNT + 1},"prev":"{previous}","first":1,{fields}\n'
    line = b'{"sum":"' + hashlib.sha256(rest.encode()).hexdigest().encode() + b'",' + rest.encode()
    assert verdict(tmp_path, source + line) == (True, None)
    last = list(read(tmp_path))[-1]
    assert (last.kind, last.record, last.raw) == ("newer", None, line)


@pytest.mark.row("J16")
def test_a_record_that_fits_the_chain_and_cannot_be_read_is_shown_raw(tmp_path: Path) -> None:
    fields = b'"kind":"alarm","at":{"boot":1,"wall":2},"session":"","receipt":"","body":"\xff"}\n'
    rest = b'"seq":1,"prev":"' + b"0" * 64 + b'","first":1,' + fields
    line = b'{"sum":"' + hashlib.sha256(rest).hexdigest().encode() + b'",' + rest
    assert verdict(tmp_path, line) == (True, None)
    assert [(one.kind, one.record, one.raw) for one in read(tmp_path)] == [("unreadable", None, line)]


def test_a_line_under_way_gets_a_second_look(tmp_path: Path, source: bytes) -> None:
    segment = tmp_path / "00000001.jsonl"
    segment.write_bytes(source[:-10])

    def writer_goes_on(seconds: float) -> None:
        segment.write_bytes(source)

    assert verify(tmp_path, pause=writer_goes_on).ok


def test_no_journal_is_no_record(tmp_path: Path) -> None:
    found = verify(tmp_path / "none")
    assert (found.ok, found.records) == (True, 0)


def test_verifying_needs_no_lock(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    assert verify(tmp_path / "j").ok
    assert kinds(tmp_path / "j") == ["journal.opened"]
    journal.close()
    shutil.rmtree(tmp_path / "j")
