"""Which secrets a line holds: their kinds and keyed digests, never they themselves."""

import re
import secrets
from typing import NamedTuple

from controlroom.text.redact import Mark, redact_json

_NONCE = secrets.token_hex(4)  # of this process: markers that stood in the text before count for nothing
_TOLD = re.compile(rf"<redacted:([a-z-]{{1,24}}):[0-9]{{1,9}}:{_NONCE}([0-9a-f]{{8}})>")
MOST = 1000  # secrets of one line


class Found(NamedTuple):
    """`kind`: what it is by its look; `mark`: the same for the same secret, and nothing to guess from."""

    kind: str
    mark: str


def secrets_in(line: str, mark: Mark) -> tuple[Found, ...]:
    """The secrets of a line in their order. Linear in its length; bound that before."""
    marks: list[str] = []

    def note(secret: str) -> str:
        marks.append(mark(secret))
        return f"{_NONCE}{len(marks) - 1:08x}"

    told = redact_json(line, note)
    return tuple(Found(found[1], marks[int(found[2], 16)]) for found, _ in zip(_TOLD.finditer(told), range(MOST), strict=False))
