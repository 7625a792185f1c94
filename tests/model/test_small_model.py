"""The small model: every interleaving of 2 agents, 2 requests, 2 operators, a grant, the latch and a crash, on the real core.

After every step the reference of `tests.support.core_reference` is asked about S1 to S6, S9, S10, S12, S14, S15 and S16.
A failure prints the shortest story that breaks one of them.
"""

import pytest

from controlroom.core import State, step
from controlroom.core import orders as od
from controlroom.model import event as ev
from controlroom.model.agent import Rung
from controlroom.model.effect import EffectKind
from controlroom.model.request import RequestState
from controlroom.model.tier import Tier, Verdict
from tests.support import core_model
from tests.support.core_explore import Found, Refuted, explore
from tests.support.core_make import START, assessment, request, session
from tests.support.core_model import Cast

TWO = (session("s1"), session("s2", rung=Rung.SUBREAPER))
ONE_USE = ev.GrantAsked(START, "g1", "s1", (EffectKind.DELETE,), 1, 300, "operator:ann", (), "/ws")
TOO_WIDE = ev.GrantAsked(START, "g2", "s2", (EffectKind.DELETE, EffectKind.CONFIG), 1, 300, "operator:ann", (), "/ws")
HOLDS = (("ann", "allow"), ("bob", "deny"))

CASTS = {
    "two requests race for one use of a grant": Cast(TWO, (request("r1"), request("r2")), (ONE_USE,), calm=True),
    "two agents, one wants to change its configuration": Cast(
        TWO,
        (
            request("r1", what=assessment(undo=False, undo_why="too large")),
            request("r2", of="s2", what=assessment(Tier.T3, kinds=(EffectKind.CONFIG,))),
        ),
        (TOO_WIDE,),
        calm=True,
    ),
    "a cgroup is paused, resumed, stopped": Cast((session(),), (request("r1"),), (), ("pause", "resume", "stop"), HOLDS, True),
    "a cgroup is paused, resumed, killed": Cast((session(),), (request("r1"),), (), ("pause", "resume", "kill"), HOLDS, True),
    "a process group is paused, resumed, stopped": Cast(
        (session(rung=Rung.SUBREAPER),), (request("r1"),), (), ("pause", "resume", "stop"), HOLDS, True
    ),
}


@pytest.mark.row("A02", "A03", "A16", "A17", "A19", "A23", "U11", "U12", "E12")
@pytest.mark.parametrize(
    ("name", "depth", "floor", "been"),
    [
        ("two requests race for one use of a grant", 12, 20_000, {"released by grant", "released by operator", "released 2"}),
        ("two agents, one wants to change its configuration", 12, 20_000, {"released by operator", "released 2"}),
        ("a cgroup is paused, resumed, stopped", 8, 8_000, {"paused cgroup", "stopped cgroup", "not confirmed cgroup"}),
        ("a cgroup is paused, resumed, killed", 8, 8_000, {"paused cgroup", "stopped cgroup", "not confirmed cgroup"}),
        ("a process group is paused, resumed, stopped", 8, 8_000, {"paused subreaper", "stopped subreaper"}),
    ],
)
@pytest.mark.timeout(240)  # it only reckons: 15 s where nobody else does
def test_no_interleaving_breaks_an_invariant(name: str, depth: int, floor: int, been: set[str]) -> None:
    found: Found = explore(CASTS[name], depth)
    print(f"{name}: {found.seen} states, {found.steps} steps, depth {found.depth}, marks {found.marks}")
    assert found.depth == depth or not found.more
    assert found.seen > floor, "the exploration did not get far enough to mean anything"
    assert been | {"crashed", "latched", "released 1"} <= set(found.marks)


@pytest.mark.parametrize("name", list(CASTS))
def test_a_daemon_that_starts_latched_releases_nothing_before_the_reset(name: str) -> None:
    found = explore(CASTS[name], 4, latch="stop-1")
    assert found.marks["latched"] > 20


def test_a_counterexample_is_told_as_a_story(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core that releases without waiting for the disk is refuted, with the shortest way there."""

    def hasty(state: State, event: ev.Event) -> tuple[State, list[od.Order]]:
        after, orders = step(state, event)
        known = after.requests.get(event.request) if isinstance(event, ev.Checked) else None
        if isinstance(event, ev.Checked) and known and known.state is RequestState.RECORDING:
            orders.append(od.Reply(event.request, f"conn-{event.request}", Verdict.ALLOW, "operator:ann", ""))
        return after, orders

    monkeypatch.setattr(core_model, "step", hasty)
    with pytest.raises(Refuted) as refuted:
        explore(CASTS["a cgroup is paused, resumed, stopped"], 5)
    told = str(refuted.value).splitlines()
    assert told[0] == "S1 r1 is released without its allow on disk"
    assert [line for line in told if line[:4].strip().rstrip(".").isdigit()] == [
        "  1. s1 asks r1 (T2)",
        "  2. ann: allow r1",
        "  3. r1 is saved",
        "  4. r1 is unchanged",
    ]
    assert "orders: Snapshot r1" in told[5]
