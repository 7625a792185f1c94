"""Lines of a log without private keys that go over several: where a line could be in one, those before it are looked at."""

import os
import re
from collections.abc import Iterator, Sequence

from controlroom.sensing.pages import LogFile
from controlroom.sensing.tail import Line
from controlroom.text.lines import Keys

CONTEXT = 16 * 1024  # bytes before a line: more than a key takes

_BODY = re.compile(rb"[A-Za-z0-9+/=:, -]{4,}\r?")  # what a line inside a PEM may look like


def cleaned(log: LogFile, lines: Sequence[Line]) -> Iterator[bytes]:
    """The text of each, those inside a key replaced by a marker. Blocking."""
    keys, end = Keys(), -1
    for line in lines:
        if line.at != end and _BODY.fullmatch(line.text):  # nothing is known of what lies before it
            keys = Keys()
            low = max(0, line.at - CONTEXT)
            for before in os.pread(log.descriptor, line.at - low, low).split(b"\n"):
                keys.clean(before)
        yield keys.clean(line.text)
        end = line.at + len(line.text) + line.cut + 1
