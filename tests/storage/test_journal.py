"""The journal: durable before it says so, broken for good after an error, one writer (J12, J02, J06, S1)."""

import asyncio
import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage import lineup
from controlroom.storage.body import MAX_BODY
from controlroom.storage.chain import Place, line_of
from controlroom.storage.journal import JournalBroken
from controlroom.storage.lock import Locked
from controlroom.storage.notes import Carried, Opened
from controlroom.storage.segments import read
from controlroom.storage.verify import verify
from tests.storage.support import AT, FailingDisk, given, kinds, opened, record, segments, stored, written


def test_records_come_back_in_order_as_they_were_given(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    handed = [
        record(1),
        Record(Kind.STARTED, AT, "s", "r"),
        Record(Kind.ALARM, AT, body=msgspec.Raw(b'{"t":"\\u00e9 \xc3\xa9"}')),
    ]
    assert [journal.append(one) for one in handed] == [2, 3, 4]
    assert journal.seq == 4
    journal.close()
    found = stored(tmp_path / "j")
    assert [one.seq for one in found] == [1, 2, 3, 4, 5]
    assert given(tmp_path / "j") == handed
    assert found[0].record is not None
    first = msgspec.json.decode(found[0].record.body, type=Opened)
    assert (first.boot, first.version, first.pid, first.format) == ("boot-1", "0.1.0", os.getpid(), 1)


def test_opening_again_goes_on_with_the_chain(tmp_path: Path) -> None:
    written(tmp_path / "j", 3)
    written(tmp_path / "j", 2)
    assert [one.kind for one in read(tmp_path / "j")] == [
        "journal.opened",
        *["observed"] * 3,
        "journal.seal",
        "journal.opened",
        *["observed"] * 2,
        "journal.seal",
    ]


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    segment = written(tmp_path / "j", 1)
    assert segment.name == "00000001.jsonl"
    assert {name: (tmp_path / "j" / name).stat().st_mode & 0o7777 for name in os.listdir(tmp_path / "j")} == {
        "00000001.jsonl": 0o600,
        "lock": 0o600,
        "reserve": 0o600,
    }


@pytest.mark.row("J02")
def test_nothing_is_acknowledged_before_a_sync_that_came_after_it(tmp_path: Path) -> None:
    disk = FailingDisk()
    journal = opened(tmp_path / "j", disk)

    async def main() -> None:
        for number in range(5):
            before = disk.syncs
            await journal.durable(journal.append(record(number)))
            assert disk.syncs == before + 1
        await journal.durable(journal.seq)
        assert disk.syncs == before + 1

    asyncio.run(main())
    journal.close()


class SlowDisk(FailingDisk):
    """Says when a sync began, and does not end it before it may."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.may_end = threading.Event(), threading.Event()

    def sync(self, fd: int) -> None:
        if self.syncs:
            self.began.set()
            assert self.may_end.wait(30)
        super().sync(fd)


def test_waiters_share_syncs_and_append_never_waits_for_the_disk(tmp_path: Path) -> None:
    disk = SlowDisk()
    journal = opened(tmp_path / "j", disk)

    async def main() -> None:
        first = asyncio.create_task(journal.durable(journal.append(record(0))))
        await asyncio.to_thread(disk.began.wait, 30)
        rest = [asyncio.create_task(journal.durable(journal.append(record(n)))) for n in range(1, 50)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in (first, *rest))
        disk.may_end.set()
        await asyncio.gather(first, *rest)

    asyncio.run(main())
    assert disk.syncs == 3  # opening, the first, and one for the 49 that came while it was under way
    journal.close()


def test_a_flush_during_a_sync_ends_only_when_what_came_before_it_is_on_the_disk(tmp_path: Path) -> None:
    disk = SlowDisk()
    journal = opened(tmp_path / "j", disk)

    async def main() -> None:
        first = asyncio.create_task(journal.durable(journal.append(record(0))))
        await asyncio.to_thread(disk.began.wait, 30)
        seq = journal.append(record(1))  # nobody waits for it: the round under way does not have it
        flush = asyncio.create_task(journal.flush())
        await asyncio.sleep(0)
        disk.may_end.set()
        await flush
        assert journal.head.seq == seq
        await first

    asyncio.run(main())
    journal.close()


def test_a_waiter_that_gives_up_takes_nobody_with_it(tmp_path: Path) -> None:
    disk = SlowDisk()
    journal = opened(tmp_path / "j", disk)

    async def main() -> None:
        impatient = asyncio.create_task(journal.durable(journal.append(record(0))))
        patient = asyncio.create_task(journal.durable(journal.seq))
        await asyncio.to_thread(disk.began.wait, 30)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        disk.may_end.set()
        await patient

    asyncio.run(main())
    journal.close()


@pytest.mark.row("J06", "J04")
@pytest.mark.parametrize(
    "disk", [FailingDisk(write=2, error=errno.ENOSPC), FailingDisk(sync=2, error=errno.EIO)], ids=["write", "sync"]
)
def test_after_an_error_nothing_is_acknowledged_until_a_new_segment_is_synced(tmp_path: Path, disk: FailingDisk) -> None:
    journal = opened(tmp_path / "j", disk)

    async def main() -> None:
        seqs = [journal.append(record(n)) for n in range(3)]
        results = await asyncio.gather(*(journal.durable(seq) for seq in seqs), return_exceptions=True)
        assert [type(result) for result in results] == [JournalBroken] * 3
        calls = disk.writes, disk.syncs
        with pytest.raises(JournalBroken, match=os.strerror(disk.error)):
            await journal.durable(journal.append(record(9)))
        assert (disk.writes, disk.syncs) == calls, "the dead segment was written or synced again"
        await journal.durable(1)
        assert journal.mend()
        await journal.durable(journal.append(record(10)))

    asyncio.run(main())
    journal.close()
    assert given(tmp_path / "j") == [record(0), record(1), record(2), record(9), record(10)]
    link = stored(tmp_path / "j")[1]
    assert link.kind == "journal.segment"
    assert os.strerror(disk.error).encode() in link.raw
    assert verify(tmp_path / "j").ok


def denial(number: int) -> Record:
    return Record(Kind.DECISION, AT, "s1", f"r{number}", msgspec.Raw(b'{"verdict":"deny"}'))


@pytest.mark.row("J04", "J05")
def test_stops_and_denials_are_on_the_disk_while_nothing_else_is(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", FailingDisk(write=2, error=errno.ENOSPC))
    for one in (record(0), denial(1), Record(Kind.STOP, AT, "s1", body=msgspec.Raw(b'{"act":"kill"}')), record(2)):
        journal.append(one)
    with pytest.raises(JournalBroken):
        journal.sync()
    assert journal.unjournalled == 2
    with pytest.raises(JournalBroken):
        journal.close()
    again = opened(tmp_path / "j")  # the disk has room again
    assert again.recovered is not None
    assert again.recovered.spooled == 2
    assert [one.kind for one in given(tmp_path / "j")] == [Kind.DECISION, Kind.STOP]
    again.close()
    opened(tmp_path / "j").close()
    assert len(given(tmp_path / "j")) == 2, "the reserve was emptied"


def test_short_writes_are_finished(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j", FailingDisk(most=7))
    for number in range(3):
        journal.append(record(number))
    journal.close()
    assert given(tmp_path / "j") == [record(0), record(1), record(2)]


@pytest.mark.row("J12")
def test_a_segment_that_somebody_else_changed_is_not_written_to(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    with segments(tmp_path / "j")[0].open("ab") as file:
        file.write(b"mine\n")
    journal.append(record())
    with pytest.raises(JournalBroken, match="somebody else"):
        journal.close()


def test_a_segment_that_was_deleted_is_noticed(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    segments(tmp_path / "j")[0].unlink()
    journal.append(record())
    with pytest.raises(JournalBroken, match="somebody else"):
        journal.close()


@pytest.mark.parametrize("body", [b"", b"{", b"{} {}", b"nan", b'{"a":"\xff"}', b"[" * 100_000])
def test_a_body_that_is_not_json_is_refused_and_harms_nothing(tmp_path: Path, body: bytes) -> None:
    journal = opened(tmp_path / "j")
    with pytest.raises(ValueError, match="not JSON"):
        journal.append(Record(Kind.ALARM, AT, body=msgspec.Raw(body)))
    journal.append(record())
    journal.close()
    assert given(tmp_path / "j") == [record()]


def test_a_body_on_several_lines_is_stored_on_one(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    journal.append(Record(Kind.ALARM, AT, body=msgspec.Raw(b'{\n "a": "b c",\r\n "d": 1\n}')))
    journal.close()
    (last,) = given(tmp_path / "j")
    assert bytes(last.body) == b'{"a":"b c","d":1}'


def test_a_record_over_the_limit_is_refused(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    with pytest.raises(ValueError, match="over the limit"):
        journal.append(Record(Kind.ALARM, AT, body=msgspec.Raw(b'"' + b"a" * MAX_BODY + b'"')))
    journal.close()


@pytest.mark.row("R14")
def test_no_planted_secret_reaches_the_disk(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    inner = msgspec.json.encode({"command": "PGPASSWORD=hunter2 psql postgres://me:hunter2@db"}).decode()
    journal.append(Record(Kind.INTENT, AT, "s", "r", msgspec.Raw(msgspec.json.encode({"input": inner, "api_key": "hunter2"}))))
    journal.close()
    assert b"hunter2" not in segments(tmp_path / "j")[0].read_bytes()
    assert len(given(tmp_path / "j")) == 1


def test_a_number_that_was_not_handed_out_is_refused_and_closing_twice_is_fine(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    with pytest.raises(ValueError, match="not handed in"):
        asyncio.run(journal.durable(99))
    journal.close()
    journal.close()
    journal.append(record())
    with pytest.raises(JournalBroken, match="closed"):
        asyncio.run(journal.durable(journal.seq))


@pytest.mark.row("J01")
def test_every_torn_end_is_moved_aside_and_every_whole_record_kept(tmp_path: Path) -> None:
    source = written(tmp_path / "source", 2).read_bytes()
    ends = [0, *(i + 1 for i, byte in enumerate(source) if byte == 10)]
    # Every byte near an end, every seventh between: each is a folder of its own, and syncs are slow.
    for cut in sorted({*range(0, len(source), 7), *(e + d for e in ends for d in (-2, -1, 0, 1) if 0 <= e + d < len(source))}):
        directory = tmp_path / f"j{cut}"
        directory.mkdir(mode=0o700)
        (directory / "00000001.jsonl").write_bytes(source[:cut])
        kept = max(i for i, end in enumerate(ends) if end <= cut)
        torn = source[ends[kept] : cut]
        journal = opened(directory)
        found = journal.recovered.quarantined if journal.recovered else ()
        assert b"".join(one.raw for one in stored(directory)[:kept]) == source[: ends[kept]]
        journal.close()
        assert verify(directory).ok
        assert [(directory / "quarantine" / note.file).read_bytes() for note in found] == ([torn] if torn else [])
        assert ("journal.recovered" in kinds(directory)) == bool(torn)


@pytest.mark.row("J01", "J03")
@pytest.mark.parametrize("garbage", [b"\x00" * 512, b"\n" * 5, os.urandom(2000), b'{"sum":"' + b"0" * 64 + b'","seq":4,\n'])
def test_garbage_after_the_last_record_is_moved_aside(tmp_path: Path, garbage: bytes) -> None:
    segment = written(tmp_path / "j", 2)
    with segment.open("ab") as file:
        file.write(garbage)
    opened(tmp_path / "j").close()
    assert given(tmp_path / "j") == [record(0), record(1)]
    (moved,) = (tmp_path / "j" / "quarantine").iterdir()
    assert moved.read_bytes() == garbage


@pytest.mark.row("J03", "J09")
def test_a_journal_that_was_changed_is_only_read_and_not_touched(tmp_path: Path) -> None:
    segment = written(tmp_path / "j", 3)
    changed = segment.read_bytes().replace(b'{"n":1}', b'{"n":7}')
    segment.write_bytes(changed)
    journal = opened(tmp_path / "j")
    assert "record 3 is not as it was written" in journal.broken
    assert not journal.mendable
    journal.append(denial(1))
    with pytest.raises(JournalBroken, match="audit verify"):
        journal.sync()
    with pytest.raises(JournalBroken):
        journal.close()
    assert segment.read_bytes() == changed
    assert b'"receipt":"r1"' in (tmp_path / "j" / "reserve").read_bytes()


@pytest.mark.row("J16")
def test_a_journal_of_a_newer_format_is_only_read(tmp_path: Path) -> None:
    segment = written(tmp_path / "j", 3)
    raw = segment.read_bytes()
    last = stored(tmp_path / "j")[-1]
    body = msgspec.Raw(msgspec.json.encode(Opened("boot-2", "9.0", 1, format=2)))
    newer, _ = line_of(Place(last.seq, last.sum), last.seq + 1, Record(Kind.OPENED, AT, body=body))
    segment.write_bytes(raw + newer)
    journal = opened(tmp_path / "j")
    assert "newer" in journal.broken
    assert not journal.mendable
    assert segment.read_bytes() == raw + newer
    assert given(tmp_path / "j") == [record(0), record(1), record(2)]
    with pytest.raises(JournalBroken):
        journal.close()


@pytest.mark.row("J15")
def test_a_full_segment_is_followed_by_one_that_links_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineup, "MOST", 3000)
    journal = opened(tmp_path / "j")
    journal.carry(lambda: Carried(open=()))
    for number in range(40):
        journal.append(record(number))
        if number % 7 == 0:
            journal.sync()
    journal.close()
    assert len(segments(tmp_path / "j")) > 3
    assert all(segment.stat().st_size <= 4000 for segment in segments(tmp_path / "j"))
    assert given(tmp_path / "j") == [record(n) for n in range(40)]
    assert verify(tmp_path / "j").ok
    newest = list(read(tmp_path / "j", newest=1))
    assert [one.kind for one in newest[:2]] == ["journal.segment", "journal.carried"]
    again = opened(tmp_path / "j")
    assert again.opening == Place(newest[0].seq - 1, stored(tmp_path / "j")[newest[0].seq - 2].sum)
    again.close()


@pytest.mark.row("J17")
def test_order_is_by_number_whatever_the_clocks_say(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    times = [Instant(50, 9_000), Instant(60, 1), Instant(10, 5_000)]
    for number, at in enumerate(times):
        journal.append(msgspec.structs.replace(record(number), at=at))
    journal.close()
    assert [one.at for one in given(tmp_path / "j")] == times
    assert [one.seq for one in stored(tmp_path / "j")] == [1, 2, 3, 4, 5]


@pytest.mark.row("J14")
def test_a_segment_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    segment = written(tmp_path / "j", 1)
    segment.rename(tmp_path / "elsewhere")
    segment.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        opened(tmp_path / "j")


@pytest.mark.row("J12")
def test_a_second_writer_is_told_who_has_the_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path / "j")
    with pytest.raises(Locked) as caught:
        opened(tmp_path / "j")
    assert caught.value.pid == os.getpid()
    journal.close()
    opened(tmp_path / "j").close()


RACER = """
import sys
from pathlib import Path
from controlroom.model.clock import Instant
from controlroom.storage.journal import Journal
from controlroom.storage.lock import Locked
sys.stdin.readline()
try:
    journal = Journal.open(Path(sys.argv[1]), clock=lambda: Instant(1, 2), boot="b", version="1")
except Locked as error:
    print("locked", error.pid, flush=True)
else:
    print("won", flush=True)
sys.stdin.read()
"""


@pytest.mark.row("J12")
def test_of_many_processes_that_start_at_once_exactly_one_wins(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path / "j")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(8)
    ]
    try:
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        answers = [racer.stdout.readline().split() for racer in racers if racer.stdout is not None]
        winners = [racer.pid for racer, answer in zip(racers, answers, strict=True) if answer == ["won"]]
        assert len(winners) == 1
        assert {answer[1] for answer in answers if answer[0] == "locked"} <= {str(winners[0]), "0"}
        assert sum(answer[0] == "locked" for answer in answers) == 7
        assert len(list(read(tmp_path / "j"))) == 1
    finally:
        for racer in racers:
            racer.communicate(timeout=30)


def test_reading_while_a_line_is_being_written_ends_before_it(tmp_path: Path) -> None:
    segment = written(tmp_path / "j", 2)
    with segment.open("ab") as file:
        file.write(b'{"sum":"')
    assert [one.seq for one in read(tmp_path / "j")] == [1, 2, 3, 4]
    assert list(read(tmp_path / "none")) == []
