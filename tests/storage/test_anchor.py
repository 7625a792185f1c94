"""What only a copy kept elsewhere shows: a tail cut off, a journal written anew, a record by another hand (J10, J11, J19)."""

import subprocess
from pathlib import Path

import msgspec
import pytest

from controlroom.model.clock import SECOND
from controlroom.model.record import Kind, Record
from controlroom.storage.anchor import BadPlace, anchor, anchors
from controlroom.storage.chain import Place, line_of
from controlroom.storage.journal import JournalBroken
from controlroom.storage.notes import Anchored
from controlroom.storage.seal import MOST_RECORDS, SealKey
from controlroom.storage.verify import Evidence, verify
from tests.storage.support import AT, kinds, opened, record, segments, stored, written


def head(directory: Path) -> Anchored:
    last = stored(directory)[-1]
    return Anchored("here", last.seq, last.sum)


@pytest.mark.row("J10")
def test_a_tail_that_was_cut_off_is_found_by_an_anchor_and_only_by_it(tmp_path: Path) -> None:
    segment = written(tmp_path / "j", 8)
    known = head(tmp_path / "j")
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-3]))
    alone = verify(tmp_path / "j")
    assert alone.ok
    assert "Cannot see: records lost after number 7" in alone.limits
    found = verify(tmp_path / "j", Evidence((known,)))
    assert (found.ok, found.first_bad_seq) == (False, 8)
    assert "record 10 was written down at here" in found.why


@pytest.mark.row("J11")
def test_a_journal_written_anew_is_found_by_an_anchor(tmp_path: Path) -> None:
    written(tmp_path / "j", 8)
    known = head(tmp_path / "j")
    for segment in segments(tmp_path / "j"):
        segment.unlink()
    written(tmp_path / "j", 12)
    assert verify(tmp_path / "j").ok
    found = verify(tmp_path / "j", Evidence((known,)))
    assert (found.ok, found.first_bad_seq) == (False, known.seq)


def test_anchors_that_fit_say_how_far_they_reach(tmp_path: Path) -> None:
    written(tmp_path / "j", 8)
    known = head(tmp_path / "j")
    written(tmp_path / "j", 3)
    found = verify(tmp_path / "j", Evidence((known,)))
    assert (found.ok, found.anchored) == (True, known.seq)
    assert f"Up to record {known.seq} the chain is the one that is known at here" in found.limits


def sealed(directory: Path, count: int) -> SealKey:
    """A journal of `count` records with its seals; the key of its first epoch."""
    journal = opened(directory)
    key = journal.seal_key()
    for number in range(count):
        journal.append(record(number))
    journal.close()
    return key


def test_every_hundred_records_have_a_seal_and_each_seal_another_key(tmp_path: Path) -> None:
    key = sealed(tmp_path / "j", 250)
    gaps = "".join("s" if kind == "journal.seal" else "." for kind in kinds(tmp_path / "j")).split("s")
    assert max(map(len, gaps)) < MOST_RECORDS
    found = verify(tmp_path / "j", Evidence(key=key))
    assert (found.ok, found.seals) == (True, 3)
    assert verify(tmp_path / "j", Evidence(key=key.next())).seals == 2
    assert not any(key.key.encode() in one.raw for one in stored(tmp_path / "j"))


def test_a_seal_comes_within_a_minute(tmp_path: Path) -> None:
    now = AT
    journal = opened(tmp_path / "j", clock=lambda: now)
    journal.append(record())
    journal.seal(now.plus(30))
    journal.sync()
    assert "journal.seal" not in kinds(tmp_path / "j")
    now = now.plus(59)
    assert now.boot - AT.boot < 60 * SECOND
    journal.seal(now)
    journal.sync()
    assert kinds(tmp_path / "j")[-1] == "journal.seal"
    journal.close()


@pytest.mark.row("J19", "J11")
def test_whoever_has_no_key_cannot_write_a_seal(tmp_path: Path) -> None:
    key = sealed(tmp_path / "j", 5)
    lines = segments(tmp_path / "j")[0].read_bytes().splitlines(keepends=True)
    place, forged = Place(), []
    for one in stored(tmp_path / "j"):
        assert one.record is not None
        body = one.record.body if one.seq != 4 else msgspec.Raw(b'{"n":666}')
        line, place = line_of(place, 1, msgspec.structs.replace(one.record, body=body))
        forged.append(line)
    assert len(forged) == len(lines)
    segments(tmp_path / "j")[0].write_bytes(b"".join(forged))
    assert verify(tmp_path / "j").ok, "a chain written anew is whole in itself"
    found = verify(tmp_path / "j", Evidence(key=key))
    assert (found.ok, found.first_bad_seq) == (False, 7)
    assert "seal does not fit" in found.why


@pytest.mark.row("J19")
def test_a_line_that_somebody_else_appends_stops_the_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    last = stored(tmp_path / "j")[-1]
    line, _ = line_of(
        Place(last.seq, last.sum), last.seq + 1, Record(Kind.DECISION, AT, body=msgspec.Raw(b'{"verdict":"allow"}'))
    )
    with segments(tmp_path / "j")[0].open("ab") as file:
        file.write(line)
    journal.append(record())
    journal.append(Record(Kind.STOP, AT))
    with pytest.raises(JournalBroken, match="somebody else"):
        journal.sync()
    assert not journal.mendable
    assert not journal.mend()
    assert b'"kind":"stop"' in (tmp_path / "j" / "reserve").read_bytes()


def test_a_file_holds_every_head_that_was_written(tmp_path: Path) -> None:
    place = f"file:{tmp_path}/heads"
    heads = [Anchored(place, seq, f"{seq:064x}") for seq in (4, 9)]
    for one in heads:
        anchor(place, one, 1_000)
    assert anchors(place) == tuple(heads)
    assert (tmp_path / "heads").stat().st_mode & 0o777 == 0o600


def test_a_git_note_holds_every_head_and_touches_nothing_else(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    git("config", "user.useConfigOnly", "true")  # as for a user who never told git a name
    git("commit", "-q", "--allow-empty", "-m", "first")
    place = f"git:{tmp_path}"
    heads = [Anchored(place, seq, f"{seq:064x}") for seq in (4, 9)]
    for one in heads:
        anchor(place, one, 1_000)
    assert anchors(place) == tuple(heads)
    assert git("log", "--oneline", "--branches").count("\n") == 1
    assert git("status", "--porcelain") == ""
    git("commit", "-q", "--allow-empty", "-m", "second")
    heads.append(Anchored(place, 12, f"{12:064x}"))
    anchor(place, heads[-1], 1_000)
    assert sorted(anchors(place), key=lambda head: head.seq) == heads, "also those at earlier commits"


def test_a_place_without_any_head_is_told(tmp_path: Path) -> None:
    (tmp_path / "heads").write_text("\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for place in (f"file:{tmp_path}/heads", f"git:{tmp_path}"):
        with pytest.raises(BadPlace, match="holds no head"):
            anchors(place)


@pytest.mark.parametrize("place", ["", "ftp:/x", "file:relative", "git:relative", "git:/nowhere", "syslog:/x"])
def test_a_place_that_is_none_is_told(place: str) -> None:
    with pytest.raises(BadPlace):
        anchor(place, Anchored(place, 1, "0" * 64), 1)


def test_a_line_copied_from_the_system_log_is_read_and_rubbish_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    anchor(f"file:{tmp_path}/a", Anchored("x", 4, "a" * 64), 1)
    line = (tmp_path / "a").read_text()
    (tmp_path / "b").write_text(f"Nov 26 host controlroom[1]: journal head {line}")
    assert [(one.seq, one.sum) for one in anchors(str(tmp_path / "b"))] == [(4, "a" * 64)]
    monkeypatch.chdir(tmp_path)
    assert anchors("b") == (Anchored("b", 4, "a" * 64),)
    (tmp_path / "c").write_text(line + "hello\n")
    with pytest.raises(BadPlace, match="line 2"):
        anchors(str(tmp_path / "c"))
