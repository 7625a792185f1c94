"""Numbers in the few words that the room uses for them. Ages are coarse, so that a quiet screen stays as it is."""

from datetime import UTC, datetime

from controlroom.model.clock import SECOND, Instant
from controlroom.model.tier import Tier

_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 45)
TIERS = {
    Tier.T0: "harmless",
    Tier.T1: "reversible",
    Tier.T2: "destructive",
    Tier.T3: "critical",
    Tier.TX: "never-touch",
}


def age(seconds: float) -> str:
    """How long ago: now, 1m, 2m, 3m, 5m, 10m ... 1h, 2h ... 1d."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{max(step for step in _MINUTES if step <= minutes)}m"
    return f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"


def since(earlier: Instant | None, now: Instant) -> str:
    """The age of a moment, "" where there is none."""
    return "" if earlier is None else age(now.seconds_since(earlier))


def left(deadline: Instant, now: Instant) -> str:
    """How long there is still: 9m, 8m ... 1m, <1m; "over" when it has passed. The earlier of the two clocks counts."""
    if deadline.reached(now):
        return "over"
    seconds = min(deadline.boot - now.boot, deadline.wall - now.wall) // SECOND
    if seconds < 60:
        return "<1m"
    return f"{seconds // 60}m" if seconds < 100 * 60 else f"{seconds // 3600}h"


def size(count: int) -> str:
    """Bytes: 412 B, 8.2 MiB."""
    if count < 1024:
        return f"{count} B"
    value, units = count / 1024, ["KiB", "MiB", "GiB", "TiB", "PiB"]
    while value >= 1024 and len(units) > 1:
        value /= 1024
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 10 else f"{value:.0f} {units[0]}"


def short_size(count: int) -> str:
    """Bytes in at most five cells: 412B, 8.2M."""
    return size(count).replace(" ", "").replace("iB", "")


def clock(at: Instant) -> str:
    """The local time of day, 14:02:11."""
    try:
        return datetime.fromtimestamp(at.wall // SECOND, UTC).astimezone().strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "--:--:--"  # a clock beyond all years


def stamp(ns: int) -> str:
    """A moment that somebody else wrote down: day and time of day here."""
    try:
        return datetime.fromtimestamp(ns // SECOND, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "a time beyond all years"


def dollars(usd: float) -> str:
    """$12.30; what is less than ten cents is not rounded to nothing."""
    return f"${usd:.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.4f}"


def thousands(count: int) -> str:
    """A count in few cells: 950, 12k, 3.4M."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.0f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def some(count: int, one: str, many: str = "") -> str:
    """1 file, 2 files."""
    return f"{count} {one if count == 1 else many or one + 's'}"
