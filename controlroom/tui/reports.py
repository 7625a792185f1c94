"""Takes a terminal's answers out of what was typed: nobody pressed them, so they must not become keys (D03).

Textual makes keys of every sequence that it does not know, so that an answer to a question about the clipboard, the colours or
the title would be read letter by letter. The room asks one question only (mode 2026); every other answer is dropped, also one
that tells a size, by which anybody could make the room as small as he liked. Keys, mouse, paste and focus pass as they came.
The emergency stop passes even in the middle of an answer.
"""

import re

ASKED = "2026"  # the mode that the driver asks about
HALF_SECONDS = 1.0  # of silence, after which the end of what was begun is no longer waited for
KEY_SECONDS = 0.1  # of silence, after which the begin of every sequence is the escape key
STOP = "\x1c"  # ctrl+backslash
ESCAPE = "\x1b"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"  # round what is pasted

_STRING = re.compile(r"\x1b[\]P_^X]")
_STRING_END = re.compile(r"\x07|\x1b\\|\x9c|(?=[\x00-\x06\x08-\x1a\x1c-\x1f]|\x1b[^\\])")
_CSI = re.compile(r"\x1b\[([<-?]?)([0-9:;]*)([ -/]*)([@-~])")
_HALF = re.compile(r"\x1b(\[[<-?]?[0-9:;]*[ -/]*)?")


class Reports:
    """A filter for one terminal. It keeps at most one begun sequence."""

    def __init__(self) -> None:
        self._half = ""
        self._since: float | None = None  # when nothing more of it was there to be read
        self._pasting = False

    @property
    def waiting(self) -> bool:
        """Whether something was begun: ask `late` soon."""
        return self._half != ""

    def take(self, text: str) -> str:
        """What of this is keys, mouse, paste, focus, or an answer that was asked for. What was begun goes on with it, however
        long ago that was read: only `late` knows of silence, and this thread may have been kept from reading.
        """
        begun = self._half != ""
        text = self._half + text
        self._half, kept, here, start = "", [], 0, 0
        while (start := text.find("\x1b", here)) >= 0:
            kept.append(text[here:start])
            here, keep = self._sequence(text, start)
            kept.append(keep)
            if self._half and not (begun and start == 0):
                self._since = None
        return "".join(kept) + text[here:]

    def late(self, at: float) -> str:
        """Nothing was there to be read at `at` (monotonic seconds): an escape that stood alone for long is a key and given,
        any other half is dropped. What a hand presses comes whole.
        """
        self._since = at if self._since is None else self._since
        key = self._half == ESCAPE and not self._pasting
        if not self._half or at - self._since < (KEY_SECONDS if key else HALF_SECONDS):
            return ""
        self._half = ""
        return ESCAPE if key else ""

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
            self._pasting = found[0] == PASTE or (self._pasting and found[0] != PASTED)
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
