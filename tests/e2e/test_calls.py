"""Several calls at once, and the calls of subagents, each with an answer of its own."""

import pytest

from tests.e2e.room import ANSWER, Room
from tests.support.model_server import Call, Model, Turn, call_id
from tests.support.waiting import eventually


def removal(name: str) -> Call:
    return Call("Bash", {"command": f"rm -rf {name}", "description": f"remove {name}"})


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first first", "second first"])
def test_two_parallel_calls_are_answered_in_either_order(room: Room, order: tuple[int, int]) -> None:
    """Two subagents ask at once: the allow goes to the one, the denial to the other, whichever is answered first."""
    for name in ("red", "blue"):
        (room.workspace / name).mkdir()
    agents = [
        Call("Agent", {"description": name, "prompt": f"[[{name}]] go", "subagent_type": "general-purpose"})
        for name in ("red", "blue")
    ]
    room.start()
    turns: dict[str, list[Turn]] = {
        "main": [agents, "done"],
        "red": [[removal("red")], "done"],
        "blue": [[removal("blue")], "done"],
    }
    with Model(turns) as model:
        run = room.supervised(model, "[[main]] clean up")
        waiting = room.pending(2)
        red, blue = (next(each for each in waiting if name in str(each["action"])) for name in ("red", "blue"))
        for number in order:
            if number == 0:
                room.allow(red)
            else:
                room.deny(blue, "not this one")
        eventually(lambda: {call_id("red", 0), call_id("blue", 0)} <= set(model.results), ANSWER, "both results")
        run.wait()
    assert not (room.workspace / "red").exists()
    assert (room.workspace / "blue").exists()
    assert not model.results[call_id("red", 0)].error
    assert "not this one" in model.results[call_id("blue", 0)].text


def test_a_subagents_call_is_held_like_any_other(room: Room) -> None:
    room.start()
    agent = Call("Agent", {"description": "helper", "prompt": "[[sub]] go", "subagent_type": "general-purpose"})
    with Model({"main": [[agent], "done"], "sub": [[removal("build")], "done"]}) as model:
        run = room.supervised(model, "[[main]] have it cleaned up")
        [request] = room.pending()
        assert (room.workspace / "build" / "release.tar").exists()
        room.deny(request, "no helper removes this")
        eventually(lambda: call_id("sub", 0) in model.results, ANSWER, "the subagent's result")
        run.wait()
    assert (room.workspace / "build" / "release.tar").exists()
    assert "no helper removes this" in model.results[call_id("sub", 0)].text
