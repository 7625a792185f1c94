"""The chain: how one record is a line, and how lines hold together.

A line is `{"sum":"<64 hex>",<rest>` + newline, where sum = SHA-256 of the exact stored bytes of the rest, newline included; the
rest starts `"seq":N,"prev":"<64 hex>",`. `prev` is the sum of the line before, GENESIS for the first. So any changed byte,
and any line deleted, moved or put in between, is found; the loss of whole lines at the very end is not.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record

GENESIS = "0" * 64
FIRST_SEQ = 1
MAX_LINE = 16 * 1024 * 1024  # bytes; a longer line is damage, not a record

_HEAD = re.compile(rb'\{"sum":"([0-9a-f]{64})","seq":([1-9][0-9]{0,18}),"prev":"([0-9a-f]{64})",')
_REST = len(b'{"sum":"') + 64 + len(b'",')
_SEGMENT = re.compile(r"[0-9]{8}\.jsonl")
_KINDS = frozenset(kind.value for kind in Kind)


class Damaged(Exception):
    """The chain is broken: `seq` is the first record that is not as it was written, `why` says how it shows."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"journal record {seq}: {why}")
        self.seq = seq
        self.why = why


class Torn(Damaged):
    """The last line has no end: a write under way, or one that never ended."""


class Stored(msgspec.Struct, frozen=True):
    """A record as it is stored. `record` is None for a kind that this version does not know: show `raw` then (J16)."""

    seq: int
    kind: str
    sum: str
    raw: bytes
    record: Record | None


class Line(msgspec.Struct, frozen=True):
    """One line that fits the chain, not decoded: where it ends (`segment`, `end` = byte offset after it)."""

    seq: int
    sum: str
    raw: bytes
    segment: Path
    end: int


class _Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All fields of a line, in stored order."""

    sum: str
    seq: int
    prev: str
    kind: str
    at: Instant
    session: str
    receipt: str
    body: msgspec.Raw


_decoder = msgspec.json.Decoder(_Fields)


def line_of(seq: int, prev: str, record: Record) -> tuple[bytes, str]:
    """The line to store for `record`, and its sum. `body` must be JSON on one line (as `checked_body` makes it).

    Raises ValueError for a line over MAX_LINE.
    """
    fields = _Fields("", seq, prev, record.kind.value, record.at, record.session, record.receipt, record.body)
    rest = msgspec.json.encode(fields)[len(b'{"sum":"",') :] + b"\n"
    if len(rest) + _REST > MAX_LINE:
        raise ValueError(f"{record.kind} record of {len(rest)} bytes is over the limit of {MAX_LINE}")
    digest = hashlib.sha256(rest).hexdigest()
    return b'{"sum":"' + digest.encode() + b'",' + rest, digest


def check_line(raw: bytes, seq: int, prev: str) -> str:
    """The sum of a line that must be record `seq` after the line with sum `prev`. Raises Damaged (Torn without an end)."""
    if not raw.endswith(b"\n"):
        why = f"longer than {MAX_LINE} bytes" if len(raw) > MAX_LINE else f"not complete ({len(raw)} bytes without a line end)"
        raise (Damaged if len(raw) > MAX_LINE else Torn)(seq, why)
    head = _HEAD.match(raw)
    if head is None:
        raise Damaged(seq, "the line does not begin with sum, seq and prev")
    digest = head[1].decode()
    if hashlib.sha256(memoryview(raw)[_REST:]).hexdigest() != digest:
        raise Damaged(seq, "its bytes do not match its sum: changed after it was written")
    if int(head[2]) != seq:
        raise Damaged(seq, f"record {int(head[2])} stands in its place: records are missing, moved or put in between")
    if head[3].decode() != prev:
        raise Damaged(seq, "it does not follow the record before it: one of the two was replaced")
    return digest


def is_whole(raw: bytes) -> bool:
    """Whether a line is a record by itself, whatever stands before it."""
    head = _HEAD.match(raw)
    return head is not None and hashlib.sha256(memoryview(raw)[_REST:]).hexdigest() == head[1].decode()


def decode(line: Line) -> Stored:
    """The record in a line of the chain. Raises Damaged where its fields are not those of a record."""
    try:
        fields = _decoder.decode(line.raw.decode())  # as text: the decoder alone lets bad UTF-8 pass inside a body
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Damaged(line.seq, f"its fields cannot be read: {error}") from error
    record = None
    if fields.kind in _KINDS:
        record = Record(Kind(fields.kind), fields.at, fields.session, fields.receipt, msgspec.Raw(bytes(fields.body)))
    return Stored(line.seq, fields.kind, line.sum, line.raw, record)


def segments(directory: Path) -> list[Path]:
    """The segments, oldest first; none where the folder is missing. Raises OSError."""
    try:
        return [directory / name for name in sorted(os.listdir(directory)) if _SEGMENT.fullmatch(name)]
    except FileNotFoundError:
        return []


def walk(directory: Path) -> Iterator[Line]:
    """Every line of the chain in order, each checked. Raises Damaged at the first bad one (Torn for an end that is missing
    at the very end of the journal), OSError.
    """
    seq, prev = FIRST_SEQ, GENESIS
    found = segments(directory)
    for segment in found:
        # O_NOFOLLOW: a link in place of a segment is somebody else's doing.
        fd = os.open(segment, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(fd, "rb", buffering=256 * 1024) as file:
            end = 0
            while raw := file.readline(MAX_LINE + 1):
                try:
                    prev = check_line(raw, seq, prev)
                except Torn as torn:
                    if segment == found[-1]:
                        raise
                    raise Damaged(torn.seq, f"{torn.why}, in {segment.name} which is not the last segment") from None
                end += len(raw)
                yield Line(seq, prev, raw, segment, end)
                seq += 1
