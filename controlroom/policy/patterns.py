"""Regular expressions of the catalogue: only those whose work grows with the text's length and no faster (R15).

Python's engine goes back and tries again. Every repeat therefore needs an upper bound, no group is repeated, and the ways to
fit at one place are counted beforehand. One unbounded repeat is allowed where the expression can start at one place only.
"""

import re

MOST_WAYS = 20_000  # ways to try at one place of the text; a list of words counts its words
MOST_ANCHORED = 400_000  # where the expression can start at one place only
_OVER = 2 * MOST_ANCHORED
_BOUND = re.compile(r"\{(\d{0,5})(,?)(\d{0,5})\}")
_FLAGS = re.compile(r"\(\?[is]{1,2}\)")
_GROUP = re.compile(r"\?(?::|=|!|<=|<!|P<\w{1,40}>|[is]{1,2}:)?")


class BadPattern(ValueError):
    """An expression that is broken, or whose time is not bounded: why."""


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile an expression of the catalogue. Raises BadPattern."""
    try:
        found = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern(f"{error}") from error
    flags = _FLAGS.match(pattern)
    reader = _Reader(pattern[flags.end() :] if flags else pattern)
    ways = reader.alternatives()
    if reader.unbounded > (1 if reader.anchored else 0):
        raise BadPattern("a repeat without an upper bound (write {0,40}; one * or + is allowed after ^ without a top-level |)")
    most = MOST_ANCHORED if reader.anchored else MOST_WAYS
    if ways + reader.aside > most:
        raise BadPattern(f"over {most} ways to fit at one place; shorten the repeats")
    return found


class _Reader:
    """Counts the ways in which an expression (that compiles) can fit at one place."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.unbounded = 0
        self.aside = 0  # ways within a look around at the top: they are tried once, not again for every other way
        self.anchored = text.startswith("^")

    def alternatives(self) -> int:
        """The ways of everything up to the closing bracket or the end."""
        total, ways = 0, 1
        while self._at < len(self._text) and self._text[self._at] != ")":
            if self._text[self._at] == "|":
                self._at += 1
                self.anchored = self.anchored and self._depth > 0
                total, ways = total + ways, 1
            else:
                look = self._depth == 0 and self._text.startswith(("(?!", "(?="), self._at)
                atom = self._atom()
                self.aside += min(ways * atom, _OVER) if look else 0
                ways = ways if look else min(ways * atom, _OVER)
        return min(total + ways, _OVER)

    def _atom(self) -> int:
        char = self._text[self._at]
        self._at += 1
        ways = 1
        if char == "\\":
            if self._text[self._at].isdigit():
                raise BadPattern("a back-reference, whose time is not bounded")
            self._at += 1
        elif char == "[":
            self._at = _class_end(self._text, self._at)
        elif char == "(":
            ways = self._group()
        return ways * self._repeat(group=char == "(")

    def _group(self) -> int:
        kind = _GROUP.match(self._text, self._at)
        if self._text.startswith(("?P=", "?("), self._at):
            raise BadPattern("a back-reference, whose time is not bounded")
        self._at = kind.end() if kind else self._at
        self._depth += 1
        ways = self.alternatives()
        self._depth -= 1
        self._at += 1
        return ways

    def _repeat(self, *, group: bool) -> int:
        rest = self._text[self._at : self._at + 1]
        bound = _BOUND.match(self._text, self._at)
        if rest == "?":
            self._at += 1
            ways = 2
        elif (rest and rest in "*+") or (bound and bound[2] and not bound[3]):
            self._at += len(bound[0]) if bound else 1
            self.unbounded += 1
            ways = 1
            if group:
                raise BadPattern("a group that is repeated; write out what may be repeated")
        elif bound and (bound[1] or bound[3]):
            self._at += len(bound[0])
            ways = int(bound[3] or bound[1]) - (int(bound[1] or 0) if bound[2] else int(bound[1])) + 1
            if group:
                raise BadPattern("a group that is repeated; write out what may be repeated")
        else:
            return 1
        if self._text[self._at : self._at + 1] in ("?", "+"):
            self._at += 1
        return ways


def _class_end(text: str, at: int) -> int:
    """The index after the `]` that closes the class opened just before `at`."""
    at += text.startswith("^", at)
    at += text.startswith("]", at)
    while text[at] != "]":
        at += 2 if text[at] == "\\" else 1
    return at + 1
