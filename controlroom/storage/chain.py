"""The chain: how one record is a line, and how lines hold together.

A line is `{"sum":"<64 hex>",<rest>` + newline, where sum = SHA-256 of the exact stored bytes of the rest, newline included; the
rest starts `"seq":N,"prev":"<64 hex>","first":F,`. `prev` is the sum of the line before, GENESIS for the first. So any changed
byte, and any line deleted, moved or put in between, is found; the loss of whole lines at the very end is not.

`first` is the number of the first record of the write that the line was part of. One write is synced before the next begins, so
after a power loss a whole line whose `first` is beyond a damaged line proves that the damaged one had been on the disk.
"""

import hashlib
import re

import msgspec

from controlroom.model.clock import Instant
from controlroom.model.record import Kind, Record

GENESIS = "0" * 64
FIRST_SEQ = 1
MAX_LINE = 16 * 1024 * 1024  # bytes; a longer line is damage, not a record
UNREADABLE = "unreadable"  # the kind of a line that fits the chain and whose fields are not those of a record

_HEAD = re.compile(rb'\{"sum":"([0-9a-f]{64})","seq":([1-9][0-9]{0,18}),"prev":"([0-9a-f]{64})","first":([1-9][0-9]{0,18}),')
_REST = len(b'{"sum":"') + 64 + len(b'",')
_SUM = slice(len(b'{"sum":"'), len(b'{"sum":"') + 64)
_KINDS = frozenset(kind.value for kind in Kind)


class Damaged(Exception):
    """The chain is broken: `seq` is the first record that is not as it was written, `why` says how it shows."""

    def __init__(self, seq: int, why: str) -> None:
        super().__init__(f"journal record {seq}: {why}")
        self.seq = seq
        self.why = why


class Torn(Damaged):
    """The last line has no end: a write under way, or one that never ended."""


class Place(msgspec.Struct, frozen=True):
    """A point in the chain: the number of a record and its sum; what comes next must follow it."""

    seq: int = FIRST_SEQ - 1
    sum: str = GENESIS


class Stored(msgspec.Struct, frozen=True):
    """A record as it is stored. `record` is None for a kind that this version does not know: show `raw` then (J16)."""

    seq: int
    kind: str
    sum: str
    raw: bytes
    record: Record | None


class Front(msgspec.Struct, frozen=True):
    """What a line says of itself before its content."""

    sum: str
    seq: int
    prev: str
    first: int


class _Fields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All fields of a line, in stored order."""

    sum: str
    seq: int
    prev: str
    first: int
    kind: str
    at: Instant
    session: str
    receipt: str
    body: msgspec.Raw


_decoder = msgspec.json.Decoder(_Fields)


def line_of(after: Place, first: int, record: Record) -> tuple[bytes, Place]:
    """The line to store for `record` after the one at `after`, and where the chain is then.

    `body` must be JSON on one line (as `clean` makes it). Raises ValueError for a line over MAX_LINE.
    """
    seq = after.seq + 1
    fields = _Fields("", seq, after.sum, first, record.kind, record.at, record.session, record.receipt, record.body)
    rest = msgspec.json.encode(fields)[len(b'{"sum":"",') :] + b"\n"
    if len(rest) + _REST > MAX_LINE:
        raise ValueError(f"{record.kind} record of {len(rest)} bytes is over the limit of {MAX_LINE}")
    digest = hashlib.sha256(rest).hexdigest()
    return b'{"sum":"' + digest.encode() + b'",' + rest, Place(seq, digest)


def follow(raws: list[bytes], after: Place) -> tuple[Place, Damaged | None]:
    """How far `raws` are the chain that goes on after `after`, and what is wrong with the line after that, if any.

    The hot loop of recovery and verification: one hash and one comparison a line.
    """
    sha256 = hashlib.sha256
    seq, digest = after.seq, after.sum.encode()
    for raw in raws:
        found = sha256(raw[_REST:]).hexdigest().encode()
        if not raw.startswith(b'{"sum":"%b","seq":%d,"prev":"%b",' % (found, seq + 1, digest)):
            here = Place(seq, digest.decode())
            return here, _damage(raw, here)
        seq += 1
        digest = found
    return Place(seq, digest.decode()), None


def _damage(raw: bytes, after: Place) -> Damaged:
    """What is wrong with a line that should follow `after`."""
    seq = after.seq + 1
    if len(raw) > MAX_LINE:
        return Damaged(seq, f"longer than {MAX_LINE} bytes")
    if not raw.endswith(b"\n"):
        return Torn(seq, f"not complete ({len(raw)} bytes without a line end)")
    head = _HEAD.match(raw)
    if head is None:
        return Damaged(seq, "the line does not begin with sum, seq, prev and first")
    if hashlib.sha256(memoryview(raw)[_REST:]).hexdigest() != head[1].decode():
        return Damaged(seq, "its bytes do not match its sum: changed after it was written")
    if int(head[2]) != seq:
        return Damaged(seq, f"record {int(head[2])} stands in its place: records are missing, moved or put in between")
    return Damaged(seq, "it does not follow the record before it: one of the two was replaced")


def sum_of(raw: bytes) -> str:
    """The sum in a line that fits the chain."""
    return raw[_SUM].decode()


def previous_of(raw: bytes) -> str:
    """The sum of the line before, as a line that fits the chain says."""
    front = _HEAD.match(raw)
    assert front is not None  # it fits the chain
    return front[3].decode()


def front_of(raw: bytes) -> Front | None:
    """What a line says of itself, if it is a whole record, whatever stands before it; None = it is not."""
    head = _HEAD.match(raw)
    if head is None or hashlib.sha256(memoryview(raw)[_REST:]).hexdigest() != head[1].decode():
        return None
    return Front(head[1].decode(), int(head[2]), head[3].decode(), int(head[4]))


def decode(raw: bytes) -> Stored:
    """The record in a line of the chain. A kind that we do not know, or fields that we cannot read, leave it raw."""
    front = _HEAD.match(raw)
    assert front is not None  # it fits the chain
    seq, digest = int(front[2]), front[1].decode()
    try:
        fields = _decoder.decode(raw.decode())  # as text: the decoder alone lets bad UTF-8 pass inside a body
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Stored(seq, UNREADABLE, digest, raw, None)
    record = None
    if fields.kind in _KINDS:
        record = Record(Kind(fields.kind), fields.at, fields.session, fields.receipt, msgspec.Raw(bytes(fields.body)))
    return Stored(seq, fields.kind, digest, raw, record)
