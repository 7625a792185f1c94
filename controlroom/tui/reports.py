"""Takes a terminal's answers out of what was typed: nobody pressed them, so they must not become keys (D03).

Textual makes keys of every sequence that it does not know, so that an answer to a question about the clipboard, the colours or
the title would be read letter by letter. The room asks one question only (mode 2026); every other answer is dropped, also one
that tells a size, by which anybody could make the room as small as he liked. Keys, mouse, paste and focus pass as they came.
The emergency stop passes even in the middle of an answer.
"""

import re

ASKED = "2026"  # the mode that the driver asks about
STRING_SECONDS = 1.0  # after which the end of a string is no longer waited for
KEY_SECONDS = 0.03  # after which half a sequence is a key, such as escape
STOP = "\x1c"  # ctrl+backslash

_STRING = re.compile(r"\x1b[\]P_^X]")
_STRING_END = re.compile(r"\x07|\x1b\\|\x9c|(?=[\x00-\x06\x08-\x1a\x1c-\x1f]|\x1b[^\\])")
_CSI = re.compile(r"\x1b\[([<-?]?)([0-9:;]*)([ -/]*)([@-~])")
_HALF = re.compile(r"\x1b(\[[<-?]?[0-9:;]*[ -/]*)?")


class Reports:
    """A filter for one terminal. `at`: monotonic seconds. It keeps at most one begun sequence."""

    def __init__(self) -> None:
        self._half = ""
        self._since = 0.0

    @property
    def waiting(self) -> bool:
        """Whether something was begun: ask `late` soon."""
        return self._half != ""

    def take(self, text: str, at: float) -> str:
        """What of this is keys, mouse, paste, focus, or an answer that was asked for."""
        text = self.late(at) + self._half + text
        self._since = self._since if self._half else at
        self._half, kept, here = "", [], 0
        while (start := text.find("\x1b", here)) >= 0:
            kept.append(text[here:start])
            here, keep = self._sequence(text, start)
            kept.append(keep)
        return "".join(kept) + text[here:]

    def late(self, at: float) -> str:
        """What was held back long enough: the begin of a string is dropped, half a key is given."""
        half, string = self._half, _STRING.match(self._half)
        if not half or at - self._since < (STRING_SECONDS if string else KEY_SECONDS):
            return ""
        self._half = ""
        return "" if string or half[:3] in ("\x1b[?", "\x1b[>", "\x1b[=") else half

    def _sequence(self, text: str, start: int) -> tuple[int, str]:
        """Where the sequence that begins here ends, and what is kept of it."""
        if _STRING.match(text, start):
            end = _STRING_END.search(text, start + 2)
            if end is None:
                # What is in a string is dropped anyway: only its begin is kept, and perhaps the begin of its end.
                self._half = text[start : start + 2] + ("\x1b" if text.endswith("\x1b") else "")
                return len(text), ""
            return end.end(), ""
        if found := _CSI.match(text, start):
            return found.end(), "" if _is_report(*found.groups()) else found[0]
        if _HALF.fullmatch(text, start):
            self._half = text[start:]
            return len(text), ""
        half = _HALF.match(text, start)
        stands = half.end() if half else start
        if text[stands] == STOP or (stands > start + 1 and text[stands] < " "):
            return stands, ""  # broken off: what follows is a key of its own
        return start + 1, "\x1b"


def _is_report(mark: str, numbers: str, between: str, final: str) -> bool:
    """Whether this is an answer that nobody asked for."""
    if mark == "?":
        return not (between == "$" and final == "y" and numbers.partition(";")[0] == ASKED)
    if mark == "<":
        return final not in "Mm"
    if mark or between:
        return True
    return final in "cnxyqrt"
