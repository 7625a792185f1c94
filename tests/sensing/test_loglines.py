"""What a line of a log says of itself, as the programs that agents run really write it."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.sensing.loglines import LEVELS, Tally, level_of, recognise

NOON = int(datetime(2026, 11, 26, 12, 0, tzinfo=UTC).timestamp()) * 10**9


@pytest.mark.parametrize(
    ("line", "level", "time", "kind"),
    [
        (b'{"level":"error","time":"2026-11-26T12:00:00Z","msg":"x"}', "error", NOON, ""),
        (b'{"severity":"WARNING","ts":1795694400.5}', "warn", NOON + 500_000_000, ""),
        (b'{"level":30,"time":1795694400000,"pid":7}', "info", NOON, ""),
        (b'{"lvl":"dbg","event":"request"}', "debug", None, "request"),
        (b'{"type":"assistant","timestamp":"2026-11-26T13:00:00.000+01:00"}', "", NOON, "assistant"),
        (b'{"level":{"a":1},"type":["x"],"time":null}', "", None, ""),
        (b'{"level":"error","cut off', "error", None, ""),
        (b"time=2026-11-26T12:00:00Z level=warn msg=slow", "warn", NOON, ""),
        (b'ts="2026-11-26 12:00:00" lvl=eror msg="no"', "error", NOON, ""),
        (b"2026-11-26 12:00:00,250 - app - ERROR - no", "error", NOON + 250_000_000, ""),
        (b"[2026/11/26 12:00:00] CRITICAL: gone", "fatal", NOON, ""),
        (b"E1126 12:00:00.000000    1 server.go:1] no", "error", None, ""),
        (b"[warn] slow", "warn", None, ""),
        (b"error: no such file", "error", None, ""),
        (b"INFO:root:started", "info", None, ""),
        (b"1795694400 started", "", NOON, ""),
        (b"0 errors, 3 warnings", "", None, ""),
        (b"the ERRORS of 2026-11-31 99:00:00", "", None, ""),
        (b"", "", None, ""),
        (b"\xff\0\xfe", "", None, ""),
    ],
)
def test_level_time_and_type_are_recognised(line: bytes, level: str, time: int | None, kind: str) -> None:
    told = recognise(line)
    assert (told.level, told.time, told.kind) == (level, time, kind)


@pytest.mark.row("R03", "R15")
@given(st.binary(max_size=400) | st.text(alphabet='{}[]":,levtimrn0123456789-TZ =E', max_size=200).map(str.encode))
def test_every_line_has_an_answer(line: bytes) -> None:
    told = recognise(line)
    assert told.level in (*LEVELS, "")
    assert level_of(line) == told.level


@pytest.mark.row("R15")
@pytest.mark.parametrize("evil", [b" level=", b"[ [ [", b"2026-11-26T", b'{"level":', b"1111111111.", b'{"a":' * 9, b"EMERG"])
def test_no_line_takes_more_steps_than_it_is_long(evil: bytes) -> None:
    """Only so many bytes of a text are looked at; so a line that is a thousand times as long costs no more."""
    short, long = evil * 100, evil * 100_000
    assert recognise(short) == recognise(short + long[len(short) :])


json_lines = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "level": st.sampled_from(["info", "ERROR", "warning", 50, None, "odd"]),
            "severity": st.sampled_from(["crit", "debug"]),
            "type": st.sampled_from(["user", "assistant", "x" * 60]),
            "msg": st.text(max_size=10),
        },
    ),
    max_size=12,
)


@given(json_lines, st.sampled_from([b"", b"\n", b"no json\n", b'{"type":[1]}\n', b'{"level":{}}\n']))
def test_lines_counted_together_are_counted_as_one_by_one(rows: list[dict[str, object]], odd: bytes) -> None:
    together, alone = Tally(), Tally()
    lines = [msgspec.json.encode(row) + b"\n" for row in rows]
    together.add(b"".join(lines) + odd)
    for line in lines:
        told = recognise(line)
        alone.levels[told.level] += 1
        if told.kind:
            alone.types[told.kind] += 1
    if odd.strip():
        alone.levels[""] += 1
    assert (+together.levels, together.types) == (+alone.levels, alone.types)


def test_the_types_that_are_kept_are_bounded() -> None:
    tally = Tally()
    tally.add(b"".join(b'{"type":"t%d"}\n' % number for number in range(1_000)))
    assert len(tally.types) == Tally.MOST + 1
    assert tally.types.total() == 1_000
