"""Bodies of records: one line of JSON without a secret in it, and which records must be written down whatever happens."""

import msgspec

from controlroom.model.record import Kind, Record
from controlroom.model.tier import Verdict
from controlroom.storage.chain import MAX_LINE
from controlroom.text.redact import Mark, redact_valid

MAX_BODY = MAX_LINE - 64 * 1024  # bytes
_any = msgspec.json.Decoder()
_URGENT = frozenset({Kind.STOP, Kind.PROOF, Kind.LATCHED, Kind.REVOKED, Kind.UNDELIVERED, Kind.INTERRUPTED})


class _Verdict(msgspec.Struct):
    verdict: Verdict


def clean(body: msgspec.Raw, mark: Mark | None = None) -> msgspec.Raw:
    """The body on one line, its secrets redacted and marked as `text.redact` tells.

    Raises ValueError where it is not JSON, or over MAX_BODY bytes.
    """
    if len(memoryview(body)) > MAX_BODY:  # before any work on it
        raise ValueError(f"the body of a record is over the limit of {MAX_BODY} bytes")
    data = bytes(body)
    try:
        text = data.decode()
        _any.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the body of a record is not JSON: {error}") from error
    # One line whatever the caller's layout: a line break inside a body would end the record.
    redacted = redact_valid(text, mark)
    if redacted is not text:
        data = redacted.encode()
    return msgspec.Raw(msgspec.json.format(data, indent=-1) if b"\n" in data or b"\r" in data else data)


def is_urgent(record: Record) -> bool:
    """Whether it tells of a stop, a kill or a denial: these go to the reserve when the journal takes nothing (S9)."""
    if record.kind is not Kind.DECISION:
        return record.kind in _URGENT
    try:
        return msgspec.json.decode(record.body, type=_Verdict).verdict is Verdict.DENY
    except msgspec.MsgspecError:
        return True  # it cannot be read: rather once too often
