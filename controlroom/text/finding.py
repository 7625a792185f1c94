"""Which secrets a line holds: their kinds and keyed digests, never they themselves."""

import re
import secrets
from typing import NamedTuple

from controlroom.text.redact import Mark, redact_json

_NONCE = secrets.token_hex(4)  # of this process: markers that stood in the text before count for nothing
_TOLD = re.compile(rf"<redacted:([a-z-]{{1,24}}):([0-9]{{1,9}}):{_NONCE}([0-9a-f]{{8}})>")
MOST = 1000  # secrets of one line
CONTEXT = 512  # characters before a secret that tell that it is one


class Found(NamedTuple):
    """`kind`: what it is by its look; `mark`: the same for the same secret, and nothing to guess from; `length`: characters."""

    kind: str
    mark: str
    length: int


def secrets_in(line: str, mark: Mark) -> tuple[Found, ...]:
    """The secrets of a line in their order. Linear in its length; bound that before."""
    return tuple(found for found, _ in _found(line, mark))


def secrets_in_piece(text: str, mark: Mark, again: int) -> tuple[Found, ...]:
    """The secrets of a piece of a line that goes on, its last `again` characters being looked at again with what follows.

    One that reaches the piece's end may go on: it is left to the next piece, unless that would not see where it begins.
    """
    return tuple(found for found, whole in _found(text, mark) if whole or found.length > again - CONTEXT)


def _found(line: str, mark: Mark) -> list[tuple[Found, bool]]:
    """The secrets of a text, and of each whether anything follows it."""
    marks: list[str] = []

    def note(secret: str) -> str:
        marks.append(mark(secret))
        return f"{_NONCE}{len(marks) - 1:08x}"

    told = redact_json(line, note)
    return [
        (Found(found[1], marks[int(found[3], 16)], int(found[2])), found.end() < len(told))
        for found, _ in zip(_TOLD.finditer(told), range(MOST), strict=False)
    ]
