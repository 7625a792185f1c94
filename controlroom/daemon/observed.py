"""What each session really used: folded from the journal's records of released actions. Bounded."""

from collections import OrderedDict

import msgspec

from controlroom.model.record import Intent, Kind, Record
from controlroom.model.request import Decision
from controlroom.model.settings import Profile
from controlroom.model.tier import Verdict
from controlroom.model.use import Capability, Matrix, Use, Used
from controlroom.policy.capabilities import declares, scopes, uses

MOST_SESSIONS = 512
MOST_SCOPES = 64  # of one kind in one session
MOST_ASKED = 4096  # intents whose decision is waited for
SKILL_TOOL = "Skill"

Key = tuple[Use, str]  # what, and during which skill


class _Session:
    def __init__(self) -> None:
        self.skill = ""
        self.times: dict[Key, int] = {}
        self.unseen: dict[Capability, int] = {}

    def note(self, use: Use) -> None:
        key = (use, self.skill)
        full = sum(1 for known, _ in self.times if known.kind is use.kind) >= MOST_SCOPES
        if key not in self.times and full:
            self.unseen[use.kind] = self.unseen.get(use.kind, 0) + 1
        else:
            self.times[key] = self.times.get(key, 0) + 1


class Observed:
    """Uses by session. `note` takes every record; only an allow of an intent that was seen counts."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, tuple[tuple[Use, ...], str]] = OrderedDict()
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def note(self, record: Record) -> None:
        """Fold one record in."""
        if record.kind is Kind.INTENT:
            intent = msgspec.json.decode(record.body, type=Intent)
            self._asked[record.receipt] = (uses(intent.assessment), _skill(intent))
            while len(self._asked) > MOST_ASKED:
                self._asked.popitem(last=False)
        elif record.kind is Kind.DECISION:
            asked = self._asked.pop(record.receipt, None)
            if asked and msgspec.json.decode(record.body, type=Decision).verdict is Verdict.ALLOW:
                self._use(record.session, *asked)

    def _use(self, session: str, used: tuple[Use, ...], skill: str) -> None:
        kept = self._sessions.setdefault(session, _Session())
        self._sessions.move_to_end(session)
        kept.skill = skill or kept.skill
        for use in used:
            kept.note(use)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)

    def used(self, session: str, profile: Profile, workspace: str, home: str) -> tuple[Used, ...]:
        """Each use of a session, by kind and scope."""
        kept = self._sessions.get(session)
        rows = [
            Used(use.kind, use.scope, times, declares(profile.rules.capabilities, use, workspace, home), skill)
            for (use, skill), times in (kept.times.items() if kept else ())
        ]
        return tuple(sorted(rows, key=lambda row: (row.kind, row.scope, row.skill)))

    def matrix(self, session: str, profile: Profile, workspace: str, home: str) -> tuple[Matrix, ...]:
        """Declared beside observed, one row a kind."""
        rows = self.used(session, profile, workspace, home)
        kept = self._sessions.get(session)
        unseen = kept.unseen if kept else {}
        return tuple(
            Matrix(
                kind,
                declared,
                sum(row.times for row in rows if row.kind is kind) + unseen.get(kind, 0),
                tuple(dict.fromkeys(row.scope for row in rows if row.kind is kind and not row.declared)),
                unseen.get(kind, 0),
            )
            for kind, declared in scopes(profile.rules.capabilities).items()
        )


def _skill(intent: Intent) -> str:
    """The skill that a call begins, as the agent names it; "" = none."""
    if intent.action.tool != SKILL_TOOL:
        return ""
    given = msgspec.json.decode(intent.action.input)
    name = given.get("skill", given.get("command")) if isinstance(given, dict) else None
    return name[:64] if isinstance(name, str) else ""
