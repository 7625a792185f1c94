"""Types that several threads decode at once: msgspec must have read all of them before (`controlroom.model.ready`)."""

import subprocess
import sys
import threading

import pytest

from controlroom.cli import hands
from controlroom.model.agent import Handle, Rung
from controlroom.storage import handles as shelf
from controlroom.storage.paths import places, secure_dir
from controlroom.tui import link
from controlroom.tui.link import CannotStart, Link
from tests.support.home import Home

# Threads that take turns at every instruction decode one type for the first time: without the first line of work, 5 of 6 runs
# ended by a segmentation fault.
AT_ONCE = """
import sys, threading
import msgspec
from controlroom.model.ready import ready_for_threads
from controlroom.model.view import RoomView
from tests.support import views

ready_for_threads()
raw = msgspec.json.encode(views.busy())
sys.setswitchinterval(1e-6)
line = threading.Barrier(8)

def decode():
    line.wait()
    msgspec.json.decode(raw, type=RoomView)

threads = [threading.Thread(target=decode) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""

DAEMON = """
from controlroom.daemon import __main__ as daemon

def house(places):
    print("the daemon begins")
    raise OSError("that is enough")

daemon.ready_for_threads = lambda: print("types are read")
daemon.House = house
daemon.main()
"""


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False)


def test_what_was_read_before_is_decoded_by_many_threads_at_once() -> None:
    done = run(AT_ONCE)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_daemon_reads_all_types_before_it_has_a_second_thread() -> None:
    assert run(DAEMON).stdout.splitlines() == ["types are read", "the daemon begins"]


def test_so_does_the_emergency_stop_without_a_daemon(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session's shim is heard in a thread of its own: several answers of one type, at once."""
    state = places(home.env)
    for folder in (state.state, state.agents):
        secure_dir(folder)
    handles = [Handle(f"s{number}", f"a{number}", Rung.OBSERVED) for number in range(3)]
    for handle in handles:
        shelf.save(state.agents, handle)
    happened: list[str] = []
    for name, value in home.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(hands, "ready_for_threads", lambda: happened.append("types are read"))
    monkeypatch.setattr(hands, "_into", lambda rows, handle, since: happened.append(threading.current_thread().name))
    hands.stop_all(happened.append, 0.0)
    assert happened[0] == "types are read"
    assert len(happened) == 1 + len(handles) and threading.main_thread().name not in happened


def test_so_does_the_room(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> None:
        raise CannotStart("no daemon here")

    lines: list[list[str]] = []
    monkeypatch.setattr(link, "ready_for_threads", lambda: lines.append([thread.name for thread in threading.enumerate()]))
    made = Link(places(home.env), start)
    made.connect()
    made.close()
    assert len(lines) == 1 and "controlroom-link" not in lines[0]
