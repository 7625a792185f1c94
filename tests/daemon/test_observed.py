"""What a session used is what was released to it: counted and bounded."""

import json

import msgspec

from controlroom.daemon.observed import MOST_SCOPES, Observed
from controlroom.model.clock import Instant
from controlroom.model.effect import Assessment
from controlroom.model.record import Intent, Kind, Record
from controlroom.model.request import Decision
from controlroom.model.settings import default_profile
from controlroom.model.tier import Tier, Verdict
from controlroom.model.trips import Trips
from controlroom.model.use import Capability
from tests.support.core_make import action

AT = Instant(1, 1)
USUAL = default_profile(Trips())


def record(kind: Kind, receipt: str, body: object) -> Record:
    return Record(kind, AT, "s1", receipt, msgspec.Raw(msgspec.json.encode(body)))


def act(observed: Observed, number: int, program: str, verdict: Verdict = Verdict.ALLOW, tool: str = "Bash") -> None:
    """One call that was asked and answered."""
    wanted = msgspec.structs.replace(action(), tool=tool, input=json.dumps({"skill": program}))
    intent = Intent("d", wanted, Assessment(Tier.T1, (), argv=((program,),)), "a")
    observed.note(record(Kind.INTENT, f"r{number}", intent))
    observed.note(record(Kind.DECISION, f"r{number}", Decision(f"r{number}", "d", verdict, "policy", "", AT)))


def test_only_what_was_allowed_counts() -> None:
    observed = Observed()
    act(observed, 1, "git")
    act(observed, 2, "git")
    act(observed, 3, "rm", Verdict.DENY)
    (row,) = observed.used("s1", USUAL, "/w", "/h")
    assert (row.kind, row.scope, row.times, row.declared) == (Capability.EXEC, "git", 2, True)


def test_uses_are_kept_by_skill() -> None:
    observed = Observed()
    act(observed, 1, "git")
    act(observed, 2, "pdf", tool="Skill")
    act(observed, 3, "git")
    rows = observed.used("s1", USUAL, "/w", "/h")
    assert {(row.scope, row.skill) for row in rows} == {("git", ""), ("pdf", "pdf"), ("git", "pdf")}


def test_what_is_kept_is_bounded_and_the_rest_is_counted() -> None:
    observed = Observed()
    for number in range(MOST_SCOPES + 5):
        act(observed, number, f"p{number}")
    row = next(r for r in observed.matrix("s1", USUAL, "/w", "/h") if r.kind is Capability.EXEC)
    assert (row.times, row.unseen) == (MOST_SCOPES + 5, 5)
