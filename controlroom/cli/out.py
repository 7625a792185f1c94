"""What the commands print: every text of others through SafeText and redaction, tables within the terminal's width."""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Sequence

from controlroom.cli.quick import remark
from controlroom.text.redact import redact, redact_json
from controlroom.text.safe import SafeText, show, show_lines, show_tokens

NARROW = 80  # columns, where there is no terminal to ask
_INDENT = re.compile(r"[-+ ]? {0,40}(?! )")  # of a line of a diff; a longer run could push text out of sight
UNWRAPPED = 1 << 16  # columns
LAST_LEAST = 12  # columns that the last cell of a row always gets


def safe(value: object, limit: int | None = None) -> SafeText:
    """Anything of others on one line, without control characters and secrets."""
    return show(redact(str(value)), limit)


def tokens(argv: Sequence[str]) -> SafeText:
    """A command, token by token."""
    return show_tokens([redact(token) for token in argv])


def block(text: str, indent: str = "  ") -> None:
    """Prints text of several lines, each made safe by itself. Indentation stays, as far as it hides nothing."""
    for line in redact(text).removesuffix("\n").split("\n"):
        lead = _INDENT.match(line)
        at = lead.end() if lead else 0
        print(f"{indent}{line[:at]}{show(line[at:])}")


def as_json(value: object) -> str:
    """JSON in ASCII, without secrets, without control characters: nothing in it reaches the terminal as more than letters."""
    text = json.dumps(value, ensure_ascii=True)
    clean = redact_json(text)
    if clean != text:  # what was written anew may hold more than ASCII
        clean = json.dumps(json.loads(clean), ensure_ascii=True)
    return clean.replace("\x7f", "\\u007f")


def print_json(rows: Iterable[object]) -> None:
    """Prints one array of objects, one object a line."""
    lines = ",\n".join(as_json(row) for row in rows)
    print(f"[{lines}]")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows under a head; the last column gives way so that a row fits the terminal."""
    width = shutil.get_terminal_size((NARROW, 24)).columns
    cells: list[list[str]] = [list(head), *([str(safe(cell)) for cell in row] for row in rows)]
    sizes = [max(len(row[at]) for row in cells) for at in range(len(head) - 1)]
    last = max(LAST_LEAST, width - sum(sizes) - 2 * len(sizes))
    for row in cells:
        end = row[-1] if len(row[-1]) <= last else f"{row[-1][: last - 3]}..."
        print("  ".join([*(cell.ljust(size) for cell, size in zip(row[:-1], sizes, strict=True)), end]).rstrip())


def width() -> int:
    """Columns to wrap at; what goes to no terminal is not wrapped."""
    return shutil.get_terminal_size((NARROW, 24)).columns if sys.stdout.isatty() else UNWRAPPED


def draws(sign: str) -> bool:
    """Whether standard output can take a sign beyond ASCII."""
    try:
        sign.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        return False
    return True


def one_line(text: str) -> str:
    """Text of others for `tell`, to which a line break begins a line of ours."""
    return text.replace("\n", "\\n")


def tell(message: str) -> None:
    """Prints a remark on standard error."""
    for line in show_lines(message):
        remark(f"controlroom: {line}")


def seconds(value: object) -> str:
    """A number of seconds in a coarse word: 12s, 5m, 2h, 3d."""
    if not isinstance(value, int | float):
        return "?"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if value >= size:
            return f"{int(value // size)}{unit}"
    return f"{int(value)}s"
