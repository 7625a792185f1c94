"""How a request is released: shown, decided for the digest, looked at again, journalled, delivered once. Else denied."""

import msgspec
import pytest

from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.action import Action, Binding, FileId, digest_of
from controlroom.model.effect import Assessment
from controlroom.model.record import Kind
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier, Verdict
from tests.support.core_make import action, assessment, binding
from tests.support.core_world import World


@pytest.fixture
def world() -> World:
    made = World()
    made.open()
    return made


def _mutants() -> list[tuple[str, Action, Binding]]:
    """The subject with any one field changed."""
    act, bound = action(), binding()
    found = [(f"action.{f}", msgspec.structs.replace(act, **{f: getattr(act, f) + " "}), bound) for f in act.__struct_fields__]
    for group in ("cwd", "executables", "operands", "targets"):
        value = getattr(bound, group)
        file: FileId = value if isinstance(value, FileId) else value[0]
        for field in file.__struct_fields__:
            was = getattr(file, field)
            other = msgspec.structs.replace(file, **{field: was + 1 if isinstance(was, int) else was + "x"})
            changed = other if isinstance(value, FileId) else (other,)
            found.append((f"{group}.{field}", act, msgspec.structs.replace(bound, **{group: changed})))
            if isinstance(value, tuple):
                found.append((f"{group} twice", act, msgspec.structs.replace(bound, **{group: value * 2})))
                found.append((f"{group} none", act, msgspec.structs.replace(bound, **{group: ()})))
    return found


@pytest.mark.row("A01")
@pytest.mark.parametrize(("field", "act", "bound"), _mutants(), ids=[m[0] for m in _mutants()])
def test_any_changed_field_is_another_digest(field: str, act: Action, bound: Binding) -> None:
    assert digest_of(act, bound) != digest_of(action(), binding())


@pytest.mark.row("A01")
def test_the_same_file_in_another_role_is_another_digest() -> None:
    bound = binding()
    moved = msgspec.structs.replace(bound, operands=bound.executables, executables=bound.operands)
    assert digest_of(action(), moved) != digest_of(action(), bound)


@pytest.mark.row("A01", "A02")
def test_a_wrong_digest_is_refused_and_recorded_and_leaves_the_request_pending(world: World) -> None:
    world.ask()
    world.allow(digest="f" * 64, ticket="t")
    assert world.state.requests["r1"].state is RequestState.PENDING
    assert world.answers("t")[0].startswith("changed:")
    assert [r["request"] for r in world.records(Kind.REFUSED, "r1")] == ["r1"]
    assert not world.replies()
    world.release()
    assert world.allowed(), "the right digest is still taken"


@pytest.mark.row("A03")
def test_a_decided_request_is_never_decided_again(world: World) -> None:
    digest = world.ask().digest
    world.release()
    for _ in range(3):
        world.allow(digest=digest, ticket="again")
        world.checked()
        world.durable()
    assert world.replies() == [Verdict.ALLOW]
    assert world.answers("again") == ["refused: request is already delivered"] * 3


@pytest.mark.row("A03")
@pytest.mark.parametrize("end", ["allow", "deny", "expire", "gone", "pending"])
def test_a_request_id_is_used_once(world: World, end: str) -> None:
    asked = world.ask()
    match end:
        case "allow":
            world.release()
        case "deny":
            world.deny()
        case "expire":
            world.wait(601)
        case "gone":
            world.gone()
    before = world.replies()
    again = world.ask(connection="another")
    assert again.id == asked.id
    assert [o.kind for o in world.last if isinstance(o, od.Alarm)] == ["replay"]
    assert world.replies() == before
    assert all(o.connection != "another" for o in world.all(od.Reply))


def test_the_way_of_an_allow_is_snapshot_check_journal_reply(world: World) -> None:
    asked = world.ask()
    assert world.allow() == [od.Snapshot("r1")]
    noted, look = world.saved()
    assert isinstance(noted, od.Append) and noted.record.kind is Kind.SNAPSHOT and not noted.confirm
    assert look == od.Check("r1")
    appended = world.checked()
    assert [type(o) for o in appended] == [od.Append]
    assert isinstance(appended[0], od.Append) and appended[0].confirm == "r1"
    assert appended[0].record.kind is Kind.DECISION
    assert world.records(Kind.DECISION, "r1")[0]["digest"] == asked.digest
    assert not world.replies(), "nothing before the journal has it"
    assert world.durable() == [od.Reply("r1", "conn-r1", Verdict.ALLOW, "operator:ann", "")]
    assert not world.records(Kind.STARTED)
    world.delivered()
    assert len(world.records(Kind.STARTED, "r1")) == 1


@pytest.mark.row("J08", "J20")
@pytest.mark.parametrize("tier", [Tier.T2, Tier.T3])
def test_what_was_shown_as_undoable_runs_only_with_its_snapshot(world: World, tier: Tier) -> None:
    world.ask(tier=tier)
    world.allow(ticket="call")
    world.saved(why="No space left on device")
    assert world.denied()
    assert "No space left on device" in world.answers("call")[0]
    assert world.records(Kind.SNAPSHOT, "r1")[0]["seal"] == ""
    assert not world.all(od.Check)


def test_what_was_shown_as_not_undoable_runs_without_a_snapshot(world: World) -> None:
    world.ask(what=assessment(undo=False, undo_why="12 GB over the limit"))
    assert world.allow() == [od.Check("r1")]
    world.checked()
    world.durable()
    assert world.allowed()


@pytest.mark.row("J20")
@pytest.mark.parametrize("why", ["", "No space left on device"])
def test_what_policy_passes_is_saved_where_that_is_possible(world: World, why: str) -> None:
    world.ask(what=assessment(Tier.T1, undo=True))
    assert od.Snapshot("r1") in world.last
    world.saved(why=why)
    assert od.Check("r1") in world.last
    world.checked()
    world.durable()
    assert world.allowed()


@pytest.mark.row("J08")
def test_a_snapshot_that_is_done_too_late_releases_nothing(world: World) -> None:
    world.ask()
    world.allow()
    world.estop()
    assert world.saved() == []
    assert world.denied()


@pytest.mark.row("A14")
def test_a_grant_for_a_path_covers_only_what_can_be_brought_back(world: World) -> None:
    world.grant(path="/ws")
    world.ask(what=assessment(undo=False, undo_why="too large"))
    assert world.state.requests["r1"].state is RequestState.PENDING


@pytest.mark.parametrize("order", [("durable", "checked"), ("durable", "delivered"), ("checked", "durable", "delivered")])
def test_a_completion_nobody_waits_for_releases_nothing(world: World, order: tuple[str, ...]) -> None:
    world.ask()
    for name in order:
        getattr(world, name)()
    assert world.state.requests["r1"].state is RequestState.PENDING
    assert not world.replies()


def test_a_journal_that_answers_before_the_second_look_releases_nothing(world: World) -> None:
    world.ask()
    world.allow()
    assert world.durable() == []
    assert world.state.requests["r1"].state is RequestState.SAVING


def test_a_change_found_at_the_second_look_denies(world: World) -> None:
    world.ask()
    world.allow(ticket="t")
    world.checked(changed="/ws/run.sh: other content")
    assert world.denied()
    assert world.answers("t") == ["refused: changed since it was shown: /ws/run.sh: other content"]
    assert [o.kind for o in world.last if isinstance(o, od.Alarm)] == ["changed"]
    world.durable()
    assert world.denied()


def test_a_journal_that_fails_denies(world: World) -> None:
    world.ask()
    world.allow()
    world.checked()
    world.durable(error="ENOSPC")
    assert world.denied()


@pytest.mark.row("U11")
@pytest.mark.parametrize("upto", [(), ("allow",), ("allow", "checked")], ids=["pending", "checking", "recording"])
def test_a_denial_before_delivery_wins(world: World, upto: tuple[str, ...]) -> None:
    world.ask()
    for name in upto:
        getattr(world, name)()
    world.deny(by="operator:bob", ticket="b")
    for late in ("checked", "durable", "delivered"):
        getattr(world, late)()
    assert world.denied()
    assert world.answers("b") == [""]


@pytest.mark.row("U11")
def test_the_first_allow_wins_and_the_second_operator_is_told(world: World) -> None:
    world.ask()
    world.allow(by="operator:ann", ticket="a")
    world.allow(by="operator:bob", ticket="b")
    world.checked()
    world.durable()
    world.delivered()
    assert world.answers("b") == ["refused: request is already saving"]
    assert world.answers("a") == [""]
    assert world.replies() == [Verdict.ALLOW]


def test_an_unknown_id_is_refused_and_recorded(world: World) -> None:
    world.allow("nobody", ticket="t")
    assert world.answers("t") == ["not-found: no request nobody"]
    assert len(world.records(Kind.REFUSED)) == 1


@pytest.mark.parametrize("tier", [Tier.T0, Tier.T1])
def test_what_is_harmless_passes_by_policy_and_is_journalled_first(world: World, tier: Tier) -> None:
    world.ask(tier=tier)
    assert not world.replies()
    world.durable()
    world.delivered()
    assert world.allowed()
    assert world.records(Kind.DECISION, "r1")[0]["by"] == "policy"


@pytest.mark.parametrize("tier", [Tier.T2, Tier.T3])
def test_what_is_destructive_waits(world: World, tier: Tier) -> None:
    world.ask(tier=tier)
    world.wait(599)
    assert world.state.requests["r1"].state is RequestState.PENDING
    assert not world.replies()


def test_never_touch_is_denied_and_cannot_be_approved(world: World) -> None:
    asked = world.ask(tier=Tier.TX)
    assert world.denied()
    world.allow(digest=asked.digest, ticket="t")
    assert world.answers("t") == ["refused: request is already denied"]
    assert world.denied()


@pytest.mark.parametrize("tier", [Tier.T1, Tier.TX])
def test_what_policy_answers_alone_names_its_reason(world: World, tier: Tier) -> None:
    world.ask(what=assessment(tier))
    assert world.records(Kind.DECISION, "r1")[0]["reason"] == "a test"
    world.ask("r2", what=Assessment(tier, ()))
    assert world.records(Kind.DECISION, "r2")[0]["reason"] == f"tier {tier}"


def test_a_session_that_is_not_known_is_denied() -> None:
    world = World()
    world.ask(tier=Tier.T0)
    assert world.denied()


@pytest.mark.row("A18")
@pytest.mark.parametrize("upto", [(), ("allow",), ("allow", "checked")], ids=["pending", "checking", "recording"])
def test_a_request_whose_time_is_over_is_denied(world: World, upto: tuple[str, ...]) -> None:
    world.ask()
    for name in upto:
        getattr(world, name)()
    world.wait(600)
    assert world.denied()
    assert world.state.tombs["r1"] is RequestState.EXPIRED
    (reply,) = world.all(od.Reply)
    assert reply.reason.startswith("it was allowed, but not released" if upto else "no operator answered")
    for late in ("checked", "durable"):
        getattr(world, late)()
    assert world.denied()


@pytest.mark.row("A18")
def test_an_allow_after_the_deadline_is_refused_before_any_tick(world: World) -> None:
    world.ask()
    world.now = world.now.plus(600)
    world.allow(ticket="t")
    assert world.answers("t") == ["refused: its time is over"]
    assert not world.allowed()


@pytest.mark.row("A19")
def test_an_allow_for_an_asker_that_is_gone_is_void_and_recorded(world: World) -> None:
    asked = world.ask()
    world.gone()
    world.allow(digest=asked.digest, ticket="t")
    assert world.answers("t") == ["refused: request is already void"]
    assert not world.replies()
    assert len(world.records(Kind.UNDELIVERED, "r1")) == 1
    assert not world.state.grants


@pytest.mark.row("A19")
@pytest.mark.parametrize("upto", [("allow",), ("allow", "checked")], ids=["checking", "recording"])
def test_an_asker_that_goes_after_the_yes_gets_nothing(world: World, upto: tuple[str, ...]) -> None:
    world.ask()
    for name in upto:
        getattr(world, name)()
    world.gone()
    world.checked()
    world.durable()
    assert not world.replies()


@pytest.mark.row("A19")
def test_a_connection_that_goes_with_two_questions_ends_each_once(world: World) -> None:
    world.ask("r1", connection="one")
    world.ask("r2", connection="one")
    world.do(ev.PeerGone(world.now, "one"))
    assert [len(world.records(Kind.DECISION, name)) for name in ("r1", "r2")] == [1, 1]
    assert [len(world.records(Kind.UNDELIVERED, name)) for name in ("r1", "r2")] == [1, 0], "the freeze has denied the second"


@pytest.mark.row("E1")
def test_no_yes_counts_while_latched_even_for_what_should_not_be_there_any_more(world: World) -> None:
    world.ask()
    world.state = msgspec.structs.replace(world.state, latch="stop-1")
    world.allow(ticket="t")
    assert world.answers("t") == ["latched: emergency stop stop-1 is in force"]
    assert not world.allowed()


@pytest.mark.parametrize(("said", "told"), [("", "the operator said no"), ("not today", "not today")])
def test_a_denial_tells_what_the_operator_said(world: World, said: str, told: str) -> None:
    world.ask()
    world.do(ev.Decided(world.now, "r1", "", Verdict.DENY, "operator:ann", said))
    assert [o.reason for o in world.all(od.Reply)] == [told]


@pytest.mark.row("A19")
def test_a_delivery_that_fails_is_recorded_told_and_no_start(world: World) -> None:
    world.ask()
    world.allow(ticket="t")
    world.checked()
    world.durable()
    world.delivered(ok=False)
    assert len(world.records(Kind.UNDELIVERED, "r1")) == 1
    assert not world.records(Kind.STARTED)
    assert world.answers("t")[0].startswith("undelivered:")
    assert not world.state.acts


@pytest.mark.row("A23")
def test_the_answer_goes_to_the_connection_that_asked_and_to_no_other(world: World) -> None:
    world.ask("r1", connection="first")
    world.ask("r2", connection="second")
    world.release("r2")
    world.deny("r1")
    sent = {(o.request, o.connection, o.verdict) for o in world.all(od.Reply)}
    assert sent == {("r2", "second", Verdict.ALLOW), ("r1", "first", Verdict.DENY)}
