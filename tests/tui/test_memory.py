"""What a room remembers is the newest of what it was told, however slow the disk was in between."""

import threading
from pathlib import Path

import pytest

from controlroom.storage.paths import Places
from controlroom.tui import memory
from controlroom.tui.memory import Memory, Writer


def test_an_older_note_never_comes_after_a_newer_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = Places(tmp_path / "config", tmp_path / "state", tmp_path / "run")
    places.state.mkdir()
    save, disk = memory.save, threading.Event()

    def slow(places: Places, note: Memory) -> str:
        if note.seen == 1:
            assert disk.wait(20)
        return save(places, note)

    monkeypatch.setattr(memory, "save", slow)
    writer = Writer(places)
    writer.wait()  # nothing to wait for
    writer.write(Memory(1, "day"))
    writer.write(Memory(2, "night"))
    disk.set()
    writer.wait()
    assert memory.load(places) == Memory(2, "night")
