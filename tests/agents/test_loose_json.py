"""JSON as people write it: comments, commas at ends, JSON5's keys and quotes; and nothing that is none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.agents.loose_json import read_loose
from controlroom.agents.strict import BadJson

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/*', ", max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.sampled_from([None, 1, "\t"]))
def test_json_reads_as_what_it_is(value: object, indent: int | str | None) -> None:
    assert read_loose(json.dumps(value, indent=indent).encode()) == value
    assert read_loose(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('// a\n{"a": 1, /* b\n */ "c": [1, 2,],}', {"a": 1, "c": [1, 2]}),
        ("{a: 'it\\'s \"x\"', $b: +1, c: .5, d: 0x1F, e: null}", {"a": 'it\'s "x"', "$b": 1, "c": 0.5, "d": 31, "e": None}),
        ('\ufeff{"a": "// no comment /* at all */"}', {"a": "// no comment /* at all */"}),
        ('{"a": "x\\"}, // y"}', {"a": 'x"}, // y'}),
    ],
)
def test_what_people_write(text: str, value: object) -> None:
    assert read_loose(text.encode()) == value


@pytest.mark.parametrize(
    "data", [b"", b"{", b"{a}", b"[1 2]", b"{'a': wrong}", b'"\n"', b"/* open", b"\xff", b"{'a': 1, 'a': 2}", b"[" * 99, b"{},"]
)
def test_what_is_none_is_named(data: bytes) -> None:
    with pytest.raises(BadJson):
        read_loose(data)


@pytest.mark.row("R15")
@pytest.mark.parametrize(
    "text", ["/*" * 100_000, '"' + "\\" * 200_000, "'" * 200_001, "-" * 200_000, "{" * 200_000, "," * 200_000]
)
def test_hostile_text_is_refused_in_one_pass(text: str) -> None:
    """Quadratic work on these would run into the test's deadline."""
    with pytest.raises(BadJson):
        read_loose(text.encode())
