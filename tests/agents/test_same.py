"""A call ran with the input that was approved, or it did not: what agents fill in on their way is none, all else is."""

import json

import pytest

from controlroom.agents.same import difference
from controlroom.model.action import Action

HOME = "/home/op"


def compare(approved: object, told: object, tool: str = "Bash") -> str:
    return difference(Action("Bash", json.dumps(approved), "/home/op/shop"), tool, json.dumps(told), HOME)


@pytest.mark.parametrize(
    ("approved", "told"),
    [
        ({"command": "ls"}, {"command": "ls"}),
        ({"a": 1, "b": {"c": [1, 2]}}, {"b": {"c": [1, 2]}, "a": 1}),
        ({"file_path": "/home/op/shop/a", "replace_all": False}, {"file_path": "a"}),  # both seen in Claude Code 2.1.330
        ({"file_path": "/home/op/a"}, {"file_path": "~/a"}),
        ({"file_path": "/home/op/a"}, {"file_path": "~/shop/../a"}),
        ({"command": "ls", "timeout": None, "description": ""}, {"command": "ls"}),
    ],
)
def test_the_same(approved: object, told: object) -> None:
    assert compare(approved, told) == ""
    assert compare(told, approved) == ""


@pytest.mark.row("G06")
@pytest.mark.parametrize(
    ("approved", "told", "word"),
    [
        ({"command": "ls"}, {"command": "rm -rf build"}, "command is 'rm -rf build', approved was 'ls'"),
        ({"command": "ls"}, {"command": "ls "}, "command is 'ls ', approved was 'ls'"),
        (
            {"command": "ls"},
            {"command": "ls", "run_in_background": True},
            "run_in_background is 'true', approved was not there",
        ),
        ({"file_path": "/home/op/shop/a"}, {"file_path": "../a"}, "file_path is '/home/op/a'"),
        ({"content": "a"}, {"content": "b"}, "content is 'b', approved was 'a'"),
        ({"command": "ls"}, {}, "command is not there"),
        ({"command": "x" * 300}, {"command": "y" * 300}, "..."),
        ({"command": 0}, {"command": False}, "command is not there"),
        ({"command": "ls"}, ["ls"], "of another shape"),
    ],
)
def test_another_input_is_named(approved: object, told: object, word: str) -> None:
    assert word in compare(approved, told)


def test_another_tool_is_named() -> None:
    assert compare({"command": "ls"}, {"command": "ls"}, tool="Write") == "the tool is Write, approved was Bash"


def test_what_is_not_told_is_no_difference() -> None:
    assert difference(Action("Bash", '{"command":"ls"}', "/"), "", "", HOME) == ""


@pytest.mark.parametrize("told", ['{"command":', "\x00", "[" * 5000])
def test_an_input_that_cannot_be_read_is_one(told: str) -> None:
    assert difference(Action("Bash", '{"command":"ls"}', "/"), "Bash", told, HOME) == "its input cannot be read"
