"""Grants: they cover what they list and nothing near it, expire on the earlier clock, and are used up exactly."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlroom.core import orders as od
from controlroom.core.grants import covers
from controlroom.model import event as ev
from controlroom.model.agent import SessionState
from controlroom.model.effect import Assessment, Effect, EffectKind, Reason, Target
from controlroom.model.record import Kind
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier
from tests.support.core_make import action, assessment, request
from tests.support.core_world import World

K = EffectKind
DAY = 86_400.0


@pytest.fixture
def world() -> World:
    made = World()
    made.open()
    return made


def _covered(world: World, what: Assessment, *, of: str = "s1", subagent: str = "") -> bool:
    world.ask(of=of, what=what, subagent=subagent)
    return world.state.requests["r1"].state is not RequestState.PENDING


@pytest.mark.row("A14")
@pytest.mark.parametrize(
    ("what", "covered"),
    [
        (assessment(paths=("/ws",)), True),
        (assessment(paths=("/ws/a/b",)), True),
        (assessment(paths=("/ws/a", "/ws/b")), True),
        (assessment(kinds=(K.DELETE, K.READ)), True),
        (assessment(Tier.T3), True),
        (assessment(paths=("/wsx",)), False),
        (assessment(paths=("/w",)), False),
        (assessment(paths=("/",)), False),
        (assessment(paths=("/ws/a", "/etc/passwd")), False),
        (assessment(paths=("ws/a",)), False),
        (assessment(paths=()), False),
        (assessment(certain=False), False),
        (assessment(kinds=(K.DELETE, K.NET)), False),
        (assessment(kinds=(K.WRITE,)), False),
        (assessment(kinds=(K.UNKNOWN,)), False),
    ],
)
def test_a_path_grant_covers_its_effects_below_its_path(world: World, what: Assessment, covered: bool) -> None:
    world.grant(path="/ws")
    assert _covered(world, what) is covered


@pytest.mark.row("A14")
def test_a_path_grant_does_not_cover_what_an_effect_falls_on_beside_the_files(world: World) -> None:
    branch = Effect(K.DELETE, (Target("git:branch/main"),))
    what = Assessment(Tier.T2, (Reason("t", Tier.T2, "t"),), (branch,), (Target("/ws/.git"),), undo=True)
    world.grant(path="/ws")
    assert not _covered(world, what)


def test_a_path_grant_asks_nothing_of_what_is_only_read(world: World) -> None:
    read, gone = Effect(K.READ, (Target("/etc/hosts"),)), Effect(K.DELETE, (Target("/ws/a"),))
    what = Assessment(Tier.T2, (Reason("t", Tier.T2, "t"),), (read, gone), (Target("/ws/a"),), undo=True)
    world.grant(path="/ws")
    assert _covered(world, what)


@pytest.mark.row("A14")
@pytest.mark.parametrize(
    ("argv", "covered"),
    [
        ((("rm", "-rf", "build"),), True),
        ((("rm", "-rf", "build", "src"),), False),
        ((("rm", "-rf", "build "),), False),
        ((("rm", "-rf"),), False),
        ((("sh", "-c", "rm -rf build"),), False),
        ((("rm", "-rf", "build"), ("rm", "-rf", "build")), False),
        ((("cd", "/"), ("rm", "-rf", "build")), False),
        ((), False),
    ],
)
def test_an_argv_grant_covers_this_one_command(world: World, argv: tuple[tuple[str, ...], ...], covered: bool) -> None:
    world.grant(argv=("rm", "-rf", "build"))
    assert _covered(world, assessment(argv=argv)) is covered


@pytest.mark.row("A14")
@pytest.mark.parametrize(("cwd", "covered"), [("/ws", True), ("/ws/other", False), ("/", False)])
def test_an_argv_grant_covers_the_command_in_the_workspace_only(world: World, cwd: str, covered: bool) -> None:
    world.grant(argv=("rm", "-rf", "build"))
    (grant,) = world.state.grants.values()
    asked = request(what=assessment(argv=(("rm", "-rf", "build"),)))
    moved = msgspec.structs.replace(asked, action=action(cwd=cwd))
    assert covers(grant, moved, world.now) is covered


@pytest.mark.row("A14")
@given(
    granted=st.sets(st.sampled_from(sorted(set(K) - {K.CONFIG, K.RESTART})), min_size=1),
    kinds=st.sets(st.sampled_from(sorted(K)), min_size=1),
    paths=st.lists(st.sampled_from(["/ws", "/ws/a", "/ws/a/b", "/wsx", "/w", "/", "/etc"]), min_size=1, max_size=3),
)
def test_a_grant_covers_only_members_of_its_literal_set(granted: set[K], kinds: set[K], paths: list[str]) -> None:
    world = World()
    world.open()
    world.grant(path="/ws", effects=tuple(sorted(granted)))
    literal = kinds - {K.READ} <= granted and all(p == "/ws" or p.startswith("/ws/") for p in paths)
    assert _covered(world, assessment(kinds=tuple(sorted(kinds)), paths=tuple(paths))) is literal


@pytest.mark.row("A14")
def test_a_grant_is_of_one_session_and_one_subagent(world: World) -> None:
    world.open("s2")
    world.grant("g1", of="s1", subagent="sub-1")
    for name, of, subagent in [("r1", "s2", "sub-1"), ("r2", "s1", ""), ("r3", "s1", "sub-2")]:
        world.ask(name, of=of, subagent=subagent)
        assert world.state.requests[name].state is RequestState.PENDING
    world.ask("r4", subagent="sub-1")
    assert world.state.requests["r4"].state is RequestState.SAVING


@pytest.mark.row("A14")
def test_no_grant_covers_never_touch(world: World) -> None:
    world.grant(effects=tuple(set(K) - {K.CONFIG, K.RESTART}), path="/", uses=9)
    world.ask(tier=Tier.TX)
    assert world.denied()


def test_a_covered_request_is_looked_at_again_and_journalled_like_any_other(world: World) -> None:
    world.grant()
    world.ask()
    assert od.Snapshot("r1") in world.last
    world.saved()
    assert od.Check("r1") in world.last
    world.checked()
    assert world.records(Kind.DECISION, "r1")[0]["by"] == "grant:g1"
    world.durable()
    assert world.allowed()


@pytest.mark.row("A15", "T01")
@pytest.mark.parametrize("jump", [-DAY, 0.0, DAY])
def test_no_clock_change_keeps_a_grant_alive(world: World, jump: float) -> None:
    world.grant(seconds=300)
    world.set_wall(jump)
    world.wait(299)
    alive = bool(world.state.grants)
    assert alive is (jump <= 0), "a step forward ends it, a step back does nothing"
    world.wait(1)
    assert not world.state.grants
    world.set_wall(-2 * DAY)
    world.ask()
    assert world.state.requests["r1"].state is RequestState.PENDING


@pytest.mark.row("A15")
def test_a_grant_is_dead_at_its_deadline_before_any_tick(world: World) -> None:
    world.grant(seconds=300)
    world.now = world.now.plus(300)
    assert not _covered(world, assessment())


@pytest.mark.row("T01")
@pytest.mark.parametrize(("jump", "state"), [(-DAY, RequestState.PENDING), (DAY, None)])
def test_no_clock_change_holds_a_request_longer(world: World, jump: float, state: RequestState | None) -> None:
    world.ask()
    world.set_wall(jump)
    still = world.state.requests.get("r1")
    assert (still.state if still else None) is state
    world.wait(600)
    assert world.denied()
    assert not world.allowed()


def test_a_grant_lasts_an_hour_at_most(world: World) -> None:
    world.grant(seconds=DAY)
    assert world.state.grants["g1"].deadline == world.now.plus(3600)


@pytest.mark.row("A17")
@pytest.mark.parametrize(("uses", "asked"), [(1, 2), (1, 7), (3, 7)])
def test_n_requests_at_once_take_no_more_uses_than_there_are(world: World, uses: int, asked: int) -> None:
    world.grant(uses=uses)
    for n in range(asked):
        world.ask(f"r{n}")
    for n in range(asked):
        world.checked(f"r{n}")
        world.durable(f"r{n}")
        world.delivered(f"r{n}")
    assert sum(world.allowed(f"r{n}") for n in range(asked)) == uses
    assert not world.state.grants


@pytest.mark.row("A17")
def test_a_use_is_taken_also_when_the_request_is_denied_in_the_end(world: World) -> None:
    world.grant()
    world.ask("r1")
    world.checked("r1", changed="another script")
    world.ask("r2")
    assert world.denied("r1")
    assert world.state.requests["r2"].state is RequestState.PENDING


@pytest.mark.row("A16")
def test_an_emergency_stop_ends_every_grant_and_a_reset_brings_none_back(world: World) -> None:
    world.open("s2")
    world.grant("g1", of="s1")
    world.grant("g2", of="s2")
    world.estop()
    assert not world.state.grants
    assert len(world.records(Kind.REVOKED)) == 2
    world.reset()
    assert not world.state.grants


@pytest.mark.row("A16")
@pytest.mark.parametrize("state", [SessionState.ENDED, SessionState.LOST])
def test_a_grant_ends_with_its_session(world: World, state: SessionState) -> None:
    world.grant()
    world.end(state=state)
    assert not world.state.grants
    world.grant(ticket="t")
    assert world.answers("t") == [f"refused: the session is {state}"]
    world.open()
    world.ask()
    assert world.state.requests["r1"].state is RequestState.PENDING


@pytest.mark.row("A16")
def test_a_session_that_opens_again_has_no_grant_of_the_one_before(world: World) -> None:
    world.grant()
    world.steer("kill")
    world.contained("kill")
    world.open()
    assert not world.state.grants


def test_a_grant_ends_with_its_subagent(world: World) -> None:
    world.grant("g1", subagent="sub-1")
    world.grant("g2", subagent="sub-2")
    world.do(ev.SubagentEnded(world.now, "s1", "sub-1"))
    assert list(world.state.grants) == ["g2"]


def test_a_revoked_grant_covers_nothing(world: World) -> None:
    world.grant()
    world.do(ev.GrantRevoked(world.now, "g1", "operator:ann", "t"))
    world.do(ev.GrantRevoked(world.now, "g1", "operator:ann", "u"))
    assert world.answers("t") == [""]
    assert world.answers("u") == ["not-found: no grant g1"]
    assert not _covered(world, assessment())


def test_a_grant_is_recorded_before_anything_is_covered_by_it(world: World) -> None:
    world.grant(uses=2, seconds=60)
    assert [(r["id"], r["uses"], r["effects"]) for r in world.records(Kind.GRANT)] == [("g1", 2, ["delete"])]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"of": "nobody"}, "not-found:"),
        ({"of": "lane"}, "refused: a peer that nobody launched"),
        ({"argv": ("rm",), "path": "/ws"}, "usage:"),
        ({"uses": 0}, "usage:"),
        ({"seconds": 0}, "usage:"),
        ({"effects": ()}, "usage:"),
        ({"effects": (K.CONFIG,)}, "refused: configuration changes and restarts"),
        ({"effects": (K.DELETE, K.RESTART)}, "refused: configuration changes and restarts"),
    ],
)
def test_a_grant_that_may_not_be_given_is_refused_with_the_reason(world: World, more: dict[str, object], why: str) -> None:
    world.open("lane", kind="unknown")
    world.grant(ticket="t", **more)  # type: ignore[arg-type]
    assert world.answers("t")[0].startswith(why)
    assert not world.state.grants


def test_nothing_is_granted_while_latched(world: World) -> None:
    world.estop()
    world.grant(ticket="t")
    assert world.answers("t")[0].startswith("latched:")
    assert not world.state.grants


@pytest.mark.row("A16")
def test_a_policy_change_ends_every_grant_and_sets_the_hold(world: World) -> None:
    world.grant(path="/ws")
    world.do(ev.PolicyChanged(world.now, "operator:me", 30.0))
    assert not world.state.grants
    assert world.state.limits.hold == 30.0
    assert not _covered(world, assessment(paths=("/ws/a",)))
