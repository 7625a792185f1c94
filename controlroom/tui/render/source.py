"""Text and diffs of others, line by line: numbered, marked, long runs of blank lines counted instead of drawn (D08)."""

import re
from collections.abc import Iterator

from controlroom.text.redact import redact
from controlroom.text.safe import SafeText, show
from controlroom.tui.line import Line, Span, Style, marked, say

BLANKS = 8  # blank lines in a row that are still drawn
INDENT = 24  # blank cells at the start of a line that are drawn as they are
_LEAD = re.compile(rf" {{0,{INDENT}}}(?! )")
_DIFF: dict[str, Style] = {"+": "added", "-": "removed", "@": "dim"}


def text_rows(text: str) -> list[Line]:
    """The text with the numbers of its lines where it has several."""
    lines = redact(text).split("\n")
    if len(lines) == 1:
        return [source_line(lines[0], "text")]
    digits = len(str(len(lines)))
    out: list[Line] = []
    for first, run in _runs(lines):
        if len(run) > BLANKS and not run[0].strip(" "):
            out.append(_blank(run, first + 1))
        else:
            numbered = enumerate(run, first + 1)
            out += [(say(f"{number:>{digits}} ", "dim"), *source_line(line, "text")) for number, line in numbered]
    return out


def diff_rows(diff: str) -> list[Line]:
    """A unified diff: what goes, what comes, and where."""
    out: list[Line] = []
    for first, run in _runs(redact(diff).removesuffix("\n").split("\n")):
        if len(run) > BLANKS and not run[0].strip(" "):
            out.append(_blank(run, first + 1))
        else:
            out += [_diff_line(line) for line in run]
    return out


def _diff_line(line: str) -> Line:
    if line.startswith(("--- ", "+++ ")):
        return source_line(line, "dim")
    style = _DIFF.get(line[:1], "text")
    if style in ("added", "removed"):
        return (say(line[0], style), *source_line(line[1:], style))
    return source_line(line, style)


def source_line(line: str, style: Style) -> Line:
    """One line; its indentation stays blank as far as it hides nothing, every other run of blanks is counted."""
    lead = _LEAD.match(line)
    at = lead.end() if lead and lead.end() < len(line) else 0
    blank = (Span(SafeText(" " * at), style),) if at else ()
    return (*blank, *marked(Span(show(line[at:]), style)))


def _runs(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Runs of blank lines, and runs of others, each with the place of its first line."""
    start = 0
    for at in range(1, len(lines) + 1):
        if at == len(lines) or (not lines[at].strip(" ")) != (not lines[start].strip(" ")):
            yield start, lines[start:at]
            start = at


def _blank(run: list[str], first: int) -> Line:
    spaces = sum(len(line) for line in run)
    also = f", {spaces} blanks in them" if spaces else ""
    return (say(f"[{len(run)} blank lines, {first} to {first + len(run) - 1}{also}]", "marker"),)
