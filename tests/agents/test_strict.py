"""The strict reader: what it lets through means the same to every reader, and it never fails in another way (G08)."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.agents.strict import MOST_DEPTH, BadJson, canonical, read, read_object, text_at

pytestmark = pytest.mark.row("G08")
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        (b'{"a":1,"a":2}', 'key "a"', "twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', 'key "a"', "twice"),
        (b"NaN", "a number", "NaN"),
        (b"[Infinity]", "a number", "Infinity"),
        (b"-Infinity", "a number", "Infinity"),
        (b"1e999", "a number", "too large"),
        (b"9" * 400, "a number", "too large"),
        (b"9" * 5000, "a number", "too large"),
        (b'"\xff"', "byte 1", "UTF-8"),
        (b'"\xed\xa0\x80"', "byte 1", "UTF-8"),
        (b"\xef\xbb\xbf{}", "line 1 column 1", "not JSON"),
        (b'{"a":"\\ud800"}', 'key "a"', "surrogate"),
        (b'{"\\udfff":1}', "a key", "surrogate"),
        (b'{"a":"\\u0000"}', 'key "a"', "NUL"),
        (b'{"a":\n  x}', "line 2 column 3", "not JSON"),
        (b'{"a":1}{"a":1}', "line 1 column 8", "not JSON"),
        (b'{"a":"x\ty"}', "line 1 column 8", "not JSON"),
        (b"{'a':1}", "line 1 column 2", "not JSON"),
        (b'{"a":1,}', "line 1 column", "not JSON"),
        (b"", "line 1 column 1", "not JSON"),
        (b"[" * 33 + b"]" * 33, "the top", "32 levels"),
        (b"[" * 100_000, "somewhere", "32 levels"),
        (b'{"a":' * 100_000, "somewhere", "32 levels"),
    ],
)
def test_it_says_where_and_what(data: bytes, where: str, what: str) -> None:
    with pytest.raises(BadJson) as caught:
        read(data)
    assert caught.value.where.startswith(where)
    assert what in caught.value.what


def test_the_limits_themselves_are_inside() -> None:
    read(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)
    read(b'"' + b"x" * 98 + b'"', 100)
    with pytest.raises(BadJson, match="101 bytes; at most 100"):
        read(b'"' + b"x" * 99 + b'"', 100)


@pytest.mark.parametrize("data", [b"[]", b'"x"', b"1", b"true", b"null", b"1.5"])
def test_an_object_is_an_object(data: bytes) -> None:
    with pytest.raises(BadJson, match="must be an object, not "):
        read_object(data)


def test_a_key_of_another_type_is_named() -> None:
    told: dict[str, object] = {"a": 1, "b": None, "c": "x", "d": True}
    assert text_at(told, "c") == "x"
    assert text_at(told, "b", "none") == text_at(told, "missing", "none") == "none"
    for key, what in (("a", "not a number"), ("b", "missing"), ("d", "not a boolean"), ("missing", "missing")):
        with pytest.raises(BadJson, match=f"{key}: .*{what}"):
            text_at(told, key)


@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert read(json.dumps(value).encode()) == value
    assert read(canonical(value).encode()) == value


@given(st.dictionaries(TEXT, VALUES, max_size=6), st.randoms(use_true_random=False))
def test_equal_values_have_one_canonical_text(value: dict[str, object], random: object) -> None:
    keys = sorted(value, key=lambda key: hash((key, str(random))))
    assert canonical({key: value[key] for key in keys}) == canonical(value)
    assert canonical(read(canonical(value).encode())) == canonical(value)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = read(data)
    except BadJson as e:
        assert e.where and e.what
        return
    assert "\n" not in canonical(value)


@given(VALUES, st.integers(0, 400), st.binary(max_size=3))
def test_damaged_json_is_read_or_refused(value: object, at: int, put: bytes) -> None:
    data = json.dumps(value).encode()
    data = data[: at % (len(data) + 1)] + put + data[at % (len(data) + 1) :]
    try:
        found = read(data)
    except BadJson:
        return
    assert not isinstance(found, float) or math.isfinite(found)
