"""Secrets out of text: what looks like one becomes `<redacted:KIND:LENGTH>`, everything around it stays as it was (R14).

Whoever gives a `mark`, a digest that only a key can make, gets `<redacted:KIND:LENGTH:MARK>`: equal secrets can be seen to be
equal, and cannot be guessed from it (J18).

Redaction works on patterns: it cannot know a secret that looks like nothing. It is a net below the rule that secrets are
never-touch, not a replacement for it. A second pass over redacted text changes nothing.
"""

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from controlroom.text.patterns import CONTEXTS, KEY_NAMES, MARKER, NOT_ITSELF, SHAPES, TOKENS, WORD_NAMES

DIGITS = 16  # hex digits of a mark
Mark = Callable[[str], str]  # a secret → so many hex digits

_DEPTH = 8  # JSON in a string in JSON ... deeper text is redacted as plain text

_ROWS = TOKENS + CONTEXTS
_HINTS = tuple(tuple(hints.split(" ")) for _, hints, _ in _ROWS)
_ALL = tuple(range(len(_ROWS)))


def _sign(hint: str) -> str:
    """One character that every text with the hint has, and few others; "" = none. To miss it takes a tenth of the time."""
    return next((sign for sign in hint if sign.isupper()), "") or next((sign for sign in "=_-/." if sign in hint), "")


def _families() -> dict[str, dict[str, dict[str, list[int]]]]:
    """The rows of each hint, by sign and then by beginning: a text without the one or the other has none of these hints."""
    signs: dict[str, dict[str, dict[str, list[int]]]] = {}
    for number, hints in enumerate(_HINTS):
        for hint in hints:
            signs.setdefault(_sign(hint), {}).setdefault(hint[:2], {}).setdefault(hint, []).append(number)
    return {sign: {_beginning(hints): hints for hints in families.values()} for sign, families in signs.items()}


def _beginning(hints: Iterable[str]) -> str:
    """What all of them begin with."""
    first, last = min(hints), max(hints)
    return first[: next((at for at, letter in enumerate(first) if not last.startswith(letter, at)), len(first))]


_FAMILIES = tuple(_families().items())
_SHAPES = {n: re.compile(SHAPES[row[0]]) for n, row in enumerate(_ROWS) if row[0] in SHAPES}
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"')
_TELLING = re.compile(rf"(?:{WORD_NAMES}|{KEY_NAMES}|(?i:authorization|cookie)){NOT_ITSELF}\Z")
_TOLD = re.compile(_TELLING.pattern.removesuffix(r"\Z") + '"')
# Rows of which a hint is in every key that `_TELLING` knows.
_NAMED = frozenset(n for n in _ALL if _ROWS[n][0] in ("authorization", "cookie", "password", "secret"))
_LONGEST_KEY = 128  # characters; a longer key is content, and redacted as such
# In text that is not quite JSON a raw control character is content, no reason to look away.
_lenient = json.JSONDecoder(strict=False)
_COLON = re.compile(r"[ \t\r\n]*:")
_MARKER = re.compile(MARKER)


def redact(text: str, mark: Mark | None = None) -> str:
    """`text` with every secret that a pattern of ours finds replaced by its marker; LENGTH is in characters. Linear time."""
    return _among(text, _ALL, mark)


def _among(text: str, rows: tuple[int, ...], mark: Mark | None) -> str:
    found = _hinted(text, rows)
    return _combined(found).sub(lambda match: _marked(match, mark), text) if found else text


def _hinted(text: str, rows: tuple[int, ...]) -> tuple[int, ...]:
    """Those of the rows of which a hint is in the text."""
    small = text.lower()
    if rows is not _ALL:
        return tuple(n for n in rows if any(hint in small or hint in text for hint in _HINTS[n]))
    told: set[int] = set()
    for sign, families in _FAMILIES:
        if sign in text:
            held = text if sign.isupper() else small
            for common in [common for common in families if common in held]:
                told.update(n for hint, ns in families[common].items() if hint in held for n in ns)
    return tuple(n for n in sorted(told) if n not in _SHAPES or _SHAPES[n].search(text)) if told else ()


# Most texts call for none or the same few rows; as many as there are kinds of text are kept.
@lru_cache(maxsize=256)
def _combined(rows: tuple[int, ...]) -> re.Pattern[str]:
    tokens = "|".join(_grouped(number) for number in rows if number < len(TOKENS))
    contexts = "|".join(_grouped(number) for number in rows if number >= len(TOKENS))
    parts = (MARKER, f"(?<![A-Za-z0-9])(?:{tokens})" if tokens else "", contexts)
    return re.compile("|".join(part for part in parts if part))


def _grouped(number: int) -> str:
    # The row's own group is empty and comes last: a group in front would keep the engine from skipping by first letter.
    return f"{_ROWS[number][2].replace('(?P<s>', f'(?P<s{number}>')}(?P<r{number}>)"


def _marked(found: re.Match[str], mark: Mark | None) -> str:
    if found.lastgroup is None:
        return found[0]  # a marker of ours: its own words call for no second one
    row = found.lastgroup[1:]
    group = f"s{row}"
    start, end = found.span(group if group in found.re.groupindex else 0)
    whole = found[0]
    marker = _marker(_ROWS[int(row)][0], found.string[start:end], mark)
    return whole[: start - found.start()] + marker + whole[end - found.start() :]


def _marker(name: str, secret: str, mark: Mark | None) -> str:
    return f"<redacted:{name}:{len(secret)}{f':{mark(secret)}' if mark else ''}>"


def redact_json(text: str, mark: Mark | None = None) -> str:
    """The same for JSON text: looks into every string (also JSON within a string), and stays valid JSON.

    The whole of a string that is the value of a key with a telling name (password, api_key ...) goes, or that follows such a
    flag in a list of arguments. Only strings that hold
    a secret are written anew; all else stays byte by byte. Text that is not JSON comes back without its secrets, too.
    """
    if "\\" not in text and _is_quiet(text):
        return text
    return redact_valid(text, mark) if _is_json(text) else redact(text, mark)


def redact_valid(text: str, mark: Mark | None = None) -> str:
    """The same for what is known to be JSON."""
    if _is_quiet(text):
        return text
    # A hint that is nowhere in the whole text is in none of its strings; only these two escapes can hide one.
    return _in_strings(text, _DEPTH, _ALL if "\\u" in text or "\\/" in text else _hinted(text, _ALL), mark)


def _is_quiet(text: str) -> bool:
    """Whether nothing in a JSON text can be a secret, at one look: most records hold none, and this is their whole cost.

    With no other escape than that of a quote, every string, and every string of a JSON text in a string, stands in the text as
    it is, between quotes; and no pattern needs more of what stands around a string than that.
    """
    if text.count("\\") != text.count('\\"'):
        return False
    rows = _hinted(text, _ALL)
    if not rows:
        return True
    flat = text.replace('\\"', '"')
    return _combined(rows).search(flat) is None and (_NAMED.isdisjoint(rows) or _TOLD.search(flat) is None)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=str)  # str: a number of any length is JSON
    except RecursionError:
        return True  # deeper than anybody reads; whatever it is, strings are still found by their quotes
    except ValueError:
        return False
    return True


def _in_strings(text: str, depth: int, rows: tuple[int, ...], mark: Mark | None) -> str:
    out, at, key, before = [], 0, "", ""
    for found in _STRING.finditer(text):
        old = _loads(found[0])
        if _COLON.match(text, found.end()):
            key, new = old, _among(old, rows, mark)
        elif text[at : found.start()].strip() == ":" and _tells(key):
            new = _whole(old, mark)
        elif before.startswith("-") and text[at : found.start()].strip() == "," and _tells(before):
            new = _whole(old, mark)  # an argument list: a flag, and what belongs to it
        else:
            new = _value(old, depth, rows, mark)
        out.append(text[at : found.start()])
        out.append(found[0] if new == old else _dumps(new))
        at, before = found.end(), old
    return "".join(out) + text[at:]


def _value(old: str, depth: int, rows: tuple[int, ...], mark: Mark | None) -> str:
    if depth and old[:1] in ("{", "[") and _is_json(old):
        return _in_strings(old, depth - 1, rows, mark)
    return _among(old, rows, mark)


def _tells(key: str) -> bool:
    return len(key) <= _LONGEST_KEY and _TELLING.search(key) is not None


def _whole(old: str, mark: Mark | None) -> str:
    return old if not old or _MARKER.fullmatch(old) else _marker("value", old, mark)


def _loads(token: str) -> str:
    return str(_lenient.decode(token)) if "\\" in token else token[1:-1]


def _dumps(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        return json.dumps(value)  # lone surrogates only exist as escapes
    return json.dumps(value, ensure_ascii=False)
