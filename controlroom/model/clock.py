"""Time as data: an instant on two clocks, and a deadline that no clock change extends (S13)."""

import msgspec

SECOND = 1_000_000_000  # ns


class Instant(msgspec.Struct, frozen=True, order=True):
    """A moment, in nanoseconds: `boot` since boot and counting suspend (CLOCK_BOOTTIME), `wall` since the epoch."""

    boot: int
    wall: int

    def plus(self, seconds: float) -> "Instant":
        """The instant `seconds` later on both clocks."""
        ns = round(seconds * SECOND)
        return Instant(self.boot + ns, self.wall + ns)

    def reached(self, now: "Instant") -> bool:
        """Whether this deadline has passed: the earlier of its two clocks decides, so a step back extends nothing."""
        return now.boot >= self.boot or now.wall >= self.wall

    def seconds_since(self, earlier: "Instant") -> float:
        """Seconds from `earlier` to this instant on the clock that is never set, never negative."""
        return max(0, self.boot - earlier.boot) / SECOND
