"""What the commands that must start at once share: exit codes, words of failure, options. Imports next to nothing."""

import sys

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


def fail(message: str, code: int) -> int:
    """Says on standard error what failed, and gives back the exit code."""
    print(f"controlroom: {shown(message)}", file=sys.stderr)
    return code


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
