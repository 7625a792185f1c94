"""A store and a place to destroy things in."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlroom.storage.snapshots.store import Store


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder of the test's own, on a real disk, below parents that can be trusted."""
    with tempfile.TemporaryDirectory(prefix="cr-undo-", dir="/var/tmp") as folder:
        os.chmod(folder, 0o700)
        yield Path(folder)


@pytest.fixture
def store(place: Path) -> Store:
    made = Store(place / "store")
    made.secure()
    return made
