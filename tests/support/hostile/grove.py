"""A folder of heartbeats: what the victims themselves say about being alive."""

import sys
import time
from pathlib import Path

_VICTIM = Path(__file__).with_name("victim.py")
WINDOW = 0.3  # s of silence that counts as dead: fifteen beats


class Grove:
    """The victims of one test. They end by themselves after `seconds` even if everything fails."""

    def __init__(self, folder: Path, seconds: float = 30) -> None:
        self.folder = folder
        self._seconds = seconds

    def command(self, kind: str, count: int = 1) -> tuple[str, ...]:
        """The command line of a tree of this kind (see victim.py)."""
        return (sys.executable, "-I", "-S", str(_VICTIM), kind, str(self.folder), str(count), str(self._seconds))

    def beats(self) -> dict[str, int]:
        """How often each has beaten."""
        return {path.name: path.stat().st_size for path in self.folder.iterdir() if path.name != "elsewhere"}

    def wait_for(self, count: int, seconds: float = 20) -> None:
        """Until at least `count` victims beat."""
        deadline = time.monotonic() + seconds
        while len(self.beats()) < count:
            assert time.monotonic() < deadline, f"only {len(self.beats())} of {count} victims came up"
            time.sleep(0.01)

    def wait_heard(self, count: int, seconds: float = 20) -> None:
        """Until `count` victims, and no others, have beaten since: on a busy machine one beat may be late."""
        before, deadline = self.beats(), time.monotonic() + seconds
        while (heard := len(self._beaten(before))) < count:
            assert time.monotonic() < deadline, f"only {heard} of {count} victims beat"
            time.sleep(0.01)
        assert heard == count, f"{heard} victims beat, not {count}"

    def heard(self, window: float = WINDOW) -> set[str]:
        """Who beats within a window from now."""
        before = self.beats()
        time.sleep(window)
        return self._beaten(before)

    def _beaten(self, before: dict[str, int]) -> set[str]:
        return {name for name, size in self.beats().items() if size != before.get(name)}
