"""Whatever the kernel does not tell, the watch tells in the end; and it says how it came to know."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from watchfiles import Change as Hint

from controlroom.sensing import watch as watches
from controlroom.sensing.changes import Change
from controlroom.sensing.watch import Hints, Watch
from tests.support.waiting import eventually


class Told:
    """What a watch has told: paths by what became of them last."""

    def __init__(self) -> None:
        self.last: dict[str, str] = {}
        self.all: list[Change] = []

    def __call__(self, changes: list[Change]) -> None:
        self.all += changes
        self.last.update({change.path: change.what for change in changes})

    def last_size(self) -> int | None:
        return self.all[-1].size if self.all else None

    def are(self, what: str) -> set[str]:
        return {path for path, last in self.last.items() if last == what}


@contextmanager
def following(
    folder: Path, told: Told, hints: Hints = watches._kernel, clock: Callable[[], float] = time.monotonic
) -> Iterator[Watch]:
    watch = Watch(str(folder), told, clock, hints)
    try:
        eventually(lambda: watch.why != "not looked at yet", 20, "it has looked")
        yield watch
    finally:
        watch.close()
        watch._thread.join(10)


def test_files_that_come_change_and_go_are_told(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("1")
    told = Told()
    with following(tmp_path, told):
        (tmp_path / "new").touch()  # in one step: what is opened and written later may be told as created, then written
        (tmp_path / "old").write_text("22")
        eventually(lambda: told.last == {f"{tmp_path}/new": "created", f"{tmp_path}/old": "written"}, 20, "both are told")
        (tmp_path / "old").unlink()
        eventually(lambda: told.last[f"{tmp_path}/old"] == "deleted", 20, "it is told as gone")
    assert told.all[-1].size == 2


@pytest.mark.row("R12")
def test_folders_that_are_made_in_a_burst_lose_no_file(tmp_path: Path) -> None:
    told = Told()
    with following(tmp_path, told):
        made = set()
        for n in range(150):
            (tmp_path / f"d{n}/deeper").mkdir(parents=True)
            for m in range(8):
                (tmp_path / f"d{n}/deeper/f{m}").touch()
                made.add(f"{tmp_path}/d{n}/deeper/f{m}")
        eventually(lambda: told.are("created") == made, 20, "every file is told")
    assert len(told.all) == len(made), "and each of them once"


@pytest.mark.row("R12")
def test_a_flood_that_the_kernel_lost_is_found_by_a_look(tmp_path: Path) -> None:
    """As after an overflow of its queue: many hints in one batch, and most files in none."""
    many = {(Hint.added, f"{tmp_path}/not-there-{n}") for n in range(watches.MANY)}
    go, went = threading.Event(), threading.Event()

    def hints(folder: str, stop: threading.Event, /) -> Iterable[set[tuple[Hint, str]]]:
        yield set()
        go.wait(10)
        yield many
        yield set()
        went.set()
        stop.wait(20)

    told = Told()
    with following(tmp_path, told, hints):
        (tmp_path / "unheard").touch()
        go.set()
        eventually(lambda: f"{tmp_path}/unheard" in told.are("created"), 20, "what no hint named is told")
        assert went.wait(10)


@pytest.mark.row("R12")
def test_where_the_kernel_has_no_watch_left_the_disk_is_looked_at_and_it_says_so(tmp_path: Path) -> None:
    def none_left(folder: str, stop: threading.Event, /) -> Iterable[set[tuple[Hint, str]]]:
        raise OSError("OS file watch limit reached.")

    told = Told()
    with following(tmp_path, told, none_left) as watch:
        eventually(lambda: watch.polled == "OS file watch limit reached.", 20, "it says why it polls")
        assert watch.why == ""
        (tmp_path / "file").touch()
        eventually(lambda: told.last == {f"{tmp_path}/file": "created"}, 20, "a look finds it")
        (tmp_path / "file").unlink()
        eventually(lambda: told.last == {f"{tmp_path}/file": "deleted"}, 20, "and that it is gone")
        assert (watch.deletes(), watch.writes()) == (1, 1)


def test_a_folder_that_cannot_be_watched_is_unknown_and_not_zero(tmp_path: Path) -> None:
    with following(tmp_path / "missing", Told()) as watch:
        assert "cannot be read" in watch.why
        assert watch.deletes() is None
        assert watch.writes() is None


def test_files_that_are_renamed_have_not_vanished(tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / f"a{n}").touch()
    told = Told()
    with following(tmp_path, told) as watch:
        for n in range(300):
            (tmp_path / f"a{n}").rename(tmp_path / f"b{n}")
        (tmp_path / "b0").unlink()
        eventually(lambda: len(told.are("deleted")) == 301, 20, "all of it is told")
        assert watch.deletes() == 1
        assert watch.writes() == 0, "nor was one of them written"


def test_files_that_are_made_and_files_that_change_are_writes_until_a_minute_has_gone(tmp_path: Path) -> None:
    (tmp_path / "old").write_text("1")
    batches: queue.Queue[set[tuple[Hint, str]]] = queue.Queue()
    minutes = [0.0]

    def hints(folder: str, stop: threading.Event, /) -> Iterable[set[tuple[Hint, str]]]:
        while not stop.is_set():
            with contextlib.suppress(queue.Empty):
                yield batches.get(timeout=0.05)

    told = Told()
    with following(tmp_path, told, hints, lambda: 60.0 * minutes[0]) as watch:
        for text in ("22", "333"):
            (tmp_path / "old").write_text(text)
            batches.put({(Hint.modified, f"{tmp_path}/old")})
            eventually(lambda: told.last_size() == (tmp_path / "old").stat().st_size, 20, "the change is told")
        (tmp_path / "new").touch()
        batches.put({(Hint.added, f"{tmp_path}/new")})
        eventually(lambda: told.last.get(f"{tmp_path}/new") == "created", 20, "the new file is told")
        assert (watch.writes(), watch.deletes()) == (3, 0)
        minutes[0] = 1.1
        assert watch.writes() == 0
