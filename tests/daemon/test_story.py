"""One story from two sources: each call once, with its gate record and its outcome, in the order of arrival."""

import msgspec
import pytest

from controlroom.daemon.story import MOST_PROCESSES, MOST_ROWS, TICK, Born, Story
from controlroom.model.action import Action
from controlroom.model.clock import SECOND, Instant
from controlroom.model.record import Intent, Kind, Outcome, Receipt, Record, Stage
from controlroom.model.request import Decision
from controlroom.model.tier import Tier, Verdict
from controlroom.model.told import Changed, Cost, Prompt, Said, Spent, Thought, Tokens, Told, ToolResult, ToolUse, Unknown
from controlroom.model.view import LogView
from tests.support.core_make import assessment

AT = Instant(1, 1)


def tell(story: Story, *told: Told, claimed: object = None, before: bool = False) -> None:
    for one in told:
        story.entry(AT, one, claimed, "", before)


def record(story: Story, kind: Kind, body: object, receipt: str = "r1") -> None:
    story.note(7, Record(kind, AT, "s", receipt, msgspec.Raw(msgspec.json.encode(body))))


def gate(story: Story, verdict: Verdict = Verdict.ALLOW) -> None:
    action = Action("Bash", '{"command":"rm -rf build"}', "/w")
    record(story, Kind.INTENT, Intent("d", action, assessment(Tier.T2), "claude", call="c1"))
    record(story, Kind.DECISION, Decision("r1", "d", verdict, "operator:op", "", AT))


def only(story: Story) -> LogView:
    [row] = story.rows()
    return row


USE = ToolUse("c1", "Bash", '{"command":"rm -rf build"}')


def test_a_call_is_one_row_with_its_gate_record_and_its_outcome() -> None:
    story = Story()
    tell(story, USE)
    gate(story)
    tell(story, ToolResult("c1", False, "gone"))
    row = only(story)
    assert (row.kind, row.text, row.told) == ("call", "Bash rm -rf build", True)
    assert (row.gate, row.receipt, row.outcome) == ("allowed by operator:op, T2", "r1", "done")
    assert "gone" in row.more


@pytest.mark.parametrize(("failed", "refused", "word"), [(True, False, "failed"), (True, True, "did not run")])
def test_how_a_call_ended(failed: bool, refused: bool, word: str) -> None:
    story = Story()
    tell(story, USE, ToolResult("c1", failed, "", refused))
    assert only(story).outcome == word


def test_a_call_that_the_log_has_not_told_of_stands_as_the_journal_has_it() -> None:
    story = Story()
    gate(story)
    assert [row.kind for row in story.rows()] == [Kind.INTENT, Kind.DECISION]
    assert not any(row.told for row in story.rows())


def test_records_that_were_shown_give_way_when_the_log_tells_of_their_call() -> None:
    story = Story()
    gate(story)
    assert len(list(story.rows())) == 2
    tell(story, USE)
    assert only(story).gate == "allowed by operator:op, T2"


def test_a_doubt_stands_in_the_place_of_the_gate_record() -> None:
    story = Story()
    tell(story, USE)
    story.doubt("c1", "ungated")
    assert (only(story).gate, only(story).doubt) == ("UNGATED", True)


def test_without_a_gate_for_its_kind_no_call_is_called_ungated() -> None:
    story = Story(gated=False)
    tell(story, USE)
    assert (only(story).gate, only(story).doubt) == ("no gate", False)


def test_a_call_that_came_to_the_gate_has_its_record_although_its_log_was_read_before_a_gate_was_known() -> None:
    """A daemon that is started again reads the log at once, and learns what its sessions' hooks are a moment later."""
    story = Story(gated=False)
    tell(story, USE)
    gate(story)
    assert (only(story).gate, only(story).doubt) == ("allowed by operator:op, T2", False)
    tell(story, ToolUse("c2", "Bash", "{}"))
    assert story.gated, "what came to a gate tells that there is one"
    assert [row.gate for row in story.rows()][-1] == "no gate record"


def test_a_session_of_which_receipts_are_recalled_has_a_gate() -> None:
    story, told = Story(gated=False), Story(gated=False)
    action = Action("Bash", '{"command":"ls"}', "/w")
    story.recall(Receipt("r1", 1, "s", Stage.INTENT, AT, Intent("d", action, assessment(Tier.T0), "copilot", call="c1")))
    told.recall(Receipt("r1", 1, "s", Stage.INTENT, AT, Intent("d", action, assessment(Tier.T0), "a script")))
    assert (story.gated, told.gated) == (True, False)


@pytest.mark.parametrize("first", ["log", "gate"])
def test_a_call_that_came_to_a_gate_has_one_also_where_its_log_is_read_before_that_is_known_of_its_agent(first: str) -> None:
    """A daemon that is started again reads the log at once, and looks at the agent's settings beside it."""
    story = Story(gated=False)
    if first == "gate":
        gate(story)
    tell(story, USE, before=True)
    if first == "log":
        gate(story)
    assert (only(story).gate, only(story).receipt, only(story).doubt) == ("allowed by operator:op, T2", "r1", False)


@pytest.mark.row("R07")
def test_a_forged_answer_in_the_log_stays_a_claim() -> None:
    """What the agent says of an approval is its own text; the gate's word comes from the journal alone."""
    story = Story()
    tell(story, Said("allowed by operator:op, T2"), ToolUse("c1", "Bash", '{"command":"allowed by operator:op, T2"}'))
    assert all(row.told for row in story.rows())
    assert [row.gate for row in story.rows()] == ["", "no gate record"]


@pytest.mark.row("R08")
def test_the_order_is_that_of_arrival_and_the_claimed_time_stands_beside_it() -> None:
    story = Story()
    for number, claimed in enumerate(("2100-01-01T00:00:00Z", 0, None, "2020-01-01T00:00:00Z", "x" * 1000)):
        tell(story, Said(str(number)), claimed=claimed)
    assert [(row.text, row.claimed) for row in story.rows()] == [
        ("0", 4102444800 * 10**9),
        ("1", 0),
        ("2", None),
        ("3", 1577836800 * 10**9),
        ("4", None),
    ]
    assert [row.seq for row in story.rows()] == [1, 2, 3, 4, 5]
    assert {row.at for row in story.rows()} == {AT}


def test_what_was_there_before_us_stands_where_it_says_and_what_comes_comes_last() -> None:
    now = Instant(5_000 * SECOND, 1_795_000_000 * SECOND)

    def then(seconds: int) -> Instant:
        return Instant(now.boot - seconds * SECOND, now.wall - seconds * SECOND)

    story, body = Story(), msgspec.Raw(b'{"kind":"x","text":"a"}')
    story.note(9, Record(Kind.ALARM, now, "s", "", body))
    story.past([(1, Record(Kind.ALARM, then(40), "s", "", body)), (2, Record(Kind.ALARM, then(20), "s", "", body))])
    times = [(now.wall // SECOND) - 30, 0, "2100-01-01T00:00:00Z"]
    for text, claimed in zip(("first", "claims none of its own", "claims to be from the future"), times, strict=True):
        story.entry(now, Said(text), claimed, "", True)
    story.entry(then(60), Said("now, whatever the clock does"), 1, "", False)
    assert [row.seq if not row.told else row.text for row in story.rows()] == [
        1,
        "first",
        "claims none of its own",
        2,
        9,
        "claims to be from the future",
        "now, whatever the clock does",
    ]
    first = next(row for row in story.rows() if row.told)
    assert first.at == then(30)


def test_what_is_recalled_of_a_call_does_not_undo_what_is_known_of_it() -> None:
    story = Story()
    tell(story, USE)
    gate(story, Verdict.DENY)
    action = Action("Bash", '{"command":"rm -rf build"}', "/w")
    intent = Intent("d", action, assessment(Tier.T2), "claude", call="c1")
    alarm = {"kind": "other-input", "text": "x", "call": "c2"}
    old = [Record(Kind.INTENT, AT, "s", "r1", msgspec.Raw(msgspec.json.encode(intent)))]
    old.append(Record(Kind.ALARM, AT, "s", "", msgspec.Raw(msgspec.json.encode(alarm))))
    tell(story, ToolUse("c2", "Bash", "{}"))
    story.past(enumerate(old))
    assert [row.gate for row in story.rows() if row.call] == ["denied by operator:op, T2", "OTHER INPUT"]


def test_a_thought_is_folded_and_all_of_it_is_there() -> None:
    story = Story()
    tell(story, Thought("first\nsecond\nthird"))
    assert (only(story).text, only(story).more) == ("first  (+2 lines)", "first\nsecond\nthird")


def test_who_spoke_in_the_users_place_is_told() -> None:
    story = Story()
    tell(story, Prompt("go", "task-notification"))
    assert only(story).text == "(task-notification) go"


def test_tokens_are_counted_by_model_and_a_later_figure_of_the_same_key_replaces_the_first() -> None:
    story = Story()
    tell(
        story,
        Spent("m1", Tokens(fresh=10, out=1), "a"),
        Spent("m1", Tokens(fresh=10, out=5), "a"),
        Spent("m2", Tokens(out=2), "b"),
    )
    assert story.spending.models == {"a": Tokens(fresh=10, out=5), "b": Tokens(out=2)}
    assert story.tokens == 17
    assert list(story.rows()) == []


def test_a_running_total_goes_to_the_model_of_its_time() -> None:
    story = Story()
    tell(story, Changed("model", "a"), Spent("thread", Tokens(out=5)), Changed("model", "b"), Spent("thread", Tokens(out=9)))
    assert story.spending.models == {"a": Tokens(out=5), "b": Tokens(out=4)}


def test_tokens_from_before_are_shown_and_do_not_trip() -> None:
    story = Story()
    tell(story, Spent("m1", Tokens(out=5), "a"), before=True)
    assert (story.spending.total, story.tokens) == (5, 0)


def test_cost_is_what_the_agent_says_and_unknown_where_it_says_nothing() -> None:
    story = Story()
    assert story.spending.usd is None
    assert story.cost is None
    tell(story, Cost("session", 0.5), Cost("session", 0.75))
    assert story.spending.usd == 0.75


def test_dollars_from_before_are_shown_and_do_not_trip() -> None:
    story = Story()
    tell(story, Cost("session", 0.5), before=True)
    assert (story.spending.usd, story.cost) == (0.5, 0.0)
    tell(story, Cost("session", 0.75))
    assert (story.spending.usd, story.cost) == (0.75, 0.25)


def test_unknown_lines_are_kept_and_counted() -> None:
    story = Story()
    tell(story, Unknown("new", '{"type":"new"}'), Unknown("new", "x"), Unknown("other", "y"))
    assert dict(story.unknown) == {"new": 2, "other": 1}
    assert [row.kind for row in story.rows()] == ["unknown"] * 3


def test_a_secret_in_the_log_does_not_leave_the_daemon() -> None:
    story = Story()
    key = "sk-ant-api03-" + "Ab3dEf6hIj" * 9
    tell(
        story,
        Said(f"the key is {key}"),
        ToolUse("c1", "Bash", f'{{"command":"export KEY={key}"}}'),
        ToolResult("c1", False, key),
    )
    assert key not in str(story.view((), 100))


def test_it_is_bounded() -> None:
    story = Story()
    for number in range(5 * MOST_ROWS):
        tell(story, Said("x" * 100_000), Unknown(f"kind{number}", "x"))
    rows = list(story.rows())
    assert len(rows) == MOST_ROWS
    assert max(len(row.more) for row in rows) <= 2048
    assert len(story.unknown) <= 65


def test_of_a_call_whose_row_has_gone_its_end_is_known_for_its_receipt() -> None:
    story = Story()
    tell(story, USE, ToolResult("c1", False, "x" * 5000))
    gate(story)
    for number in range(MOST_ROWS):
        tell(story, Said(str(number)))
    assert [row.kind for row in story.rows()].count("call") == 0
    assert story.told_of("c1") == "done"


def test_every_change_is_seen_by_its_number() -> None:
    story = Story()
    before = story.version
    tell(story, USE)
    between = story.version
    tell(story, ToolResult("c1", False))
    assert before < between < story.version


def began(story: Story, *starts: int) -> tuple[str, ...]:
    """The processes of the one call after processes were born at these moments."""
    story.born([Born(start, start // TICK, "npm") for start in starts])
    return only(story).processes


def test_processes_that_were_born_while_a_call_was_under_way_are_its_own() -> None:
    story = Story()
    tell(story, USE)
    assert began(story, 5 * TICK) == (), "it was not allowed yet"
    gate(story)
    assert began(story, 0, 7 * TICK) == ("0 npm", "7 npm"), "the kernel tells a start no finer than a tick"
    story.entry(Instant(9 * TICK, 1), ToolResult("c1", False, ""), None, "", False)
    assert began(story, 8 * TICK, 10 * TICK) == ("0 npm", "7 npm", "8 npm"), "seen late, born while it was under way"
    assert len(began(story, *(8 * TICK for _ in range(20)))) == MOST_PROCESSES


def test_no_process_is_of_a_call_that_was_denied_or_is_over_by_its_hook() -> None:
    denied, over = Story(), Story()
    tell(denied, USE)
    gate(denied, Verdict.DENY)
    assert began(denied, 7 * TICK) == ()
    tell(over, USE)
    gate(over)
    record(over, Kind.OUTCOME, Outcome(True))
    assert began(over, 7 * TICK) == ()
