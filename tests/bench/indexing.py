"""Indexes one log and ends: `python -m tests.bench.indexing lines|types FILE`. Prints the seconds that the index took."""

import os
import sys
import time

from controlroom.sensing.index import Index
from controlroom.sensing.loglines import Tally

STEP = 8 << 20


def main(what: str, path: str) -> None:
    """One index, from its begin to its end."""
    descriptor = os.open(path, os.O_RDONLY)
    size = os.fstat(descriptor).st_size
    index = Index(tally=Tally() if what == "types" else None)
    began = time.perf_counter()
    while index.step(descriptor, size, STEP):
        pass
    print(time.perf_counter() - began, index.rows)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
