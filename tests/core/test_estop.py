"""The emergency stop outranks everything, is absorbing until it is reset, and its reset sets nothing going."""

import pytest

from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import ProcessId, Rung, SessionState, Survivor
from controlroom.model.record import Kind
from controlroom.model.tier import Tier, Verdict
from tests.support.core_make import session
from tests.support.core_world import World

LEFT = (Survivor(ProcessId(42, 1, "boot"), "sleep", "EPERM"),)


@pytest.fixture
def world() -> World:
    made = World()
    made.open()
    return made


def test_the_order_is_latch_deny_revoke_hold(world: World) -> None:
    world.ask("r1")
    world.grant("g1", path="/elsewhere")
    orders = world.estop(ticket="t")
    first = {
        "latched": next(i for i, o in enumerate(orders) if isinstance(o, od.Append) and o.record.kind is Kind.LATCHED),
        "latch": orders.index(od.Latch("stop-1", "operator:ann")),
        "deny": next(i for i, o in enumerate(orders) if isinstance(o, od.Reply)),
        "revoke": next(i for i, o in enumerate(orders) if isinstance(o, od.Append) and o.record.kind is Kind.REVOKED),
        "hold": orders.index(od.AwaitHooks("s1")),
    }
    assert sorted(first, key=lambda k: first[k]) == ["latched", "latch", "deny", "revoke", "hold"]
    assert world.answers("t") == [""]


@pytest.mark.row("U12")
@pytest.mark.parametrize("upto", [(), ("allow",), ("allow", "checked")], ids=["pending", "checking", "recording"])
def test_a_stop_denies_what_is_not_yet_out_however_far_it_is(world: World, upto: tuple[str, ...]) -> None:
    digest = world.ask().digest
    for name in upto:
        getattr(world, name)()
    world.estop()
    for late in ("checked", "durable", "delivered"):
        getattr(world, late)()
    world.allow(digest=digest, ticket="t")
    assert world.denied()
    assert world.answers("t") == ["refused: request is already denied"]


@pytest.mark.row("U12")
@pytest.mark.parametrize("tier", [Tier.T0, Tier.T1, Tier.T2, Tier.T3])
def test_while_latched_everything_is_denied(world: World, tier: Tier) -> None:
    world.estop()
    world.ask(tier=tier)
    assert world.denied()
    assert "emergency stop stop-1" in next(o.reason for o in world.all(od.Reply))


def test_a_journal_that_answers_late_does_not_release_under_the_latch() -> None:
    """Also where the daemon was started latched, so that nothing was denied by the stop itself."""
    world = World()
    world.open()
    world.ask(tier=Tier.T0)
    world.state = type(world.state)(sessions=world.state.sessions, requests=world.state.requests, latch="from-disk")
    world.durable()
    assert world.denied()


@pytest.mark.row("E6")
@pytest.mark.parametrize(
    ("wrong", "why"),
    [("stop-2", "refused: the stop in force is stop-1"), ("", "refused: the stop in force is stop-1")],
)
def test_a_reset_names_the_stop_in_force(world: World, wrong: str, why: str) -> None:
    world.estop()
    world.reset(wrong, ticket="t")
    assert world.answers("t") == [why]
    assert world.state.latch == "stop-1"
    assert not world.all(od.Unlatch)


def test_a_second_stop_keeps_the_first_ones_id_and_holds_again(world: World) -> None:
    world.estop("stop-1")
    world.estop("stop-2")
    assert world.state.latch == "stop-1"
    assert world.all(od.Latch) == [od.Latch("stop-1", "operator:ann")] * 2
    assert len(world.records(Kind.LATCHED)) == 1


def test_a_reset_without_a_stop_is_refused(world: World) -> None:
    world.reset(ticket="t")
    assert world.answers("t") == ["refused: no emergency stop is in force"]


@pytest.mark.row("E6")
def test_a_reset_resumes_nothing_and_restores_nothing(world: World) -> None:
    world.ask("before")
    world.grant(path="/elsewhere")
    world.estop()
    world.hooks_gone()
    world.contained("freeze")
    orders = world.reset(ticket="t")
    assert [type(o).__name__ for o in orders] == ["Append", "Unlatch", "Answer"]
    assert world.word() is SessionState.PAUSED
    assert not world.state.grants
    world.ask("after", tier=Tier.T0)
    assert world.denied("after"), "resumed one by one, by an operator"
    world.steer("resume")
    assert world.acts() == ["freeze", "thaw"]
    world.contained("thaw")
    world.ask("at last", tier=Tier.T0)
    world.durable("at last")
    assert world.allowed("at last")


@pytest.mark.row("E6")
def test_a_hold_that_is_still_under_way_at_the_reset_is_carried_out(world: World) -> None:
    world.estop()
    world.reset()
    world.steer("resume", ticket="t")
    assert world.answers("t") == ["refused: the session is being stopped"]
    world.hooks_gone()
    world.contained("freeze")
    assert world.word() is SessionState.PAUSED


@pytest.mark.row("E12")
@pytest.mark.parametrize("first", ["resume", "estop"])
def test_a_stop_and_a_resume_at_once_is_a_stop(world: World, first: str) -> None:
    world.paused()
    for name in ("resume", "estop") if first == "resume" else ("estop", "resume"):
        if name == "resume":
            world.steer("resume", ticket="t")
        else:
            world.estop()
    world.contained("thaw")
    assert world.word() is not SessionState.RUNNING
    world.hooks_gone()
    world.contained("freeze")
    assert world.word() is SessionState.PAUSED
    assert world.acts() == (["freeze", "thaw", "freeze"] if first == "resume" else ["freeze"])


@pytest.mark.row("E12")
@pytest.mark.parametrize("act", ["resume", "pause"])
def test_while_latched_no_operator_sets_anything_going(world: World, act: str) -> None:
    world.estop()
    world.steer(act)
    world.hooks_gone(ok=False)
    for result in ("thaw", "kill"):
        world.contained(result)
    assert world.word() is SessionState.STOPPED
    assert "thaw" not in world.acts()


@pytest.mark.row("E12")
def test_no_completion_of_an_order_before_the_stop_sets_anything_going(world: World) -> None:
    world.paused()
    world.steer("resume")
    world.estop()
    for act in ("thaw", "freeze", "thaw"):
        world.contained(act)
    assert world.word() is SessionState.PAUSED


def test_a_frozen_cgroup_is_left_as_it_is(world: World) -> None:
    world.paused()
    world.estop()
    assert world.acts() == ["freeze"]
    assert world.word() is SessionState.PAUSED


@pytest.mark.parametrize("rung", [Rung.SUBREAPER, Rung.OBSERVED])
@pytest.mark.parametrize("paused", [False, True])
def test_where_a_sibling_can_set_it_going_again_the_stop_kills_also_what_is_paused(rung: Rung, paused: bool) -> None:
    world = World()
    world.do(ev.SessionOpened(world.now, session(rung=rung, root=ProcessId(42, 1, "boot"))))
    if paused:
        world.paused()
    world.estop()
    assert world.acts()[-1] == "kill"
    world.contained("kill", proof="ECHILD")
    assert world.word() is SessionState.STOPPED


def test_the_freeze_of_a_pause_does_not_hide_that_the_kill_was_not_confirmed() -> None:
    world = World()
    world.open(rung=Rung.SUBREAPER)
    world.steer("pause")
    world.hooks_gone()
    world.estop()
    world.contained("freeze", proof="", why="SIGSTOP sweep: no kernel proof")
    assert world.word() is SessionState.STOPPING
    world.contained("kill", proof="", survivors=LEFT)
    assert world.word() is SessionState.UNCONFIRMED


def test_where_a_hook_still_waits_the_stop_kills(world: World) -> None:
    world.estop()
    assert world.hooks_gone(ok=False) == [od.Contain("s1", "kill")]
    world.contained("kill")
    assert world.word() is SessionState.STOPPED


def test_where_the_freeze_is_not_proved_the_stop_kills(world: World) -> None:
    world.estop()
    world.hooks_gone()
    world.contained("freeze", proof="", survivors=LEFT)
    assert world.acts() == ["freeze", "kill"]
    world.contained("kill")
    assert world.word() is SessionState.STOPPED


@pytest.mark.parametrize("act", ["stop", "kill"])
def test_what_is_being_stopped_is_not_let_off_with_a_freeze(world: World, act: str) -> None:
    world.steer(act)
    world.estop()
    assert world.acts() == [act, "kill"]
    world.contained("kill")
    assert world.word() is SessionState.STOPPED


def test_while_latched_nothing_is_launched(world: World) -> None:
    world.estop()
    world.do(ev.SessionOpened(world.now, session("s2"), "launch"))
    assert world.answers("launch")[0].startswith("latched:")
    assert "s2" not in world.state.sessions


def test_a_daemon_that_starts_latched_takes_hold_of_what_lives() -> None:
    world = World(latch="stop-0")
    world.open()
    assert world.word() is SessionState.STOPPING
    world.hooks_gone()
    world.contained("freeze")
    assert world.word() is SessionState.PAUSED
    world.ask(tier=Tier.T0)
    assert world.denied()


def test_a_daemon_that_starts_latched_hears_a_stranger_and_denies_it() -> None:
    world = World(latch="stop-0")
    world.open(rung=Rung.OBSERVED, kind="unknown")
    world.ask(tier=Tier.T0)
    assert world.replies() == [Verdict.DENY]


def test_an_agent_that_exits_while_the_stop_takes_hold_stays_ended(world: World) -> None:
    world.estop()
    world.end()
    world.hooks_gone()
    world.contained("freeze")
    assert world.word() is SessionState.ENDED


def test_the_time_of_a_stop_runs_from_the_pull_through_a_freeze_that_failed_to_the_kill(world: World) -> None:
    pulled = world.now
    world.wait(0.5)
    world.do(ev.Estop(world.now, "stop-1", "operator:ann", since=pulled))
    world.hooks_gone(ok=False)
    assert world.state.sessions["s1"].since == pulled
    world.contained("kill", proof="cgroup populated 0")
    assert world.state.sessions["s1"].since is None


def test_the_time_of_a_pause_runs_from_its_order_also_while_denials_are_on_their_way(world: World) -> None:
    world.ask()
    ordered = world.now
    world.steer("pause")
    world.wait(0.2)
    world.delivered()
    assert world.state.sessions["s1"].since == ordered
