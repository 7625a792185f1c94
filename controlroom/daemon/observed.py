"""What each session really used: folded from the journal's records of released actions. Bounded."""

from collections import Counter, OrderedDict
from collections.abc import Collection

import msgspec

from controlroom.model.record import Intent, Kind, Record
from controlroom.model.request import Decision
from controlroom.model.settings import Profile
from controlroom.model.tier import Verdict
from controlroom.model.use import Capability, Matrix, Use, Used
from controlroom.policy.capabilities import declares, scopes, uses
from controlroom.storage.notes import Carried, Uses, UseTimes

MOST_SESSIONS = 512
MOST_SCOPES = 64  # of one kind in one session
MOST_CARRIED = 4 << 20  # bytes of all that a new segment of the journal takes along
MOST_ASKED = 4096  # intents whose decision is waited for
SKILL_TOOL = "Skill"

Key = tuple[Use, str]  # what, and during which skill


class _Session:
    def __init__(self, known: Uses | None = None) -> None:
        known = known or Uses()
        self.skill = known.skill
        self.times: dict[Key, int] = {(one.use, one.skill): one.times for one in known.uses}
        self.unseen: dict[Capability, int] = dict(known.unseen)

    def carried(self) -> Uses:
        """As it is kept."""
        return Uses(self.skill, tuple(UseTimes(use, skill, times) for (use, skill), times in self.times.items()), self.unseen)

    def counted(self) -> Uses:
        """The same without scopes."""
        counts = Counter(self.unseen)
        for (use, _), times in self.times.items():
            counts[use.kind] += times
        return Uses(self.skill, (), dict(counts))

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
        elif record.kind is Kind.CARRIED:
            self._take_up(msgspec.json.decode(record.body, type=Carried))

    def _take_up(self, carried: Carried) -> None:
        """What an older segment tells of, which may have been read too: it takes its place."""
        for receipt in carried.open:
            if receipt.decision is None:
                self._asked[receipt.id] = (uses(receipt.intent.assessment), _skill(receipt.intent))
        for session, kept in (carried.remembered.used if carried.remembered is not None else {}).items():
            self._sessions[session] = _Session(kept)

    def carried(self, sessions: Collection[str]) -> dict[str, Uses]:
        """Those of these sessions, as a new segment of the journal takes them along; where that is too much, only counted."""
        room, found = MOST_CARRIED, {}
        for session, kept in reversed(self._sessions.items()):
            if session in sessions:
                used = kept.carried()
                room -= len(msgspec.json.encode(used))
                found[session] = used if room >= 0 else kept.counted()
        return found

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
