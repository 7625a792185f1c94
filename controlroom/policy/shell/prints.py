"""What comes into a command, and what it surely prints for the next one or for a file."""

import re

import msgspec

from controlroom.policy.shell.arg import Arg
from controlroom.policy.shell.env import Env
from controlroom.policy.shell.words import Words


class Stdin(msgspec.Struct, frozen=True):
    """What a command reads: nothing given, a known text, or (`text` None, `given`) something nobody has seen.

    `exact` False: the text has expansions left that only the running shell knows. `names`: the lines are names of files
    like these.
    """

    given: bool = False
    text: str | None = None
    exact: bool = True
    names: tuple[Arg, ...] = ()


def printed_text(args: tuple[Arg, ...], stdin: Stdin) -> str | None:
    """What a command surely prints: `cat` its input, `echo` and `printf` their arguments; None where that is not known."""
    if not args or not all(arg.certain for arg in args):
        return None
    name, rest = args[0].text.rsplit("/", 1)[-1], [arg.text for arg in args[1:]]
    if name in ("cat", "tee") and (name == "tee" or not rest or rest == ["-"]):
        return stdin.text if stdin.exact else None
    escaped = name == "printf"
    while name == "echo" and rest and re.fullmatch(r"-[neE]+", rest[0]):
        escaped |= "e" in rest[0]
        rest = rest[1:]
    if name == "echo":
        return _unescaped(" ".join(rest)) if escaped else " ".join(rest)
    if name == "printf" and len(rest) == 1 and "%" not in rest[0]:
        return _unescaped(rest[0])
    return " ".join(rest[1:]) if name == "printf" and rest and rest[0] in ("%s", "%s\\n", "%b", "%b\\n") else None


def _unescaped(text: str) -> str | None:
    return Words(None).value("$'" + text.replace("'", "\\'") + "'", Env("/", None)) if "\\" in text else text
