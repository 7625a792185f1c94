"""awk programs: what they run through system and pipes, and which files their print statements write."""

import re

import msgspec

_STRING = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
_REGEX = re.compile(r"(?<=[~(,;!{&|\s])/(?:[^/\\\n]|\\.)+/|^/(?:[^/\\\n]|\\.)+/")
_PRINT = re.compile(r"\bprintf?\b[^;{}\n]{0,400}?(>>?|\|&?)\s*(\0\d+\0|\$?\w+)?")
_SYSTEM = re.compile(r"\bsystem\s*\(\s*(\0\d+\0(?=\s*\)))?")
_GETLINE = re.compile(r"(\0\d+\0|\w+|\))\s*\|&?\s*getline")
_LOADS = re.compile(r"@(load|include)\b")


_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|.)", re.S)


class Program(msgspec.Struct, frozen=True):
    """`writes`: files; `runs`: shell text; None in either = not known beforehand."""

    writes: tuple[str | None, ...] = ()
    runs: tuple[str | None, ...] = ()


def read(text: str) -> Program:
    """Read a program. Strings are set apart first, so that what they say is not taken for code."""
    strings: list[str] = []

    def keep(found: re.Match[str]) -> str:
        strings.append(_ESCAPE.sub(_plain, found[1]))
        return f"\0{len(strings) - 1}\0"

    code = _REGEX.sub("0", re.sub(r"#[^\n]*", "", _STRING.sub(keep, text.replace("\0", ""))))
    writes: list[str | None] = []
    runs: list[str | None] = []
    for found in _PRINT.finditer(code):
        name = _literal(found[2], strings)
        if _compares(found[0]):
            continue
        if found[1].startswith(">"):
            writes.append(name)
        else:
            runs.append(None if name is None else f": | {name}")
    runs += [_literal(found[1], strings) for found in _SYSTEM.finditer(code)]
    runs += [_literal(found[1], strings) for found in _GETLINE.finditer(code)]
    runs += [None for _ in _LOADS.finditer(code)]
    return Program(tuple(writes), tuple(runs))


def _plain(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    return chr(int(code, 8)) if code.isdigit() and code.isascii() and "8" not in code and "9" not in code else code


def _compares(printed: str) -> bool:
    """Whether the mark stands inside parentheses, where `>` is a comparison."""
    return printed.count("(") > printed.count(")")


def _literal(found: str | None, strings: list[str]) -> str | None:
    return strings[int(found.strip("\0"))] if found and found.startswith("\0") else None
