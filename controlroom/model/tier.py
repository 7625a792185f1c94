"""Tiers and verdicts: how bad an action is, and what is answered to it."""

from enum import StrEnum


class Tier(StrEnum):
    """What an action's effects make of it. Ordered: `Tier.T1 < Tier.T3 < Tier.TX` (lexical order of the values)."""

    T0 = "T0"  # reads and harmless work: recorded
    T1 = "T1"  # reversible: recorded, not asked
    T2 = "T2"  # destructive, covered by a snapshot where one is possible: asked, one key
    T3 = "T3"  # irreversible, outside the workspace, guarded, hidden or unknown: asked, a different key
    TX = "TX"  # never-touch: denied, not approvable


class Verdict(StrEnum):
    """The two answers there are to a request."""

    ALLOW = "allow"
    DENY = "deny"


class Ruling(StrEnum):
    """What a tier asks for before anybody answered (the `decision` of `policy check`)."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


def ruling_of(tier: Tier) -> Ruling:
    """T0 and T1 pass, T2 and T3 wait for a person, TX is denied."""
    if tier is Tier.TX:
        return Ruling.DENY
    return Ruling.ALLOW if tier <= Tier.T1 else Ruling.ASK
