"""Lines of a log as they may be shown: without secrets, also those that go over several lines, then safe (R14, S11).

Only lines that are kept for display come here; everything before works on bytes.
"""

from controlroom.text.redact import redact, redact_json
from controlroom.text.safe import SafeText, show

MOST_KEY = 200  # lines of a private key in PEM
LONGEST = 600  # characters that a secret needs at most to be known by its begin; of a JWT without its end nobody has any use
_BREAKS = " \t\"'"
_BEGIN = b"-----BEGIN "
_END = b"-----END "
_KEY = b"PRIVATE KEY"


def drawn(data: bytes, most: int | None = None, *, torn: bool = False) -> tuple[SafeText, int]:
    """One line, and how many bytes of it are not shown because it is longer than `most` characters.

    A carriage return at its very end belongs to the line's end, as a line feed does. It is cut after redaction: half a secret
    is none that a pattern knows. So of a line that is `torn`, whose end is not there, the last word is not shown either.
    """
    text = data.removesuffix(b"\r").decode("utf-8", "surrogateescape")
    clean = redact_json(text) if text[:1] in ("{", "[") else redact(text)
    end = _whole(clean) if torn else len(clean)
    end = end if most is None else min(end, most)
    kept, rest = clean[:end], clean[end:]
    return show(kept.encode("utf-8", "surrogateescape")), len(rest.encode("utf-8", "surrogateescape"))


def _whole(text: str) -> int:
    """Where the last word begins that a secret could be the begin of."""
    least = max(0, len(text) - LONGEST)
    return max(least, *(text.rfind(one, least) + 1 for one in _BREAKS))


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

    def peek(self, line: bytes) -> bytes:
        """The same of a line that has no end yet and will come again whole: nothing is remembered of it."""
        left = self._left
        clean, self._left = self.clean(line), left
        return clean
