"""What an assessment has found so far. It only grows: nothing that is added later takes a tier back (S19)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from controlroom.model.effect import Assessment, Effect, EffectKind, Loses, Reason, Repository, Target
from controlroom.model.tier import Tier
from controlroom.policy.limits import MAX_COMMANDS, MAX_TARGETS

_DESTRUCTIVE = {EffectKind.WRITE, EffectKind.DELETE, EffectKind.META, EffectKind.CONFIG}


class TooMuch(Exception):
    """A limit of the analysis was passed; the action is denied."""


class Found(msgspec.Struct, frozen=True):
    """What was found about one simple command: its words, how deep it was found, its own tier, reasons and effects."""

    argv: tuple[str, ...]
    depth: int
    tier: Tier
    reasons: tuple[Reason, ...]
    effects: tuple[Effect, ...]


class Step:
    """One simple command and what was found about it alone. `depth` 0 is what was typed, deeper ones are run by it."""

    def __init__(self, argv: tuple[str, ...], depth: int) -> None:
        self.argv = argv
        self.depth = depth
        self.reasons: dict[tuple[str, str], None] = {}
        self.effects: dict[EffectKind, dict[Target, None]] = {}


class Mark(msgspec.Struct, frozen=True):
    """What a ledger held at a moment."""

    reasons: dict[tuple[str, str], Reason]
    effects: dict[EffectKind, dict[Target, None]]
    targets: dict[Target, None]
    commands: int
    steps: int
    mixed: bool


class Ledger:
    """Collects reasons, effects and what is run, without duplicates and in the order they were found."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str], Reason] = {}
        self._effects: dict[EffectKind, dict[Target, None]] = {}
        self._targets: dict[Target, None] = {}
        self._executables: dict[str, None] = {}
        self._operands: dict[str, None] = {}
        self._repositories: dict[Repository, None] = {}
        self.argv: list[tuple[str, ...]] = []
        self.steps: list[Step] = []
        self._within: list[Step] = []  # the commands that are being judged, outermost first
        self.made: set[str] = set()  # paths that an earlier part of the same action creates or changes
        self.fresh: set[str] = set()  # of these, what was not there before and holds nothing that was moved or linked into it
        self.content: dict[str, str] = {}  # of these, the exact text where it is known
        self.links: dict[str, str] = {}  # symlinks that the action makes: where they are, where they lead
        self.mixed = False  # something older was moved or linked somewhere: nothing counts as fresh any more
        self._unless: list[Reason] = []  # reasons that hold only when `mixed`
        self.diff = ""
        self.invalid = ""

    def reason(self, tier: Tier, rule: str, text: str, safer: str = "") -> None:
        """Say why, at which tier."""
        known = self._reasons.get((rule, text))
        if known is None or known.tier < tier:
            self._reasons[rule, text] = Reason(rule, tier, text, safer)
        if self._within:
            self._within[-1].reasons[rule, text] = None

    def reason_if_mixed(self, tier: Tier, rule: str, text: str, safer: str = "") -> None:
        """Say why, should a later part of the action turn out to move or link older things into what is fresh."""
        self._unless.append(Reason(rule, tier, text, safer))

    def effect(self, kind: EffectKind, target: Target | None = None, *, file: bool = False) -> None:
        """Note an effect and what it falls on; `file` puts the target on the list of file targets too."""
        targets = self._effects.setdefault(kind, {})
        if self._within:
            into = self._within[-1].effects.setdefault(kind, {})
            if target is not None and len(into) < MAX_TARGETS:
                into[target] = None
        if target is None:
            return
        if len(targets) < MAX_TARGETS:
            targets[target] = None
        if file and len(self._targets) < MAX_TARGETS:
            self._targets[target] = None

    def enter(self, words: tuple[str, ...]) -> None:
        """Note a simple command; what is found until `leave` is about it. Raises TooMuch over the limit."""
        self.argv.append(words)
        if len(self.argv) > MAX_COMMANDS:
            raise TooMuch(f"more than {MAX_COMMANDS} commands in one action; split it")
        step = Step(words, len(self._within))
        self.steps.append(step)
        self._within.append(step)

    def leave(self) -> None:
        """The command that was entered last is judged."""
        self._within.pop()

    @property
    def step(self) -> Step | None:
        """The command that is being judged, None for a tool that is no shell."""
        return self._within[-1] if self._within else None

    @contextmanager
    def back_at(self, step: Step | None) -> Iterator[None]:
        """What is found within is about a command that was judged before."""
        self._within = [step] if step else []
        try:
            yield
        finally:
            self._within = []

    def fill(self, counted: Mapping[Target, Target]) -> None:
        """Put targets with their numbers in the place of the same without."""
        for listed in (self._targets, *self._effects.values(), *(e for step in self.steps for e in step.effects.values())):
            if not counted.keys().isdisjoint(listed):
                filled = dict.fromkeys(counted.get(target, target) for target in listed)
                listed.clear()
                listed.update(filled)

    def found(self, step: Step) -> "Found":
        """What was found about one command alone."""
        reasons = [self._reasons[key] for key in step.reasons if key in self._reasons]
        tier = max((reason.tier for reason in reasons), default=Tier.T0)
        return Found(
            step.argv,
            step.depth,
            tier,
            tuple(sorted(reasons, key=lambda reason: reason.tier, reverse=True)),
            tuple(Effect(kind, tuple(targets)) for kind, targets in step.effects.items()),
        )

    def runs(self, executable: str) -> None:
        """Note a program that is run."""
        self._executables[executable] = None

    def operand(self, path: str) -> None:
        """Note a file whose content is run or applied (absolute path)."""
        self._operands[path] = None

    def mark(self) -> "Mark":
        """Where the ledger stands now, for `keep_outside`."""
        effects = {kind: dict(targets) for kind, targets in self._effects.items()}
        return Mark(dict(self._reasons), effects, dict(self._targets), len(self.argv), len(self.steps), self.mixed)

    def keep_outside(self, mark: "Mark") -> None:
        """Forget what came since `mark`, unless it is T3 or worse for a reason that is known, not for want of knowledge."""
        worse = {
            key: reason
            for key, reason in self._reasons.items()
            if key not in mark.reasons and reason.tier >= Tier.T3 and not key[0].startswith(("shell.", "program.", "net."))
        }
        kept = {key: reason for key, reason in worse.items() if "computed while it runs" not in reason.text}
        kept = {key: reason for key, reason in kept.items() if "cannot be told" not in reason.text}
        self._reasons = mark.reasons | kept
        if not kept:
            self._effects, self._targets, self.mixed = mark.effects, mark.targets, mark.mixed
            del self.argv[mark.commands :]
            del self.steps[mark.steps :]

    def repository(self, path: str, loses: Loses) -> None:
        """Note a folder (absolute path) in which git can lose something."""
        self._repositories[Repository(path, loses)] = None

    def kinds(self) -> tuple[EffectKind, ...]:
        """The kinds of effects found so far."""
        return tuple(self._effects)

    @property
    def tier(self) -> Tier:
        """The highest tier found so far."""
        return max((reason.tier for reason in self._reasons.values()), default=Tier.T0)

    def close(self) -> Assessment:
        """The assessment: reasons worst first."""
        for late in self._unless if self.mixed else ():
            self.reason(late.tier, late.rule, late.text, late.safer)
        if not self._reasons:
            self.reason(Tier.T0, "harmless", "Reads or does harmless work.")
        reasons = tuple(sorted(self._reasons.values(), key=lambda reason: reason.tier, reverse=True))
        lost = any(kind in _DESTRUCTIVE and targets for kind, targets in self._effects.items())
        return Assessment(
            tier=self.tier,
            reasons=reasons,
            effects=tuple(Effect(kind, tuple(targets)) for kind, targets in self._effects.items()),
            targets=tuple(self._targets),
            argv=tuple(self.argv),
            executables=tuple(self._executables),
            operands=tuple(self._operands),
            diff=self.diff,
            invalid=self.invalid,
            repositories=tuple(self._repositories),
            undo_why="not measured: only where an act is really asked for" if lost else "",
        )
