"""Lines of a log as they may be shown: without secrets, also those that go over several lines, then safe (R14, S11).

Only lines that are kept for display come here; everything before works on bytes.
"""

from collections.abc import Iterable, Iterator

from controlroom.text.redact import redact, redact_json
from controlroom.text.safe import SafeText, show

MOST_KEY = 200  # lines of a private key in PEM
_BEGIN = b"-----BEGIN "
_END = b"-----END "
_KEY = b"PRIVATE KEY"


def drawn(data: bytes, cut: int = 0, limit: int | None = None) -> SafeText:
    """One line. `cut`: bytes of it that are not in `data`; they are named at its end. `limit` in characters."""
    text = data.decode("utf-8", "surrogateescape")
    clean = redact_json(text) if data[:1] in (b"{", b"[") else redact(text)
    shown = show(clean.encode("utf-8", "surrogateescape"), limit)
    return SafeText(f"{shown} ...+{cut} bytes") if cut else shown


class Keys:
    """Takes private keys that go over several lines out of the lines of one log, which come one after another."""

    def __init__(self) -> None:
        self._left = 0

    def clean(self, line: bytes) -> bytes:
        """The line, or a marker where it lies inside a key. BEGIN and END are no secret."""
        begin, end = line.rfind(_BEGIN), line.rfind(_END)
        if begin >= 0 and _KEY in line[begin:] and end < begin:
            self._left = MOST_KEY
        elif end >= 0:
            self._left = 0
        elif self._left:
            self._left -= 1
            return b"<redacted:private-key:%d>" % len(line)
        return line


def without_keys(lines: Iterable[bytes], before: Iterable[bytes] = ()) -> Iterator[bytes]:
    """Lines one by one; those of a private key become markers. `before`: lines that lie before them, where a key may begin."""
    keys = Keys()
    for line in before:
        keys.clean(line)
    yield from map(keys.clean, lines)
