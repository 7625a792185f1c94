"""Receipts that others write: lines appended to files in `state/claims/` become `claimed` records, and nothing more (R07).

Whoever wants an act of its own on record without asking for it appends one line (JSON, or any text) to `claims/NAME.jsonl`.
Lines of before the daemon's start are not taken up again.
"""

from pathlib import Path

import anyio
import anyio.to_thread

from controlroom.daemon.runner import Runner
from controlroom.model.record import Kind
from controlroom.sensing.tail import Found, Gap, Tail
from controlroom.storage.paths import secure_dir

LOOK_SECONDS = 1.0
MOST_FILES = 64
MOST_READ = 64 * 1024  # bytes of one file at one look: a writer that floods is taken slowly, and nothing of it is lost
MOST_TEXT = 4096  # characters of a claim that are kept
SUFFIX = ".jsonl"


class Claims:
    """Follows the files of one folder. Made before the daemon listens, so that nothing after its start is missed."""

    def __init__(self, folder: Path) -> None:
        """Raises Insecure, OSError."""
        secure_dir(folder)
        self._folder = folder
        self._tails = {path: Tail(str(path), back=0) for path in self._files()}

    def _files(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if path.name.endswith(SUFFIX))[:MOST_FILES]

    def read(self) -> list[tuple[str, Found]]:
        """What has come since the last look, by file name. Blocking. Raises OSError."""
        for path in self._files():
            if path not in self._tails and len(self._tails) < MOST_FILES:
                self._tails[path] = Tail(str(path))
        return [(path.name, found) for path, tail in self._tails.items() for found in tail.read(MOST_READ)]

    async def run(self, runner: Runner) -> None:
        """Record what comes, for the daemon's life."""
        trouble = ""
        while True:
            try:
                found = await anyio.to_thread.run_sync(self.read, abandon_on_cancel=True)
            except OSError as error:
                found, trouble = [], _told(runner, trouble, f"the folder of claims cannot be read: {error}")
            for name, one in found:
                if isinstance(one, Gap):
                    runner.record(Kind.CLAIMED, {"file": name, "gap": one.why})
                else:
                    text = one.text.decode("utf-8", "backslashreplace")
                    cut = one.cut + max(0, len(text) - MOST_TEXT)
                    runner.record(Kind.CLAIMED, {"file": name, "unverified": text[:MOST_TEXT], "cut": cut})
            await anyio.sleep(LOOK_SECONDS)


def _told(runner: Runner, before: str, trouble: str) -> str:
    if trouble != before:
        runner.alarm("claims", trouble)
    return trouble
