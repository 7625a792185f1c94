"""An operator's hand in front of an `Approval`: feeds events at a time of its own and keeps what was answered."""

from controlroom.model.tier import Tier, Verdict
from controlroom.tui import approval_events as ev
from controlroom.tui.approval import Approval, step
from controlroom.tui.approval_events import Answer, Decision, Refusal, Source, Surface, Waiting


def waiting(name: str, tier: Tier = Tier.T2, asked: int = 0, size: int = 100, digest: str = "") -> Waiting:
    """A request in the inbox."""
    return Waiting(name, digest or f"digest-{name}", tier, asked, size)


ONE = waiting("one")
ALLOWED = [Decision("one", "digest-one", Verdict.ALLOW)]
DENIED = [Decision("one", "digest-one", Verdict.DENY)]


class Hand:
    """`now` moves only when told to. Every answer is kept in `answers`."""

    def __init__(self, *inbox: Waiting, read_only: bool = False) -> None:
        self.state = Approval(read_only=read_only)
        self.now = 100.0
        self.answers: list[Answer] = []
        self.view(*inbox)

    def feed(self, event: ev.Event) -> tuple[Answer, ...]:
        """One event; what was answered to it."""
        self.state, answers = step(self.state, event)
        self.answers += answers
        return answers

    def wait(self, seconds: float) -> "Hand":
        """Time goes by, and the app's frame timer says so."""
        self.now += seconds
        self.feed(ev.Tick(self.now))
        return self

    def view(self, *inbox: Waiting, latch: str = "") -> "Hand":
        """A newer view from the daemon."""
        self.feed(ev.Changed(self.now, inbox, latch))
        return self

    def paint(self, *, fits: bool = True, too_small: bool = False, surface: Surface = "panel") -> "Hand":
        """A whole frame with the focused request."""
        request = self.state.request
        assert request is not None
        self.feed(ev.Shown(self.now, request.id, request.digest, request.tier, fits, too_small, surface))
        return self

    def scroll(self) -> "Hand":
        """To the end of the focused request."""
        request = self.state.request
        assert request is not None
        self.feed(ev.ScrolledToEnd(self.now, request.id, request.digest))
        return self

    def key(
        self, key: str, source: Source = "plain", *, epoch: int | None = None, at: float | None = None
    ) -> tuple[Answer, ...]:
        """One key event, read at this moment (or `at`)."""
        read = self.now if at is None else at
        return self.feed(ev.Key(read, key, self.state.epoch if epoch is None else epoch, source))

    def press(self, key: str, source: Source = "plain") -> list[Decision]:
        """A key, and then a moment without any other. The decisions that came of it."""
        before = len(self.answers)
        self.key(key, source)
        self.wait(0.03)
        return [answer for answer in self.answers[before:] if isinstance(answer, Decision)]

    def armed(self) -> "Hand":
        """The focused request, shown whole for long enough."""
        return self.paint().wait(1.1)

    @property
    def decisions(self) -> list[Decision]:
        """All that was ever decided."""
        return [answer for answer in self.answers if isinstance(answer, Decision)]

    @property
    def why(self) -> str:
        """The last refusal."""
        refusals = [answer.why for answer in self.answers if isinstance(answer, Refusal)]
        return refusals[-1] if refusals else ""
