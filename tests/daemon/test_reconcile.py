"""The log's calls beside the gate's: in any order, each once; what is missing, other, or ran though denied is a doubt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.daemon.reconcile import GRACE_SECONDS, MOST_CALLS, Doubt, Reconciler
from controlroom.model.action import Action
from controlroom.model.told import ToolResult, ToolUse

LS = Action("Bash", '{"command":"ls"}', "/w")
SAME, OTHER = '{"command":"ls"}', '{"command":"rm"}'


@pytest.fixture
def both() -> Reconciler:
    return Reconciler("/home/op")


def kinds(doubts: list[Doubt]) -> list[tuple[str, str]]:
    return [(doubt.kind, doubt.call) for doubt in doubts]


def test_a_call_on_both_sides_is_no_doubt_in_either_order(both: Reconciler) -> None:
    assert both.gate("a", LS) == []
    assert both.use(ToolUse("a", "Bash", SAME), 0) == []
    assert both.use(ToolUse("b", "Bash", SAME), 0) == []
    assert both.gate("b", LS) == []
    assert both.late(1e9) == []


@pytest.mark.row("G06")
def test_a_call_that_never_came_is_told_once_after_its_time(both: Reconciler) -> None:
    both.heard = True
    both.use(ToolUse("a", "Bash", SAME), 10)
    assert both.late(10 + GRACE_SECONDS - 0.01) == []
    [doubt] = both.late(10 + GRACE_SECONDS)
    assert doubt == Doubt("ungated", "a", "UNGATED: the agent's log tells of Bash (a) and it never came to the gate")
    assert both.use(ToolUse("a", "Bash", SAME), 20) == []
    assert both.late(1e9) == []


def test_that_no_hook_has_spoken_is_told_with_it(both: Reconciler) -> None:
    both.use(ToolUse("a", "Bash", SAME), 0)
    assert both.late(9)[0].text.endswith("; no hook of this agent has spoken")


def test_what_was_turned_away_before_any_hook_is_no_doubt(both: Reconciler) -> None:
    both.use(ToolUse("a", "Bash", SAME), 0)
    both.result(ToolResult("a", True, refused=True))
    assert both.late(9) == []


def test_what_failed_ran_all_the_same(both: Reconciler) -> None:
    both.use(ToolUse("a", "Bash", SAME), 0)
    both.result(ToolResult("a", True))
    assert kinds(both.late(9)) == [("ungated", "a")]


@pytest.mark.row("G06")
@pytest.mark.parametrize("first", ["gate", "log"])
def test_another_input_in_the_log_is_told_whichever_came_first(both: Reconciler, first: str) -> None:
    used = ToolUse("a", "Bash", OTHER)
    doubts = both.gate("a", LS) + both.use(used, 0) if first == "gate" else both.use(used, 0) + both.gate("a", LS)
    assert kinds(doubts) == [("other-input", "a")]
    assert "command is 'rm', approved was 'ls'" in doubts[0].text


@pytest.mark.row("G06")
def test_another_input_in_the_report_of_what_ran_is_told_once(both: Reconciler) -> None:
    both.gate("a", LS)
    both.use(ToolUse("a", "Bash", SAME), 0)  # the log keeps the model's own words when a hook of others rewrites them
    assert kinds(both.ran("a", "Bash", OTHER)) == [("other-input", "a")]
    assert both.ran("a", "Bash", OTHER) == []
    assert both.ran("never asked", "Bash", OTHER) == []


@pytest.mark.row("G06")
def test_a_denied_call_that_ended_well_ran_though_denied(both: Reconciler) -> None:
    both.gate("a", LS)
    both.denied("a")
    assert both.result(ToolResult("a", True)) == []
    [doubt] = both.result(ToolResult("a", False))
    assert doubt.text.startswith("RAN THOUGH DENIED")


@given(st.permutations(["gate", "use", "ran", "result"]))
def test_an_honest_call_is_no_doubt_in_any_order(order: list[str]) -> None:
    both = Reconciler("/home/op")
    doubts: list[Doubt] = []
    for step in order:
        if step == "gate":
            doubts += both.gate("a", LS)
        elif step == "use":
            doubts += both.use(ToolUse("a", "Bash", SAME), 0)
        elif step == "ran":
            doubts += both.ran("a", "Bash", SAME)
        else:
            doubts += both.result(ToolResult("a", False))
    assert doubts + both.late(9) == []


def test_inputs_are_kept_within_bounds_and_an_id_is_known_longer(both: Reconciler) -> None:
    large = Action("Write", f'{{"content":"{"x" * (1 << 20)}"}}', "/w")
    for number in range(20):
        both.gate(f"c{number}", large)
    assert both.use(ToolUse("c0", "Write", OTHER), 0) == []  # too old to compare, and not ungated
    assert kinds(both.use(ToolUse("c19", "Write", OTHER), 0)) == [("other-input", "c19")]
    assert both.late(9) == []


def test_what_is_remembered_is_bounded(both: Reconciler) -> None:
    for number in range(MOST_CALLS + 10):
        both.use(ToolUse(f"u{number}", "Bash", SAME), 0)
        both.gate(f"g{number}", LS)
    assert len(both.late(9)) == MOST_CALLS


def test_a_call_that_waits_for_its_turn_at_the_gate_is_not_late_meanwhile(both: Reconciler) -> None:
    both.use(ToolUse("a", "bash", SAME), 0)
    both.wait(100)
    assert both.late(100 + GRACE_SECONDS - 0.01) == []
    assert kinds(both.late(100 + GRACE_SECONDS)) == [("ungated", "a")]


def test_a_call_without_an_id_is_found_in_the_log_by_its_tool_and_input(both: Reconciler) -> None:
    for call in ("a", "b"):
        both.use(ToolUse(call, "bash", '{"command": "ls"}'), 0)
    assert both.open("bash", SAME) == "a"
    both.gate("a", Action("bash", SAME, "/w"))
    assert both.open("bash", SAME) == "b"
    assert both.open("bash", OTHER) == both.open("Bash", SAME) == ""


def test_the_end_of_a_call_without_an_id_is_the_first_one_like_it_that_runs(both: Reconciler) -> None:
    for call, text in (("a", OTHER), ("b", SAME), ("c", SAME)):
        both.gate(call, Action("bash", text, "/w"))
    assert both.of(["a", "b", "c"], "bash", SAME) == "b"
    assert both.of(["a", "c"], "bash", SAME) == "c"
    assert both.of(["a", "b"], "bash", "{}") == "a", "another hook has changed its input"
    assert both.of(["a", "b"], "bash", "") == "", "which of them is not told"
    assert both.of(["b"], "bash", "") == "b"
    assert both.of(["a"], "view", SAME) == both.of([], "bash", SAME) == ""
