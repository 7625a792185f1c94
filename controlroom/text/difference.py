"""The difference of two texts as a unified diff without secrets, bounded in time and length."""

import difflib

from controlroom.text.redact import Mark, redact, redact_json

MOST_LINES = 1000  # lines of each side that are compared, after what is alike at both ends
MOST_OUT = 16 * 1024  # characters
AROUND = 2  # lines that are alike, around what is not


def difference(name: str, before: str, after: str, mark: Mark | None = None) -> str:
    """What goes and what comes. Secrets are taken out of each whole text first, so that none is told by its halves."""
    old, new = (_clean(name, text, mark).splitlines() for text in (before, after))
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    first, last = max(0, head - AROUND), max(0, tail - AROUND)
    olds, news = old[first : len(old) - last], new[first : len(new) - last]
    if max(len(olds), len(news)) > MOST_LINES:
        return f"{len(olds)} lines become {len(news)} others: too many to compare"
    lines = list(difflib.unified_diff(olds, news, lineterm="", n=AROUND))[2:]
    text = "\n".join(_moved(line, first) for line in lines)
    return text if len(text) <= MOST_OUT else f"{text[:MOST_OUT]}\n... {len(text) - MOST_OUT} more characters"


def _clean(name: str, text: str, mark: Mark | None) -> str:
    return redact_json(text, mark) if name.endswith((".json", ".jsonc")) else redact(text, mark)


def _alike(old: list[str], new: list[str]) -> int:
    """How many lines from the begin are the same."""
    count = 0
    for left, right in zip(old, new, strict=False):
        if left != right:
            break
        count += 1
    return count


def _moved(line: str, by: int) -> str:
    """A head of a hunk with the numbers of the whole text."""
    if not line.startswith("@@ ") or not by:
        return line
    words = line.split(" ")
    for at in (1, 2):
        sign, (start, comma, count) = words[at][0], words[at][1:].partition(",")
        words[at] = f"{sign}{int(start) + by}{comma}{count}"
    return " ".join(words)
