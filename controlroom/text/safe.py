"""The only way from untrusted bytes or text to something that may be shown (S11).

What `show` makes holds no control, format, bidi, invisible or undefined code point, and `decode` gives back exactly what came.
Everything that is not plainly visible is drawn as a token:

    \\u{202e}   a code point          \\x{ff}   a byte that is not UTF-8          \\sp{12}   a run of 9 or more spaces
    \\cut{340}  the end of a cut text: so many characters (or bytes, where bytes came) are not shown

A backslash is drawn as it is, unless the text itself would read as such a token; then it becomes `\\u{5c}`.
"""

import re
from collections.abc import Sequence
from typing import NewType
from unicodedata import category

SafeText = NewType("SafeText", str)

_HEADS = r"(?:u|x|sp|cut)\{"
_SUSPECT = re.compile(rf"[^ -~]+|\\(?={_HEADS})| {{9,}}")
_TOKEN = re.compile(r"\\(u|x|sp|cut)\{([0-9a-f]+)\}")
_BARE = re.compile(r'[^ "]+')
_SPACES = " " * 9
_LONGEST_TOKEN = 32  # characters
_MARKS_SHOWN = 2  # combining marks in a row on one letter

# Code points that are drawn as nothing although Unicode calls them letters, marks or symbols: the default-ignorable ones that
# are not of category C (Unicode 16, DerivedCoreProperties), the blank Braille pattern and the null note head.
_INVISIBLE = frozenset(
    map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x2800, 0x3164, *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, (0xFFA0, 0x1D159, *range(0xE0100, 0xE01F0))))


def show(data: bytes | str, limit: int | None = None) -> SafeText:
    """`data` as something that may be shown. Never raises on any content.

    Bytes are read as UTF-8, byte by byte where they are not. With `limit`, at most so many characters and then a \\cut{} token;
    no token is split.
    """
    text, complete = _as_text(data, limit)
    drawn = _draw(text, from_bytes=isinstance(data, bytes))
    if limit is None or (complete and len(drawn) <= limit):
        return SafeText(drawn)
    return _cut(data, drawn, max(limit, 0))


def show_lines(data: bytes | str, limit: int | None = None) -> list[SafeText]:
    """Each line by itself, split at \\n only (a \\r is shown); "" after a last line end. `limit` is per line, as for `show`."""
    if isinstance(data, bytes):
        return [show(line, limit) for line in data.split(b"\n")]
    return [show(line, limit) for line in data.split("\n")]


def show_tokens(argv: Sequence[bytes | str]) -> SafeText:
    """A command token by token: a token that is empty or holds a space or a double quote stands in double quotes, and a double
    quote in it is \\u{22}. So where one token ends and the next begins is never in doubt.
    """
    return SafeText(" ".join(_quoted(show(token)) for token in argv))


def decode(shown: SafeText) -> bytes:
    """The bytes that `show` was given (for text: its UTF-8, lone surrogates as their three bytes).

    Raises ValueError where the text was cut.
    """
    out = bytearray()
    at = 0
    for token in _TOKEN.finditer(shown):
        out += shown[at : token.start()].encode()
        out += _meant(token)
        at = token.end()
    return bytes(out + shown[at:].encode())


def again(text: str) -> SafeText:
    """A SafeText that came as text from another process of ours: itself where it is one and was not cut, else made safe."""
    try:
        return show(decode(SafeText(text)))
    except (ValueError, OverflowError):
        return show(text)


def count_non_ascii(data: bytes | str) -> int:
    """How many characters of `data` are not ASCII (of bytes that are not UTF-8: each byte)."""
    text, _ = _as_text(data, None)
    return sum(not char.isascii() for char in text)


def _as_text(data: bytes | str, limit: int | None) -> tuple[str, bool]:
    """`data` as text, and whether it is all there. Bytes that are not UTF-8 are U+DC80..U+DCFF, which UTF-8 never yields.

    With `limit` no more is read than can be shown: a character takes at most 4 bytes and is drawn as at least one.
    """
    wanted = len(data) if limit is None else (max(limit, 0) + 1) * 4
    if isinstance(data, bytes):
        return data[:wanted].decode("utf-8", "surrogateescape"), len(data) <= wanted
    return data[:wanted], len(data) <= wanted


def _draw(text: str, *, from_bytes: bool) -> str:
    if text.isascii() and text.isprintable() and "\\" not in text and _SPACES not in text:
        return text
    return _SUSPECT.sub(lambda found: _drawn(found, from_bytes), text)


def _drawn(found: re.Match[str], from_bytes: bool) -> str:
    run = found[0]
    if run[0] == " ":
        return f"\\sp{{{len(run)}}}"
    if run == "\\":
        return "\\u{5c}"
    before = found.string[found.start() - 1 : found.start()] if found.start() else ""
    marks = 0 if before.isalpha() else _MARKS_SHOWN
    out = []
    for char in run:
        if char in _INVISIBLE or not char.isprintable():
            out.append(_token(char, from_bytes))
            marks = _MARKS_SHOWN
        elif not category(char).startswith("M"):
            out.append(char)
            marks = 0 if char.isalpha() else _MARKS_SHOWN
        elif marks < _MARKS_SHOWN:
            out.append(char)
            marks += 1
        else:
            out.append(_token(char, from_bytes))
    return "".join(out)


def _token(char: str, from_bytes: bool) -> str:
    code = ord(char)
    if from_bytes and 0xDC80 <= code <= 0xDCFF:
        return f"\\x{{{code - 0xDC00:02x}}}"
    return f"\\u{{{code:x}}}"


def _cut(data: bytes | str, pieces: str, limit: int) -> SafeText:
    at = limit
    for token in _TOKEN.finditer(pieces, max(0, limit - _LONGEST_TOKEN)):
        if token.start() < limit < token.end():
            at = token.start()
    kept = SafeText(pieces[:at])
    meant = decode(kept)
    shown = len(meant) if isinstance(data, bytes) else len(meant.decode("utf-8", "surrogatepass"))
    return SafeText(f"{kept}\\cut{{{len(data) - shown}}}")


def _meant(token: re.Match[str]) -> bytes:
    kind, value = token[1], token[2]
    if kind == "u":
        return chr(int(value, 16)).encode("utf-8", "surrogatepass")
    if kind == "x":
        return bytes([int(value, 16)])
    if kind == "sp":
        return b" " * int(value)
    raise ValueError(f"the text was cut: {value} characters or bytes are not in it")


def _quoted(token: SafeText) -> str:
    if _BARE.fullmatch(token):
        return token
    return '"' + token.replace('"', "\\u{22}") + '"'
