"""Follows the logs of one session, its subagents' too, and gives what its decoder reads in them. Blocking."""

import glob
import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

from controlroom.agents.transcript import Heard, Reader, Transcript, unknown
from controlroom.model.told import Noted
from controlroom.sensing.document import Document
from controlroom.sensing.tail import Gap, Tail

MOST_LOGS = 64  # of one session, subagents' included
MOST_READ = 4 << 20  # bytes of one log at one look
MOST_LINE = 4 << 20  # bytes of one line; of a longer one nothing can be read
BIT = 256 * 1024  # bytes that are read at once of a log that is gone through
BACK = 8 << 20  # bytes of what was there before us


class Came(NamedTuple):
    """One thing told. `before`: it stood there before we looked for the first time."""

    heard: Heard
    before: bool


class Batch(NamedTuple):
    """What has come. `wrong`: what is the matter with the logs themselves, in words. `partial`: there is more before it."""

    came: list[Came]
    wrong: list[str]
    partial: bool


class _Log:
    """One log: a file of lines that is followed, or a document that is read again."""

    def __init__(self, path: str, reader: Reader, fresh: bool) -> None:
        self.path, self._reader = path, reader
        self._old = 0 if fresh else size_of(path)  # what is within is from before us
        self.partial = self._old > BACK
        self._document = Document(path) if path.endswith(".json") else None
        self._tail = Tail(path, back=None if fresh else BACK, keep=MOST_LINE)

    def read(self, most: int = MOST_READ) -> tuple[list[Came], list[str]]:
        if self._document is not None:
            return self._whole(self._document)
        came: list[Came] = []
        wrong: list[str] = []
        read = 0
        while (self._tail.more or read == 0) and read < most:
            files = self._tail.files
            for found in self._tail.read(min(most, 1 << 20)):
                if isinstance(found, Gap):
                    wrong.append(found.why)
                    came.append(Came(Heard(Noted(f"the log itself: {found.why}", bad=True)), False))
                    self._old = 0  # whatever comes now was written before our eyes
                elif found.cut:
                    came.append(Came(Heard(unknown(f"a line of {len(found.text) + found.cut} bytes", found.text)), False))
                else:
                    came += [Came(heard, found.at < self._old) for heard in self._reader.read(found.text)]
            if 0 < files < self._tail.files:
                wrong.append("another file lies in its place")
                self._old = 0
            read += min(most, 1 << 20)
        return came, wrong

    @property
    def more(self) -> bool:
        """Whether the last read may have left something behind."""
        return self._document is None and self._tail.more

    def _whole(self, document: Document) -> tuple[list[Came], list[str]]:
        data = document.read()
        before, self._old = self._old > 0, 0
        return ([Came(heard, before) for heard in self._reader.read(data)] if data else []), []

    def close(self) -> None:
        self._tail.close()


def whole(transcript: Transcript, path: str) -> Iterator[tuple[int, list[Heard]]]:
    """All that one log tells up to where it ends now, a bit at a time: its bytes, and what stands in it. Blocking."""
    log, left = _Log(path, transcript.reader(path), fresh=True), size_of(path)
    try:
        for _ in range(left // BIT + 3):  # the first look only opens it
            came, _ = log.read(BIT)
            yield min(left, BIT), [heard for heard, _ in came]
            left -= min(left, BIT)
            if not log.more:
                break
    finally:
        log.close()


class Following:
    """All logs of one session. `paths`: those that are known; further ones may be added."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._logs: dict[str, _Log] = {}
        self._first = True

    @property
    def paths(self) -> tuple[str, ...]:
        """The logs that are followed."""
        return tuple(self._logs)

    def add(self, path: str, *, fresh: bool = False) -> None:
        """Follow this log too. `fresh`: all that is in it came while we looked."""
        if path not in self._logs and len(self._logs) < MOST_LOGS:
            self._logs[path] = _Log(path, self._transcript.reader(path), fresh)

    def read(self) -> Batch:
        """What has come since the last look."""
        for path in list(self._logs):
            pattern = self._transcript.side_logs(path)
            for beside in itertools.islice(glob.iglob(pattern), MOST_LOGS) if pattern else ():
                self.add(beside, fresh=not self._first)
        self._first = False
        came: list[Came] = []
        wrong: list[str] = []
        for log in self._logs.values():
            new, trouble = log.read()
            came += new
            wrong += [f"{log.path}: {why}" for why in trouble]
        return Batch(came, wrong, any(log.partial for log in self._logs.values()))

    def close(self) -> None:
        """Let go of the logs."""
        for log in self._logs.values():
            log.close()


def size_of(path: str) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0
