"""What a line of a log says of itself: its level, its time and its type, in JSON, logfmt or plain text.

Pure, tolerant and linear (R15): every line has an answer, and what is not recognised is "". All of it is the writer's claim.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from operator import attrgetter
from typing import Literal, get_args

import msgspec

Level = Literal["trace", "debug", "info", "warn", "error", "fatal"]
LEVELS: tuple[Level, ...] = get_args(Level)  # mildest first
LOOKED_AT = 512  # bytes of a line that is not JSON
MOST_WORD = 40  # characters of a type

_SPELLINGS: dict[Level, bytes] = {
    "trace": b"trace trc finest verbose silly",
    "debug": b"debug dbg fine",
    "info": b"info inf information informational notice log",
    "warn": b"warn wrn warning",
    "error": b"error err eror severe",
    "fatal": b"fatal ftl critical crit alert emerg emergency panic",
}
_WORDS: dict[bytes, Level] = {word: level for level, words in _SPELLINGS.items() for word in words.split()}
_NUMBERS: dict[bytes, Level] = {b"10": "trace", b"20": "debug", b"30": "info", b"40": "warn", b"50": "error", b"60": "fatal"}
_UPPER = re.compile(
    rb"(?<![A-Za-z0-9_])(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|CRITICAL|CRIT|FATAL|PANIC|ALERT|EMERG)(?![A-Za-z0-9_])"
)
_BRACKET = re.compile(rb"\[\s{0,2}([A-Za-z]{3,13})\s{0,2}\]")
_FIRST = re.compile(rb"(?i:(error|warning|fatal|panic|critical|info|debug))\b ?[:\]]")
_LOGFMT = re.compile(rb"(?:^|[ \t])(?:level|lvl|severity)=\"?([A-Za-z]{3,13})")
_LOGFMT_TIME = re.compile(rb"(?:^|[ \t])(?:time|ts|timestamp)=\"?([0-9][0-9T:.,+Z -]{9,34})")
_JSON = re.compile(rb"\"(?:level|severity|lvl)\"[ ]?:[ ]?\"([A-Za-z]{3,13})\"")
_GLOG = re.compile(rb"([IWEF])[0-9]{4} [0-9]{2}:[0-9]{2}:")
_GLOG_LEVELS: dict[bytes, Level] = {b"I": "info", b"W": "warn", b"E": "error", b"F": "fatal"}
_TIME = re.compile(
    rb"([0-9]{4})[-/]([0-9]{2})[-/]([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?"
    rb"[ ]?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH = re.compile(rb"([0-9]{10})(?:([0-9]{3})|([0-9]{6})|([0-9]{9}))?(?:\.([0-9]{1,9}))?(?![0-9])")
_SECOND = 1_000_000_000


class Told(msgspec.Struct, frozen=True):
    """What one line claims. `time`: ns since the epoch, None = none was recognised; without a zone it is taken as UTC."""

    level: Level | Literal[""] = ""
    time: int | None = None
    kind: str = ""


class _Json(msgspec.Struct, frozen=True, gc=False):
    """The keys that writers of JSON logs use. Raw: a value of any type is taken, and looked at only where it is needed."""

    level: msgspec.Raw = msgspec.Raw()
    severity: msgspec.Raw = msgspec.Raw()
    lvl: msgspec.Raw = msgspec.Raw()
    type: msgspec.Raw = msgspec.Raw()
    event: msgspec.Raw = msgspec.Raw()
    time: msgspec.Raw = msgspec.Raw()
    timestamp: msgspec.Raw = msgspec.Raw()
    ts: msgspec.Raw = msgspec.Raw()


_NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decoder = msgspec.json.Decoder(_Json)


def recognise(line: bytes) -> Told:
    """What the line says of itself."""
    if line[:1] == b"{":
        try:
            return _of_json(_decoder.decode(line))
        except _NO_JSON:
            pass  # cut off, or no JSON after all: it is read as text
    head = line[:LOOKED_AT]
    found = _LOGFMT.search(head)
    if found:
        stamp = _LOGFMT_TIME.search(head)
        return Told(_WORDS.get(found[1].lower(), ""), _time(stamp[1]) if stamp else None)
    return Told(_plain_level(head), _plain_time(head))


def level_of(line: bytes) -> Level | Literal[""]:
    """The level alone."""
    return recognise(line).level


def _of_json(found: _Json) -> Told:
    level = _json_level(next((raw for raw in (found.level, found.severity, found.lvl) if bytes(raw)), msgspec.Raw()))
    stamp = next((bytes(raw) for raw in (found.time, found.timestamp, found.ts) if bytes(raw)), b"")
    kind = next((bytes(raw) for raw in (found.type, found.event) if bytes(raw)[:1] == b'"'), b"")
    return Told(level, _time(stamp.strip(b'"')), kind.strip(b'"')[:MOST_WORD].decode("utf-8", "replace"))


def _json_level(raw: msgspec.Raw) -> Level | Literal[""]:
    word = bytes(raw).strip(b'"').lower()
    return _WORDS.get(word) or _NUMBERS.get(word) or ""


def _plain_level(head: bytes) -> Level | Literal[""]:
    if found := _GLOG.match(head):
        return _GLOG_LEVELS[found[1]]
    for pattern in (_JSON, _UPPER):
        if found := pattern.search(head):
            return _WORDS.get(found[1].lower(), "")
    for pattern in (_BRACKET, _FIRST):
        if (found := pattern.search(head) if pattern is _BRACKET else pattern.match(head)) and found[1].lower() in _WORDS:
            return _WORDS[found[1].lower()]
    return ""


def _plain_time(head: bytes) -> int | None:
    """A time that stands at the begin, or right behind a bracket or a short word; a date in a sentence is none."""
    found = _TIME.search(head, 0, 64)
    return _time(found[0]) if found else _time(head[:32])


def _time(text: bytes) -> int | None:
    if found := _TIME.match(text):
        return _calendar(found)
    if found := _EPOCH.match(text):
        return _epoch(found)
    return None


def _calendar(found: re.Match[bytes]) -> int | None:
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    try:
        at = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * _SECOND
    except (ValueError, OverflowError):
        return None  # the 31st of February
    if found[7]:
        at += int(found[7].ljust(9, b"0"))
    zone = found[8]
    if zone and zone != b"Z":
        seconds = (int(zone[1:3]) * 60 + int(zone[-2:])) * 60
        at -= seconds * _SECOND if zone[:1] == b"+" else -seconds * _SECOND
    return at


def _epoch(found: re.Match[bytes]) -> int:
    """Seconds, milli-, micro- or nanoseconds since the epoch, told apart by how many digits there are."""
    whole, finer = found[1], found[2] or found[3] or found[4] or found[5] or b""
    return int(whole) * _SECOND + int(finer.ljust(9, b"0"))


class _Row(msgspec.Struct, frozen=True, gc=False):
    """As much of a line as is counted; a value of another type is looked at by itself."""

    level: str | int | None = None
    severity: str | int | None = None
    type: str | None = None


_rows = msgspec.json.Decoder(_Row)
_key = attrgetter("level", "severity", "type")
_OTHER = "other types"


class Tally:
    """Counts lines of JSON by what they say of themselves, many at a time: the typed index of a log. At most MOST types."""

    MOST = 64

    def __init__(self) -> None:
        self.levels: Counter[Level | Literal[""]] = Counter()
        self.types: Counter[str] = Counter()
        self.odd = 0  # lines that are no JSON object

    def add(self, data: bytes) -> None:
        """Takes whole lines."""
        try:
            counted = Counter(map(_key, _rows.decode_lines(data)))
        except _NO_JSON:
            for line in data.splitlines():
                self._add_odd(line)
            return
        for (level, severity, kind), count in counted.items():
            word = level if level is not None else severity
            self._count(_json_level(msgspec.Raw(str(word).encode())) if word is not None else "", kind or "", count)

    def _add_odd(self, line: bytes) -> None:
        told = recognise(line)
        self.odd += line[:1] != b"{"
        self._count(told.level, told.kind, 1)

    def _count(self, level: Level | Literal[""], kind: str, count: int) -> None:
        self.levels[level] += count
        kind = kind[:MOST_WORD]
        if kind:
            known = kind in self.types or len(self.types) < self.MOST
            self.types[kind if known else _OTHER] += count
