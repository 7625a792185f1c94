"""Appends lines to every log of a folder: `python -m tests.bench.logwriter FOLDER EVENTS SECONDS`, so many a second to each.

Says how many lines it wrote.
"""

import os
import sys
import time
from pathlib import Path

BEAT = 0.05  # seconds


def main(folder: str, events: int, seconds: float) -> None:
    """All of it, beat by beat."""
    files = [os.open(path, os.O_WRONLY | os.O_APPEND) for path in sorted(Path(folder).glob("*.log"))]
    began, beats, written = time.monotonic(), 0, 0
    each = round(events * BEAT)
    data = b"".join(b"2026-11-26 12:00:00 INFO request %d took %d ms on the usual path\n" % (n, n % 97) for n in range(each))
    while time.monotonic() - began < seconds:
        beats += 1
        time.sleep(max(0.0, began + beats * BEAT - time.monotonic()))
        for file in files:
            os.write(file, data)
        written += each * len(files)
    print(written)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
