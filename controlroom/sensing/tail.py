"""Follows one growing file line by line: through rotation, truncation, replacement and giant lines (S17, R01 to R06).

Reads by offset (never mapped: a truncated map is SIGBUS). No complete line is lost or repeated across rotations by rename,
several between two looks too; where something may be lost, a Gap says so. Blocking calls, each bounded by `most`: run it in a
thread.
"""

import os
from io import BytesIO

import msgspec

from controlroom.sensing.opening import Refused, open_log, same_file
from controlroom.sensing.rotated import Rotated

MOST_LINE = 64 * 1024  # bytes of a line that are kept; the rest is counted
BITE = 256 * 1024  # bytes read at once where lines are only counted
MOST_COUNTED = (
    64 << 20
)  # bytes of what is passed over in which lines are counted; a bite takes 0.1 ms, one of a hole ten times that
HEAD = 256  # first bytes that tell a file from another one written in its place


# gc=False: thousands come in a second, none can be in a cycle, and a full collection would stop the daemon for a moment.
class Line(msgspec.Struct, frozen=True, gc=False):
    """A line without its end. `at`: its offset in its file; `cut`: bytes of it that were not kept; `more`: it is a piece of a
    line that goes on where it ends.
    """

    at: int
    text: bytes
    cut: int = 0
    more: bool = False


class Gap(msgspec.Struct, frozen=True, gc=False):
    """Here lines may be missing, or cannot be read: why, in words."""

    why: str


Found = Line | Gap


class _File:
    """One open file and what of its last line has come."""

    def __init__(self, descriptor: int, offset: int, keep: int, pieces: bool) -> None:
        self.descriptor = descriptor
        self.offset = offset
        self._most, self._pieces = keep, pieces
        self.head = os.pread(descriptor, min(HEAD, offset), 0)
        self._part = bytearray()
        self._cut = 0
        self._skip = False  # the rest of a line whose begin was before our start

    def begin_inside(self) -> None:
        """What comes up to the next line's begin is not a whole line."""
        self._skip = self.offset > 0 and os.pread(self.descriptor, 1, self.offset - 1) != b"\n"

    def read(self, most: int) -> tuple[list[Line], int]:
        """The lines completed by at most `most` new bytes, and how many bytes that were."""
        data = os.pread(self.descriptor, most, self.offset)
        if len(self.head) < HEAD:
            self.head = os.pread(self.descriptor, min(HEAD, self.offset + len(data)), 0)
        lines = []
        *whole, rest = data.split(b"\n")
        for piece in whole:
            lines += self._keep(piece)
            if not self._skip:
                begin = self.offset - len(self._part) - self._cut + len(piece)
                lines.append(Line(begin, bytes(self._part), self._cut))
            self.offset += len(piece) + 1
            self._part.clear()
            self._cut, self._skip = 0, False
        lines += self._keep(rest)
        self.offset += len(rest)
        return lines, len(data)

    def _keep(self, piece: bytes) -> list[Line]:
        """Take a part of a line, from the offset on; where a long one comes in pieces, those that are full."""
        full = []
        if self._pieces:
            begin = self.offset - len(self._part)
            self._part += piece
            while len(self._part) > self._most:
                full.append(Line(begin, bytes(self._part[: self._most]), more=True))
                del self._part[: self._most]
                begin += self._most
            return [] if self._skip else full
        room = max(0, self._most - len(self._part))
        self._part += piece[:room]
        self._cut += max(0, len(piece) - room)
        return full

    @property
    def unended(self) -> tuple[int, int] | None:
        """Where a line begins that has no line feed yet, and how many bytes of it there are; None = there is none."""
        size = len(self._part) + self._cut
        return (self.offset - size, size) if size and not self._skip else None

    def last(self) -> list[Line]:
        """What was never ended by a line feed, as a line."""
        begin = self.unended
        return [Line(begin[0], bytes(self._part), self._cut)] if begin is not None else []

    def forget(self) -> None:
        """Begin anew at the first byte: the content is another one."""
        self.offset = self._cut = 0
        self.head, self._skip = b"", False
        self._part.clear()

    def rewritten(self) -> bool:
        """Whether what we read is no longer what is there: shorter, or with another begin."""
        if os.fstat(self.descriptor).st_size < self.offset:
            return True
        return os.pread(self.descriptor, len(self.head), 0) != self.head

    def pass_over(self, keep: int) -> int:
        """Leave unread all but about the last `keep` bytes; how many lines begin in what is passed over, or end in it."""
        until, passed = os.fstat(self.descriptor).st_size - keep, -self._skip  # that line was never to be given
        while self.offset < until:
            data = os.pread(self.descriptor, min(BITE, until - self.offset), self.offset)
            if not data:
                break
            passed += len(BytesIO(data).readlines()) - (not data.endswith(b"\n"))
            self.offset += len(data)
            self._skip = not data.endswith(b"\n")
            self._part.clear()
            self._cut = 0
        return passed + self._skip

    def leap(self, count: int) -> None:
        """Leave so many bytes unread and uncounted."""
        self.offset += count
        self._part.clear()
        self._cut = 0
        self.begin_inside()

    def close(self) -> None:
        os.close(self.descriptor)


class Tail:
    """Follows `path` from its begin, from `back` bytes before its end, or from the line that begins at the offset `start`.

    Call `read` again and again, at once while `more`. `keep`: bytes of a line that are kept; with `pieces` all of it is given,
    so many bytes at a time. `files`: how many files there were at the path so far, one after the other.
    """

    def __init__(
        self,
        path: str,
        back: int | None = None,
        start: int | None = None,
        keep: int = MOST_LINE,
        *,
        pieces: bool = False,
    ) -> None:
        self._path = path
        self._back, self._start = back, start
        self._keep, self._pieces = keep, pieces
        self.files = 0
        self._file: _File | None = None
        self._old: _File | None = None  # rotated away: its writer may not have let go of it yet
        self._rotated, self._written = Rotated(path), 0  # when what lay at the path was written last, as we saw it, ns
        self._told = ""
        self._leapt = 0  # bytes that were left unread, and not told yet
        self.more = True  # whether the last read may have left something behind

    def read(self, most: int = 1 << 20) -> list[Found]:
        """What has come since the last call, at most about `most` bytes of it."""
        found: list[Found] = []
        late = came = 0
        if self._leapt:
            found.append(Gap(f"{self._leapt:,} bytes came at once: their lines are in the file, neither here nor counted"))
            self._leapt = 0
        if self._old is not None:
            lines, late = self._old.read(most)
            found += lines
        if self._file is not None:
            if self._file.rewritten():
                found.append(Gap("the file was cut or rewritten: lines may be missing"))
                self._file.forget()
                self._rotated.learn()  # a copy that was made before the cut was never at the path
            lines, came = self._file.read(most)
            found += lines
        before = self._file
        if not came:
            found += self._follow()
        self.more = bool(late or came) or self._file is not before
        return found

    def pass_over(self, keep: int) -> int:
        """Where more than twice `keep` bytes wait, leave all but the last `keep` of them unread; how many lines that were."""
        if self._file is None:
            return 0
        waiting = os.fstat(self._file.descriptor).st_size - self._file.offset
        if waiting <= 2 * keep:
            return 0
        if (far := waiting - keep - MOST_COUNTED) > 0:
            self._leapt += far
            self._file.leap(far)
        return self._file.pass_over(keep)

    @property
    def stirs(self) -> bool:
        """Whether its file is longer or shorter than what was read of it. Cheap; another file at the path is not seen."""
        files = [one for one in (self._file, self._old) if one is not None]
        return any(os.fstat(one.descriptor).st_size != one.offset for one in files)

    @property
    def unended(self) -> tuple[int, int] | None:
        """Where the line begins that has no line feed yet, and how many bytes of it were read; None = there is none."""
        return self._file.unended if self._file is not None else None

    def rest(self) -> Line | None:
        """That line, as far as it was read."""
        return next(iter(self._file.last()), None) if self._file is not None else None

    @property
    def state(self) -> str:
        """ "" while a file is followed, else why none is, in words."""
        if self._told == "open":
            return ""
        return {"absent": "there is no such file", "": "not looked at yet"}.get(self._told, self._told)

    def _follow(self) -> list[Found]:
        """Look whether another file lies at the path now."""
        try:
            descriptor, there = open_log(self._path)
        except FileNotFoundError:  # not there yet, or taken away: what is open is read to its end
            self._told = "absent"  # what comes later is read from its begin
            return self._turn_between()
        except Refused as error:
            return self._refuse(str(error))
        if self._file is not None and same_file(os.fstat(self._file.descriptor), there):
            os.close(descriptor)
            self._told, self._written = "open", there.st_mtime_ns
            return []
        before = self._file
        found = self._turn_between()
        if self._file is not before:
            os.close(descriptor)
            return found
        if before is None:
            self._rotated.learn()
        self._written = there.st_mtime_ns
        return found + self._turn_to(descriptor, there.st_size)

    def _turn_between(self) -> list[Found]:
        """Where another file was at the path and is away again, that one comes first."""
        if self._file is None:
            return []
        own = os.fstat(self._file.descriptor)
        between = self._rotated.next((own.st_dev, own.st_ino), self._written)
        return self._turn_to(between[0], between[1].st_size) if between is not None else []

    def _turn_to(self, descriptor: int, size: int) -> list[Found]:
        found: list[Found] = []
        if self._old is not None:
            found += self._old.last()
            self._old.close()
        if self._file is not None:
            found += self._file.read(1 << 20)[0]  # what came between our last look and the rotation
            self._old = self._file
        first = self._file is None and self._told == ""
        offset = (self._start or 0) if first else 0
        if first and self._back is not None:
            offset = max(0, size - self._back)
        self._file, self._told = _File(descriptor, offset, self._keep, self._pieces), "open"
        self.files += 1
        self._file.begin_inside()
        return found

    def _refuse(self, why: str) -> list[Found]:
        if self._told == why:
            return []
        self._told = why
        return [Gap(f"{self._path} {why}")]

    def close(self) -> None:
        """Let go of the files."""
        for one in (self._file, self._old):
            if one is not None:
                one.close()
        self._file = self._old = None
