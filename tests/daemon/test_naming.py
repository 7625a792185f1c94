"""Calls without an id of their hook: paired with their log by tool and input, in turn, whichever side comes first."""

from controlroom.daemon.naming import MATCH_SECONDS, MOST, OURS, Naming, fresh
from controlroom.model.told import Said, SubagentStarted, ToolResult, ToolUse

LS, SPACED = '{"a":1,"command":"ls"}', '{"command": "ls", "a": 1}'


def test_a_call_at_the_gate_gives_its_name_to_the_one_in_the_log() -> None:
    names, first, second = Naming(), fresh(), fresh()
    assert first.startswith(OURS)
    assert first != second
    assert [names.asked(call, "bash", LS, 1.0) for call in (first, second)] == [first, second]
    assert names.told(ToolUse("t1", "bash", SPACED), 2.0) == ToolUse(first, "bash", SPACED)
    assert names.told(ToolUse("t2", "bash", SPACED), 2.0).call == second
    assert names.told(ToolUse("t3", "bash", SPACED), 2.0).call == "t3"
    assert names.told(ToolUse("t1", "bash", SPACED), 9.0).call == first, "told again, it is the same"
    assert names.told(ToolResult("t2", False)).call == second
    assert names.told(SubagentStarted("s", "t1")).call == first
    assert names.told(Said("x")) == Said("x")
    assert names.asked(first, "bash", LS) == first


def test_a_recalled_call_takes_the_name_of_a_log_that_was_read_before_it() -> None:
    names, call = Naming(), fresh()
    assert names.told(ToolUse("t1", "bash", LS)).call == "t1"
    assert names.asked(call, "bash", LS) == "t1"
    assert names.of(call) == "t1"


def test_a_call_that_comes_now_is_none_that_a_log_told_long_ago() -> None:
    names, call = Naming(), fresh()
    names.told(ToolUse("t1", "bash", LS))
    assert names.asked(call, "bash", LS, 5.0) == call
    assert names.told(ToolUse("t2", "bash", LS), 6.0).call == call


def test_other_tools_other_inputs_and_what_is_too_long_ago_do_not_match() -> None:
    names = Naming()
    names.asked(fresh(), "bash", LS, 1.0)
    assert names.told(ToolUse("t1", "view", LS), 1.0).call == "t1"
    assert names.told(ToolUse("t2", "bash", '{"command":"rm"}'), 1.0).call == "t2"
    assert names.told(ToolUse("t3", "bash", LS), 2.0 + MATCH_SECONDS).call == "t3"


def test_calls_with_ids_of_their_own_keep_them() -> None:
    names = Naming()
    assert names.asked("toolu_1", "Bash", LS, 1.0) == "toolu_1"
    assert names.told(ToolUse("toolu_2", "Bash", LS), 1.0).call == "toolu_2"


def test_what_is_no_json_is_compared_as_it_stands_and_nothing_grows_without_end() -> None:
    names, call = Naming(), fresh()
    names.asked(call, "bash", "{broken", 1.0)
    assert names.told(ToolUse("t", "bash", "{broken"), 1.0).call == call
    for number in range(MOST + 10):
        names.told(ToolUse(f"u{number}", "bash", f'{{"n":{number}}}'), 1.0)
    assert names.asked(fresh(), "bash", '{"n":0}').startswith(OURS), "the oldest was let go"


def test_a_call_that_a_log_told_of_before_we_looked_and_that_is_not_over_is_found() -> None:
    names = Naming()
    for call in ("t1", "t2"):
        names.told(ToolUse(call, "bash", LS))
    assert names.waiting("bash", SPACED, lambda call: call == "t2") == "t2"
    assert names.waiting("bash", SPACED, lambda call: False) == names.waiting("view", LS, bool) == ""
