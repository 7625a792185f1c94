"""The journal: appended without waiting for the disk, acknowledged only once it is on the disk, never by two writers.

Used from one event loop. `append` hands out the record's number at once; `durable` waits until a sync that began after the
record was handed in is done, and many waiters share one sync (made in a thread). The first error of a write or a sync breaks
the journal for good: a failed sync is never tried again, because the kernel may have dropped the pages and say yes then.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record
from controlroom.storage.chain import MAX_LINE, Stored, Torn, decode, line_of, walk
from controlroom.storage.lock import take
from controlroom.storage.paths import secure_dir, sync_dir
from controlroom.storage.recover import Head, Quarantined, recover
from controlroom.text.redact import redact_json

MAX_BUFFERED = 4 * MAX_LINE  # bytes that wait for a disk that does not answer; more breaks the journal


class JournalBroken(Exception):
    """Nothing more can be made durable in this process: deny everything, tell the operator `why`, restart once repaired."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the journal is broken: {why}")
        self.why = why


class Disk(Protocol):
    """The two calls that can fail at any time; a test fails the n-th."""

    def write(self, fd: int, data: memoryview) -> int:
        """As os.write: may store less than it was given."""

    def datasync(self, fd: int) -> None:
        """As os.fdatasync."""


class KernelDisk:
    """The real one."""

    def write(self, fd: int, data: memoryview) -> int:
        """os.write."""
        return os.write(fd, data)

    def datasync(self, fd: int) -> None:
        """os.fdatasync: data and the size, not the times."""
        os.fdatasync(fd)


class Opened(msgspec.Struct, frozen=True):
    """Body of a `journal.opened` record. `quarantined`: the torn tail that was moved aside, null where there was none."""

    boot: str
    version: str
    pid: int
    quarantined: Quarantined | None = None


class Journal:
    """The one writer of a journal's folder. Make it with `open`."""

    def __init__(self, lock: int, fd: int, head: Head, disk: Disk) -> None:
        self._lock, self._fd, self._disk = lock, fd, disk
        self._seq, self._sum = head.seq, head.sum
        self._size = head.size  # bytes on disk, as far as we wrote them
        self._synced = head.seq
        self._broken = ""
        self._lines: list[bytes] = []
        self._buffered = 0
        self._guard = threading.Lock()  # over the lines, the numbers and the broken state; never held over disk calls
        self._writing = threading.Lock()  # one flush at a time
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._flush: asyncio.Future[None] | None = None

    @classmethod
    def open(
        cls, directory: Path, *, clock: Callable[[], Instant], boot: str, version: str, disk: Disk | None = None
    ) -> "Journal":
        """Take the lock, check the chain, move a torn tail to `quarantine/`, and write `journal.opened`, durably.

        `boot` is the machine's boot id, `version` ours. Raises Insecure, Locked, Damaged (the chain was changed: nothing is
        written), JournalBroken, OSError. Blocks for as long as the journal takes to read.
        """
        secure_dir(directory)
        lock = take(directory)
        try:
            head = recover(directory)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(head.segment, flags, 0o600)
            try:
                sync_dir(directory)
                journal = cls(lock, fd, head, disk or KernelDisk())
                opened = Opened(boot, version, os.getpid(), head.quarantined)
                journal.append(Record(Kind.OPENED, clock(), body=msgspec.Raw(msgspec.json.encode(opened))))
                journal.sync()
            except BaseException:
                os.close(fd)
                raise
        except BaseException:
            os.close(lock)
            raise
        return journal

    @property
    def seq(self) -> int:
        """Number of the last record handed in (durable or not)."""
        return self._seq

    @property
    def broken(self) -> str:
        """Why nothing can be made durable any more; "" while all is well."""
        return self._broken

    def append(self, record: Record) -> int:
        """Hand in a record; its number. Secrets in the body are redacted here, so that none can reach the disk (S18).

        Never waits for the disk. In a broken journal the record is numbered and lost: `durable` says so. Raises ValueError
        where the body is not JSON or the line is over MAX_LINE; nothing is handed in then.
        """
        clean = msgspec.structs.replace(record, body=_clean_body(record.body))
        with self._guard:
            line, digest = line_of(self._seq + 1, self._sum, clean)
            if not self._broken and self._buffered + len(line) > MAX_BUFFERED:
                self._break(f"over {MAX_BUFFERED} bytes wait for a disk that does not answer")
            self._seq, self._sum = self._seq + 1, digest
            if not self._broken:
                self._lines.append(line)
                self._buffered += len(line)
            return self._seq

    async def durable(self, seq: int) -> None:
        """Return once record `seq` is on the disk. Raises JournalBroken, ValueError for a number not handed out."""
        if seq > self._seq:
            raise ValueError(f"record {seq} was not handed in; the last one is {self._seq}")
        while not self._is_synced(seq):
            if self._flush is None or self._flush.done():
                self._flush = asyncio.get_running_loop().run_in_executor(self._worker, self._write_out)
            # A waiter that is cancelled must not take the sync of the others with it.
            await asyncio.shield(self._flush)

    def sync(self) -> None:
        """Make everything handed in durable now, blocking. Raises JournalBroken."""
        seq = self._seq
        while not self._is_synced(seq):
            self._write_out()

    def close(self) -> None:
        """Make everything durable and give the lock back; a second call does nothing. Blocking.

        Raises JournalBroken where records were lost; the lock is given back all the same.
        """
        if self._fd < 0:
            return
        try:
            self.sync()
        finally:
            self._worker.shutdown(wait=True)
            os.close(self._fd)
            os.close(self._lock)
            self._fd = self._lock = -1
            with self._guard:
                self._break("it was closed")

    def _is_synced(self, seq: int) -> bool:
        with self._guard:
            if seq <= self._synced:
                return True
            if self._broken:
                raise JournalBroken(self._broken)
            return False

    def _break(self, why: str) -> None:
        self._broken = self._broken or why
        self._lines, self._buffered = [], 0

    def _write_out(self) -> None:
        """One group commit; runs in a thread. Leaves its error in `broken`, where every waiter finds it."""
        with self._writing:
            with self._guard:
                if self._broken or not self._lines:
                    return
                data, upto = b"".join(self._lines), self._seq
                self._lines, self._buffered = [], 0
            try:
                self._store(data)
            except OSError as error:
                with self._guard:
                    self._break(str(error))
                return
            with self._guard:
                self._synced = upto

    def _store(self, data: bytes) -> None:
        found = os.fstat(self._fd)
        if found.st_size != self._size or found.st_nlink != 1:
            raise OSError(
                f"the segment was changed by somebody else: {found.st_size} bytes for {self._size}, {found.st_nlink} names"
            )
        view = memoryview(data)
        while view:
            written = self._disk.write(self._fd, view)
            if written <= 0:
                raise OSError("a write stored nothing")
            self._size += written
            view = view[written:]
        self._disk.datasync(self._fd)


def _clean_body(body: msgspec.Raw) -> msgspec.Raw:
    if len(memoryview(body)) > MAX_LINE:  # before any work on it
        raise ValueError(f"the body of a record is over the limit of {MAX_LINE} bytes")
    try:
        text = bytes(body).decode()
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body of a record is not JSON: {error}") from error
    # One line whatever the caller's layout: a line break inside a body would end the record.
    clean = redact_json(text).encode()
    return msgspec.Raw(msgspec.json.format(clean, indent=-1) if b"\n" in clean or b"\r" in clean else clean)


def read(directory: Path) -> Iterator[Stored]:
    """Every record, oldest first, each checked against the chain; also while a daemon writes.

    Ends before a last line that has no end (nobody was told that it is there). Raises Damaged at the first bad record, after
    all good ones were given; OSError.
    """
    try:
        for line in walk(directory):
            yield decode(line)
    except Torn:
        return
