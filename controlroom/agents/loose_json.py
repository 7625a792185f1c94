"""JSON as people write settings: with comments, commas at ends, and the bare keys and single quotes of JSON5. One pass."""

import re

from controlroom.agents.strict import BadJson, read

MOST = 1 << 20  # bytes
# One alternative for each thing that may stand anywhere; no two begin alike, so the walk is linear.
_PART = re.compile(
    r"""(?P<space>[\s\ufeff]+)|(?P<line>//[^\r\n]*)|(?P<block>/\*(?s:.*?)\*/)|(?P<double>"(?:[^"\\\r\n]|\\(?s:.))*")"""
    r"""|(?P<single>'(?:[^'\\\r\n]|\\(?s:.))*')|(?P<mark>[{}\[\]:,])|(?P<word>[\w$.+-]+)"""
)
_WORDS = frozenset({"true", "false", "null"})
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_ESCAPED = re.compile(r"\\(?s:(.))")


def read_loose(data: bytes) -> object:
    """The value that `data` holds. Raises BadJson with the place and what is wrong there."""
    if len(data) > MOST:
        raise BadJson(f"byte {MOST}", f"the file has {len(data)} bytes; at most {MOST} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as e:
        raise BadJson(f"byte {e.start}", "is not UTF-8") from None
    return read(_strict(text).encode(), 4 * MOST)


def _strict(text: str) -> str:
    parts = _parts(text)
    out: list[str] = []
    for at, (kind, part) in enumerate(parts):
        after = parts[at + 1][1] if at + 1 < len(parts) else ""
        if kind == "single":
            out.append(_double(part))
        elif kind == "word":
            out.append(_word(part, key=after == ":"))
        elif part != "," or after not in ("}", "]"):
            out.append(part)
    return " ".join(out)


def _parts(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            line = text.count("\n", 0, at) + 1
            raise BadJson(f"line {line}", f"{text[at : at + 20]!r} is not JSON")
        if part.lastgroup not in ("space", "line", "block"):
            found.append((part.lastgroup or "", part[0]))
        at = part.end()
    return found


def _double(quoted: str) -> str:
    inner = _ESCAPED.sub(lambda found: "'" if found[1] == "'" else found[0], quoted[1:-1])
    return '"' + re.sub(r'(\\.)|"', lambda found: found[1] or r"\"", inner, flags=re.DOTALL) + '"'


def _word(word: str, *, key: bool) -> str:
    if key:
        return f'"{word}"'
    if word in _WORDS:
        return word
    if _NUMBER.fullmatch(word):
        plain = word.lstrip("+")
        return str(int(plain, 16)) if "x" in plain.lower() else re.sub(r"\.(?!\d)", ".0", re.sub(r"(?<!\d)\.", "0.", plain))
    raise BadJson(f"the word {word[:40]!r}", "is not JSON")
