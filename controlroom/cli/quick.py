"""What the commands that must start at once share: exit codes, what they print, options. Imports next to nothing."""

import os
import sys

TYPE_CHECKING = False  # typing is not imported at run time: start-up
if TYPE_CHECKING:
    from typing import TextIO

OK = 0
FAILED = 1  # refused or failed
USAGE = 2
NO_DAEMON = 3


class Usage(Exception):
    """The command line makes no sense; the text says which word of it."""


def shown(text: str) -> str:
    """Text of others, made safe to print."""
    from controlroom.text.safe import show  # only when there is something to show: start-up

    return show(text)


def say(text: str) -> None:
    """Prints text. Where nobody takes it (a closed pipe, a full disk, a terminal that is gone), what is done goes on unsaid."""
    _put(text, sys.stdout, 1)


def remark(text: str) -> None:
    """The same on standard error."""
    _put(text, sys.stderr, 2)


def fail(message: str, code: int) -> int:
    """Says on standard error what failed, and gives back the exit code."""
    remark(f"controlroom: {shown(message)}")
    return code


def _put(text: str, stream: "TextIO", number: int) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)  # what is still in the buffer is written there at the end


def options(words: list[str], names: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """Positional words and the values of the options `names` (`--name V` or `--name=V`). Raises Usage."""
    rest: list[str] = []
    values: dict[str, str] = {}
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word == "--":
            return rest + queue, values
        if not word.startswith("-") or word == "-":
            rest.append(word)
            continue
        name, equals, value = word.partition("=")
        if name not in names:
            raise Usage(f"there is no option {word}")
        if name in values:
            raise Usage(f"{name} is given twice")
        if not equals:
            if not queue:
                raise Usage(f"{name} needs a value")
            value = queue.pop(0)
        values[name] = value
    return rest, values
