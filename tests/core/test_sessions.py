"""How a session is paused, resumed, stopped and ended; what is shown is what the kernel said."""

import pytest

from controlroom.core import Limits
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import ProcessId, Rung, SessionState, Survivor
from controlroom.model.record import Kind, Outcome
from controlroom.model.tier import Tier, Verdict
from tests.support.core_make import session
from tests.support.core_world import World

LEFT = (Survivor(ProcessId(42, 1, "boot"), "sleep", "EPERM"),)


@pytest.fixture
def world() -> World:
    made = World()
    made.open()
    return made


def _names(orders: list[od.Order]) -> list[str]:
    return [type(o).__name__ for o in orders]


def test_pause_denies_what_is_pending_first_then_waits_for_the_hooks_then_freezes(world: World) -> None:
    world.ask()
    orders = world.steer("pause", ticket="t")
    names = _names(orders)
    assert names.index("Reply") < names.index("AwaitHooks")
    assert world.denied()
    assert not world.acts(), "nothing is frozen while a hook may wait"
    assert world.hooks_gone() == [od.Contain("s1", "freeze")]
    world.contained("freeze")
    assert world.word() is SessionState.PAUSED
    assert world.answers("t") == [""]


def test_a_pause_is_refused_while_a_hook_still_waits_and_the_agent_goes_on(world: World) -> None:
    world.steer("pause", ticket="t")
    world.hooks_gone(ok=False)
    assert world.acts() == []
    assert world.word() is SessionState.RUNNING
    assert world.answers("t")[0].startswith("refused: a hook")
    assert [o.kind for o in world.all(od.Alarm)] == ["pause refused"]


@pytest.mark.parametrize("act", ["stop", "kill"])
def test_a_stop_does_not_wait_for_hooks(world: World, act: str) -> None:
    world.ask()
    names = _names(world.steer(act))
    assert names.index("Reply") < names.index("Contain")
    assert world.acts() == [act]


def test_a_pause_whose_resume_comes_first_never_freezes(world: World) -> None:
    world.steer("pause", ticket="p")
    world.steer("resume", ticket="r")
    world.hooks_gone()
    assert world.acts() == ["thaw"]
    world.contained("thaw")
    assert world.word() is SessionState.RUNNING
    assert world.answers("r") == [""]
    assert world.answers("p") == ["refused: the session was resumed before it was paused"]


@pytest.mark.parametrize("act", ["pause", "stop", "kill"])
def test_while_a_session_is_held_its_requests_are_denied(world: World, act: str) -> None:
    world.steer(act)
    world.ask("early", tier=Tier.T0)
    world.hooks_gone()
    world.contained("freeze" if act == "pause" else act)
    world.ask("late", tier=Tier.T0)
    assert world.denied("early")
    assert world.denied("late")


@pytest.mark.parametrize(
    ("act", "proof", "survivors", "state"),
    [
        ("stop", "cgroup populated 0", (), SessionState.STOPPED),
        ("stop", "", (), SessionState.UNCONFIRMED),
        ("stop", "", LEFT, SessionState.UNCONFIRMED),
        ("kill", "ECHILD", (), SessionState.STOPPED),
        ("kill", "", LEFT, SessionState.UNCONFIRMED),
        ("freeze", "cgroup frozen 1", (), SessionState.PAUSED),
        ("freeze", "", (), SessionState.UNCONFIRMED),
        ("freeze", "", LEFT, SessionState.UNCONFIRMED),
    ],
)
def test_stopped_and_paused_are_shown_only_on_the_kernels_word(
    world: World, act: str, proof: str, survivors: tuple[Survivor, ...], state: SessionState
) -> None:
    world.steer("pause" if act == "freeze" else act, ticket="t")
    world.hooks_gone()
    world.contained(act, proof=proof, survivors=survivors, why="" if proof else "EPERM")
    assert world.word() is state
    assert world.answers("t") == ["" if proof else "unconfirmed: EPERM"]


def test_below_a_cgroup_a_freeze_has_no_proof_and_is_still_a_pause() -> None:
    world = World()
    world.open(rung=Rung.SUBREAPER)
    world.steer("pause")
    world.hooks_gone()
    world.contained("freeze", proof="", why="SIGSTOP sweep: no kernel proof")
    assert world.word() is SessionState.PAUSED


def test_an_unconfirmed_session_stays_shut_also_when_a_pause_of_it_is_refused(world: World) -> None:
    world.steer("kill")
    world.contained("kill", proof="", survivors=LEFT)
    world.steer("pause")
    world.hooks_gone(ok=False)
    assert world.word() is SessionState.UNCONFIRMED
    world.ask(tier=Tier.T0)
    assert world.denied()


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("stop", "pause", True),
        ("kill", "pause", True),
        ("kill", "stop", True),
        ("stop", "kill", False),
        ("pause", "stop", False),
    ],
)
def test_a_weaker_order_does_not_undo_a_stronger_one(world: World, first: str, second: str, refused: bool) -> None:
    world.steer(first)
    world.steer(second, ticket="t")
    assert (world.answers("t") == ["refused: the session is being stopped"]) is refused
    stronger = first if refused else second
    world.hooks_gone(ok=False)
    world.contained(stronger)
    assert world.word() is SessionState.STOPPED


def test_a_freeze_that_comes_in_late_does_not_end_a_kill(world: World) -> None:
    world.steer("pause")
    world.hooks_gone()
    world.steer("kill", ticket="t")
    world.contained("freeze")
    assert world.word() is SessionState.STOPPING
    world.contained("kill", proof="", survivors=LEFT)
    assert world.word() is SessionState.UNCONFIRMED
    assert world.answers("t") == ["unconfirmed: survivors"]


def test_two_operators_who_stop_the_same_session_get_the_same_answer(world: World) -> None:
    world.steer("stop", ticket="a")
    world.steer("stop", ticket="b")
    assert world.acts() == ["stop"]
    world.contained("stop")
    assert (world.answers("a"), world.answers("b")) == ([""], [""])


@pytest.mark.parametrize("act", ["pause", "resume", "stop", "kill"])
def test_a_session_that_is_over_takes_no_orders(world: World, act: str) -> None:
    world.end()
    world.steer(act, ticket="t")
    assert world.answers("t") == ["refused: the session is ended"]
    assert not world.acts()


@pytest.mark.parametrize("stage", ["hooks", "freeze"])
def test_an_agent_that_exits_while_it_is_being_paused_stays_ended(world: World, stage: str) -> None:
    world.steer("pause", ticket="t")
    if stage == "freeze":
        world.hooks_gone()
    world.end()
    world.hooks_gone()
    world.contained("freeze")
    assert world.word() is SessionState.ENDED
    assert world.answers("t") == ["refused: the session is over"]


def test_an_agent_that_exits_while_it_is_being_stopped_is_stopped_once_it_is_proved(world: World) -> None:
    world.steer("stop", ticket="t")
    world.end()
    world.contained("stop")
    assert world.word() is SessionState.STOPPED
    assert world.answers("t") == [""]


@pytest.mark.row("A16")
def test_the_end_of_a_session_denies_revokes_and_interrupts() -> None:
    world = World()
    world.open("s1")
    world.open("s2")
    world.grant("g1", of="s1", path="/ws/other")
    world.grant("g2", of="s2")
    world.ask("done", of="s1", tier=Tier.T0, call="c1")
    world.durable("done")
    world.delivered("done")
    world.ask("open", of="s1", tier=Tier.T3)
    world.end("s1")
    assert world.denied("open")
    assert list(world.state.grants) == ["g2"]
    assert world.records(Kind.REVOKED) == [{"id": "g1", "by": "session end"}]
    assert len(world.records(Kind.INTERRUPTED, "done")) == 1
    assert [o.session.id for o in world.all(od.Forget)] == ["s1"]


def test_ended_sessions_are_forgotten_oldest_first() -> None:
    world = World(Limits(over=2))
    for n in range(4):
        world.open(f"s{n}")
        world.end(f"s{n}")
    assert list(world.state.sessions) == ["s2", "s3"]


def test_a_call_that_the_agent_says_is_over_closes_its_receipt(world: World) -> None:
    world.ask(call="c1")
    world.release()
    world.do(ev.Finished(world.now, "s1", "c1", Outcome(True)))
    assert len(world.records(Kind.OUTCOME, "r1")) == 1
    assert not world.state.acts
    world.do(ev.Finished(world.now, "s1", "c1", Outcome(True)))
    assert len(world.records(Kind.OUTCOME)) == 1


def test_an_agent_cannot_close_the_receipt_of_another_session(world: World) -> None:
    world.open("s2")
    world.ask(call="c1")
    world.release()
    world.do(ev.Finished(world.now, "s2", "c1", Outcome(False)))
    assert list(world.state.acts) == ["r1"]


def test_an_operator_who_waits_is_answered_when_the_session_ends_before_the_delivery_is_known(world: World) -> None:
    world.ask()
    world.allow(ticket="t")
    world.checked()
    world.durable()
    world.end()
    world.delivered()
    assert world.answers("t") == [""]


def test_a_delivery_is_told_once(world: World) -> None:
    world.ask()
    world.release(ticket="t")
    world.delivered()
    world.delivered(ok=False)
    assert len(world.records(Kind.STARTED)) == 1
    assert not world.records(Kind.UNDELIVERED)
    assert world.answers("t") == [""]


def test_acts_that_nobody_closes_are_bounded_and_given_up_with_a_record() -> None:
    world = World(Limits(acts=3))
    world.open()
    for n in range(5):
        world.ask(f"r{n}", tier=Tier.T0)
        world.durable(f"r{n}")
        world.delivered(f"r{n}")
    assert list(world.state.acts) == ["r2", "r3", "r4"]
    assert [o.record.receipt for o in world.all(od.Append, lambda o: o.record.kind is Kind.INTERRUPTED)] == ["r0", "r1"]


def test_tombs_are_bounded() -> None:
    world = World(Limits(tombs=3))
    world.open()
    for n in range(5):
        world.ask(f"r{n}", tier=Tier.TX)
    assert list(world.state.tombs) == ["r2", "r3", "r4"]


@pytest.mark.row("G04", "E11")
@pytest.mark.parametrize("rest", [0, 3])
def test_a_hook_that_dies_without_an_answer_halts_its_agent(world: World, rest: int) -> None:
    world.ask()
    for n in range(rest):
        world.ask(f"other{n}")
    world.gone()
    assert world.replies() == []
    assert all(world.denied(f"other{n}") for n in range(rest))
    assert od.AwaitHooks("s1") in world.last
    assert [o.kind for o in world.all(od.Alarm)] == ["undelivered"]


@pytest.mark.row("G04")
def test_a_hook_that_dies_halts_its_agent_also_while_a_pause_waits_for_quiet() -> None:
    world = World(Limits(fresh=2))
    world.open()
    for n in range(3):
        world.ask(f"r{n}")
    assert od.AwaitHooks("s1") not in world.orders, "what is before the operator may still be answered"
    world.gone("r0")
    assert od.AwaitHooks("s1") in world.last


@pytest.mark.row("G04")
@pytest.mark.parametrize("verdict", list(Verdict))
def test_an_answer_that_reaches_no_hook_halts_its_agent(world: World, verdict: Verdict) -> None:
    world.ask()
    if verdict is Verdict.ALLOW:
        world.allow()
        world.checked()
        world.durable()
    else:
        world.deny()
    assert world.replies() == [verdict]
    world.delivered(ok=False)
    assert world.word() is SessionState.PAUSING
    assert len(world.records(Kind.UNDELIVERED, "r1")) == 1


@pytest.mark.parametrize("way", ["gone", "undelivered"])
def test_an_asker_without_a_hook_only_loses_its_request(world: World, way: str) -> None:
    world.ask(hooked=False)
    if way == "gone":
        world.gone()
    else:
        world.deny()
        world.delivered(ok=False)
    assert world.word() is SessionState.RUNNING
    assert not world.all(od.Alarm)


def test_a_lane_without_process_is_paused_and_resumed_by_its_gate_alone() -> None:
    world = World()
    world.do(ev.SessionOpened(world.now, session(rung=Rung.OBSERVED, kind="unknown")))
    world.steer("pause", ticket="p")
    assert world.word() is SessionState.PAUSED
    world.ask("r1", tier=Tier.T0)
    assert world.denied("r1")
    world.steer("resume", ticket="r")
    assert world.word() is SessionState.RUNNING
    assert (world.answers("p"), world.answers("r")) == ([""], [""])
    assert not world.acts()


def test_a_lane_without_process_cannot_be_confirmed_stopped() -> None:
    world = World()
    world.do(ev.SessionOpened(world.now, session(rung=Rung.OBSERVED, kind="unknown")))
    world.steer("kill", ticket="k")
    assert world.word() is SessionState.UNCONFIRMED
    assert world.answers("k")[0].startswith("unconfirmed:")


def test_what_is_met_again_unwatched_is_frozen_and_allows_nothing_meanwhile() -> None:
    world = World()
    world.do(ev.SessionOpened(world.now, session(), review="nobody watched"))
    world.ask("early", tier=Tier.T0)
    assert world.denied("early")
    assert world.hooks_gone() == [od.Contain("s1", "freeze")]
    world.contained("freeze")
    assert world.word() is SessionState.PAUSED
    assert [o.text for o in world.all(od.Alarm)] == ["s1 is frozen until you look at it: nobody watched"]


def test_what_is_met_again_and_cannot_be_frozen_stays_shut_until_an_operator_resumes_it() -> None:
    world = World()
    world.do(ev.SessionOpened(world.now, session(), review="nobody watched"))
    world.hooks_gone(ok=False)
    assert world.word() is SessionState.UNCONFIRMED
    world.ask("r1", tier=Tier.T0)
    assert world.denied("r1")
    world.steer("resume")
    world.contained("thaw")
    assert world.word() is SessionState.RUNNING


def test_what_is_met_again_frozen_by_the_kernel_is_left_as_it_is() -> None:
    world = World()
    world.do(ev.SessionOpened(world.now, session(state=SessionState.PAUSED), review="nobody watched"))
    assert world.word() is SessionState.PAUSED
    assert not world.all(od.Alarm)
    assert not world.all(od.AwaitHooks)


def test_a_session_is_opened_once(world: World) -> None:
    world.do(ev.SessionOpened(world.now, session(), "t"))
    assert world.answers("t") == ["refused: session s1 is already open"]
