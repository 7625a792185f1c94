"""sed scripts: which commands of theirs write files or run programs, and which empty what they edit."""

import re

import msgspec

_ADDRESS = re.compile(r"\s*(?:\d+|\$|\\(.)(?:\\.|(?!\1).)*\1|/(?:\\.|\[[^\]]*\]|[^/\\\n])*/)[IM]*(?:~\d+)?")
_BETWEEN = re.compile(r"\s*[,~]\s*[+~]?\d*")


class Script(msgspec.Struct, frozen=True):
    """`writes`: files; `runs`: shell text (None = the line itself); `empties`: deletes every line; `odd`: could not be read."""

    writes: tuple[str, ...] = ()
    runs: tuple[str | None, ...] = ()
    empties: bool = False
    odd: bool = False


def read(text: str) -> Script:
    """Read a script. What is no sed (GNU, BSD) makes it `odd`."""
    writes: list[str] = []
    runs: list[str | None] = []
    empties = odd = False
    at = 0
    while at < len(text):
        at = _skipped(text, at, " \t\n\r;{}")
        begin = at
        at = _addresses(text, at)
        addressed = text[begin:at].strip() not in ("", "1,$")
        at = _skipped(text, at, " \t\n\r!")
        verb, at = text[at : at + 1], at + 1
        line = text.find("\n", at) if "\n" in text[at:] else len(text)
        if verb in ("w", "W"):
            writes.append(text[at:line].strip())
            at = line
        elif verb == "e":
            runs.append(text[at:line].strip() or None)
            at = line
        elif verb in ("a", "i", "c"):
            at = _after_text(text, at)
        elif verb in ("s", "y"):
            at, flags = _substitution(text, at)
            if verb == "s" and flags is not None:
                runs += [None] if "e" in flags.split("w", 1)[0] else []
                writes += [flags.split("w", 1)[1].strip()] if "w" in flags else []
            odd |= flags is None
        elif verb in ("r", "R", ":", "b", "t", "T", "#", "q", "Q", "l", "L", "v"):
            end = re.compile(r"[^\n]*" if verb in "rR#" else r"[^\n;}]*").match(text, at)
            at = end.end() if end else len(text)
        elif verb == "d":
            empties |= not addressed
        elif verb and verb not in "pPnNgGhHxDz=F}{":
            odd = True
            break
    return Script(tuple(writes), tuple(runs), empties, odd)


def _skipped(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at


def _addresses(text: str, at: int) -> int:
    first = _ADDRESS.match(text, at)
    if first is None:
        return at
    at = first.end()
    between = _BETWEEN.match(text, at)
    if between is None:
        return at
    at = between.end()
    second = _ADDRESS.match(text, at)
    return second.end() if second else at


def _after_text(text: str, at: int) -> int:
    """The end of the text of a, i or c: the line, and those that a backslash joins to it."""
    while True:
        line = text.find("\n", at)
        if line < 0:
            return len(text)
        if text[line - 1 : line] != "\\":
            return line
        at = line + 1


def _substitution(text: str, at: int) -> tuple[int, str | None]:
    """Where `s` or `y` ends, with its flags; None for one that does not close."""
    mark = text[at : at + 1]
    if not mark or mark in "\\\n":
        return len(text), None
    at += 1
    for _ in range(2):
        inside = False
        while at < len(text) and (text[at] != mark or inside):
            if text[at] == "\\":
                at += 1
            elif text[at] == "[" and mark not in text[at : at + 2]:
                inside = "]" in text[at + 2 :] and mark in text[at + 2 :].split("]", 1)[0]
            elif text[at] == "]":
                inside = False
            at += 1
        if at >= len(text):
            return len(text), None
        at += 1
    flags = re.compile(r"[gpiIeMm0-9]*(?:w[^\n]*)?").match(text, at)
    return (flags.end(), flags[0]) if flags else (at, "")
