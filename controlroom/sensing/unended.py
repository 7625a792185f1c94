"""The end of a log that has no line feed yet, a prompt or a progress line: when it may be told, and how much of it (R06)."""

from controlroom.sensing.tail import Line, Tail

SETTLED_SECONDS = 0.5  # without a further byte: it waits for somebody
AGAIN_SECONDS = 1.0  # between two looks at one that goes on growing


class Unended:
    """Ask with `look` after each read. `line`: what may be told now, None = nothing; `torn`: it may end within a word, perhaps
    a secret one, since more was just coming: only whole words of it are for showing (`torn` of text.lines.drawn).

    Of a line that is written over and over with carriage returns it is the last frame that is whole.
    """

    def __init__(self) -> None:
        self.line: Line | None = None
        self.torn = False
        self._seen: tuple[int, int] | None = None  # where it begins and how long it is
        self._settled = False
        self._changed = self._told = 0.0

    def look(self, tail: Tail, now: float) -> bool:
        """Whether there is another thing to tell. `now`: seconds of a clock that never goes back."""
        seen = tail.unended
        if seen is None or self._seen is None or seen[0] != self._seen[0]:
            had, self.line = self.line is not None, None  # its line has ended, or a new one begins
            self._seen, self._changed, self._told, self._settled = seen, now, now, False
            return had
        if seen != self._seen:
            self._seen, self._changed, self._settled = seen, now, False
        settled = now - self._changed >= SETTLED_SECONDS
        if self._settled or not (settled or now - self._told >= AGAIN_SECONDS):
            return False
        self._told, self._settled = now, settled
        if (whole := tail.rest()) is not None:
            text, complete = _frame(whole.text, settled)
            self.line, self.torn = Line(whole.at, text, whole.cut), not complete
        return True

    @property
    def grows(self) -> bool:
        """Whether there is a line of which not all is told that is there."""
        return self._seen is not None and not self._settled


def _frame(text: bytes, settled: bool) -> tuple[bytes, bool]:
    """What a terminal shows of a line that may be written over and over, and whether that is whole."""
    frames = text.removesuffix(b"\r").split(b"\r")
    whole = settled or text.endswith(b"\r")
    return (frames[-1], whole) if whole or len(frames) == 1 else (frames[-2], True)
