"""The daemon's clock: the only place where the time of day comes in."""

import time
from pathlib import Path

from controlroom.model.clock import Instant


def now() -> Instant:
    """This instant. CLOCK_BOOTTIME counts suspend, so a hold does not outlive a closed lid (clock_gettime(2))."""
    return Instant(time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns())


def boot_id() -> str:
    """The kernel's id of this boot (random(4)). Raises OSError without /proc."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
