"""What goes into the journal and to the operators can always be written, whatever a file is called."""

import json
import os

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.model import wire
from controlroom.model.agent import Inventory, StopResult

NAMES = st.binary(max_size=8).map(os.fsdecode) | st.text(st.characters(), max_size=8)


def test_what_can_be_written_as_it_is_is_not_changed() -> None:
    found = Inventory(1, writing=("/ä",))
    assert wire.encode(found) == msgspec.json.encode(found)


@pytest.mark.row("K19")
def test_a_name_that_is_not_utf8_is_told_byte_by_byte() -> None:
    result = StopResult("s", "kill", "ECHILD", 3, found=Inventory(1, writing=(os.fsdecode(b"/w/\xff\xc3\xa4"),)))
    told = msgspec.json.decode(wire.encode(result), type=StopResult)
    assert told == msgspec.structs.replace(result, found=Inventory(1, writing=("/w/\\xffä",)))


def test_what_is_json_already_stays_so_beside_such_a_name() -> None:
    assert json.loads(wire.encode({"\udcff": [msgspec.Raw(b'{"a":1}'), None, 2.5]})) == {"\\xff": [{"a": 1}, None, 2.5]}


@given(st.recursive(NAMES | st.integers(0, 9), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=6))
def test_everything_made_of_names_can_be_written(value: object) -> None:
    json.loads(wire.encode(value))
