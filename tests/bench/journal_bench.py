"""The journal beside a bare write+fdatasync and a bare hashlib loop, in the same run; FULL=1 takes the full sizes."""

import asyncio
import hashlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from controlroom.daemon.ledger import MOST as MOST_RECEIPTS
from controlroom.daemon.ledger import Ledger
from controlroom.daemon.scribe import Scribe
from controlroom.model.action import Action
from controlroom.model.clock import Instant
from controlroom.model.effect import Assessment, Reason
from controlroom.model.record import Intent, Kind, Outcome, Record
from controlroom.model.request import Decision
from controlroom.model.tier import Tier, Verdict
from controlroom.storage.chain import Place, line_of
from controlroom.storage.journal import Journal
from controlroom.storage.notes import Carried, Link, Opened
from controlroom.storage.port import KernelStorage
from controlroom.storage.segments import MOST, path_of
from controlroom.storage.verify import check_older, verify
from tests.bench.figure import Figure

FULL = bool(os.environ.get("FULL"))
SYNCS = 400
ROUNDS = 7
WRITERS = 64
SHARED = 6400  # records of all writers together
RECORDS = 1_000_000 if FULL else 200_000
SIZE = (1023 if FULL else 255) << 20  # bytes of the journal that is recovered: its newest segment is nearly full
AT = Instant(123_456_789_012_345, 1_795_684_539_249_675_653)


def figures() -> Iterator[Figure]:
    """Append, shared syncs, verification, recovery."""
    folder = Path(tempfile.mkdtemp(prefix="cr-bench", dir="/tmp"))
    try:
        yield from _appending(folder / "append")
        yield from _verifying(folder / "verify")
        yield from _recovering(folder / "recover")
    finally:
        shutil.rmtree(folder)


def _opened(folder: Path) -> Journal:
    return Journal.open(folder, clock=lambda: AT, boot="boot", version="bench")


def acts(number: int) -> list[Record]:
    """The four records of one act, as the daemon makes them."""
    name = f"{number:032x}"
    action = Action("Bash", f'{{"command":"rm -rf build/{number} dist && make all","description":"clean"}}', "/home/op/shop")
    assessment = Assessment(
        Tier.T2, (Reason("rm.tree", Tier.T2, "removes what exists, with a snapshot"),), argv=(("rm", "-rf"),)
    )
    intent = Intent(hashlib.sha256(name.encode()).hexdigest(), action, assessment, "claude-1", f"toolu_{number}")
    decision = Decision(name, intent.digest, Verdict.ALLOW, "operator:op", "", AT)
    bodies: tuple[tuple[Kind, object], ...] = (
        (Kind.INTENT, intent),
        (Kind.DECISION, decision),
        (Kind.STARTED, {}),
        (Kind.OUTCOME, Outcome(True, "", 120)),
    )
    return [Record(kind, AT, "0123456789abcdef", name, msgspec.Raw(msgspec.json.encode(body))) for kind, body in bodies]


def _appending(folder: Path) -> Iterator[Figure]:
    folder.mkdir(mode=0o700)
    bare = _bare(folder / "bare")
    journal = _opened(folder / "journal")
    records = [record for number in range(SYNCS // 4) for record in acts(number)]

    async def alone() -> list[float]:
        taken = []
        for record in records:
            begun = time.perf_counter()
            await journal.durable(journal.append(record))
            taken.append(time.perf_counter() - begun)
        return taken

    async def writer(own: list[Record]) -> None:
        for record in own:
            await journal.durable(journal.append(record))

    async def together() -> float:
        many = (records * (SHARED // len(records) + 1))[:SHARED]
        begun = time.perf_counter()
        await asyncio.gather(*(writer(many[n::WRITERS]) for n in range(WRITERS)))
        return SHARED / (time.perf_counter() - begun)

    p99 = _p99(asyncio.run(alone()))
    yield Figure("append to durable, p99", p99 * 1000, "ms", 3 * _p99(bare) * 1000 + 5, "lower")
    # Each round is over in a tenth of a second: one hiccup of the disk is not the figure.
    ratios = [asyncio.run(together()) * statistics.mean(_bare(folder / "bare")) for _ in range(ROUNDS)]
    journal.close()
    yield Figure("64 appenders / bare write+fdatasync", statistics.median(ratios), "ratio", 8, "higher")


def _bare(path: Path) -> list[float]:
    """Seconds of each write of a record's size and its fdatasync."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    taken = []
    for _ in range(SYNCS):
        begun = time.perf_counter()
        os.write(fd, b"x" * 650)
        os.fdatasync(fd)
        taken.append(time.perf_counter() - begun)
    os.close(fd)
    return taken


def _p99(taken: list[float]) -> float:
    return sorted(taken)[len(taken) * 99 // 100]


def _verifying(folder: Path) -> Iterator[Figure]:
    _made(folder, records=RECORDS)
    ratios, seconds = [], []
    for _ in range(3):
        begun = time.perf_counter()
        for segment in sorted(folder.glob("*.jsonl")):
            with segment.open("rb") as file:
                for line in file:
                    hashlib.sha256(line).digest()
        bare = time.perf_counter() - begun
        begun = time.perf_counter()
        found = verify(folder)
        seconds.append(time.perf_counter() - begun)
        assert found.ok and found.records >= RECORDS, found
        ratios.append(seconds[-1] / bare)
    shutil.rmtree(folder)
    yield Figure(f"verify {RECORDS:,} records / bare hashlib loop", statistics.median(ratios), "ratio", 2, "lower")


def _recovering(folder: Path) -> Iterator[Figure]:
    _made(folder, size=SIZE)
    begun = time.perf_counter()
    journal = _opened(folder)
    ledger = Ledger()
    Scribe(folder, journal).recall(ledger, lambda record: None)
    taken = time.perf_counter() - begun
    assert not journal.broken and len(ledger.all()) == MOST_RECEIPTS
    journal.close()
    yield Figure(f"start on a journal of {SIZE >> 20} MiB", taken, "s", 5, "lower")
    begun = time.perf_counter()
    assert check_older(KernelStorage(), folder, journal.opening) is None
    rate = SIZE / (time.perf_counter() - begun) / (1 << 20)
    yield Figure("older segments verified afterwards", rate, "MiB/s", 50, "higher")


def _made(folder: Path, *, records: int = 0, size: int = 0) -> None:
    """A journal of at least so many records or bytes, written at once; every segment but the last is full."""
    folder.mkdir(mode=0o700)
    number, segment, place, bytes_ = 0, 1, Place(), 0
    lines: list[bytes] = []

    def put(kind: Kind, body: object) -> None:
        nonlocal place
        line, place = line_of(place, place.seq + 1, Record(kind, AT, body=msgspec.Raw(msgspec.json.encode(body))))
        lines.append(line)

    put(Kind.OPENED, Opened("boot", "bench", 1))
    held = len(lines[0])
    while place.seq < records or bytes_ + held < size:
        for record in acts(number):
            line, place = line_of(place, place.seq + 1, record)
            lines.append(line)
            held += len(line)
        number += 1
        if held > MOST - 8192:
            path_of(folder, segment).write_bytes(b"".join(lines))
            segment, bytes_, lines, held = segment + 1, bytes_ + held, [], 0
            put(Kind.SEGMENT, Link(path_of(folder, segment - 1).name, "full", "boot", "bench"))
            put(Kind.CARRIED, Carried())
    path_of(folder, segment).write_bytes(b"".join(lines))
    for file in folder.glob("*.jsonl"):
        file.chmod(0o600)
