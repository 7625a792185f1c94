"""A victim: stands alone (`python -I -S victim.py KIND FOLDER COUNT SECONDS`), beats every 20 ms, ends itself after SECONDS.

A beat is one byte at the end of a file of its own in FOLDER; a line of a re-forking chain shares one file.
"""

import os
import signal
import sys
import time

BEAT = 0.02  # s
GENERATION = 0.005  # s that one process of a chain lives


def beat(folder: str, name: str) -> None:
    """One byte into the victim's file."""
    descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, b".")
    os.close(descriptor)


def live(folder: str, until: float, name: str = "") -> None:
    """Beat until the wall deadline."""
    while time.monotonic() < until:
        beat(folder, name or str(os.getpid()))
        time.sleep(BEAT)


def plain(folder: str, count: int, until: float) -> None:
    """`count` processes, parent and children."""
    for _ in range(count - 1):
        if os.fork() == 0:
            break
    live(folder, until)


def daemons(folder: str, count: int, until: float) -> None:
    """The first, and `count` - 1 that forked twice, left its session and dropped every variable."""
    left = str(max(1, round(until - time.monotonic())))
    for _ in range(count - 1):
        if os.fork() == 0:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
            os.execve(sys.executable, [sys.executable, "-I", "-S", __file__, "plain", folder, "1", left], {})
        os.wait()
    live(folder, until)


def chains(folder: str, count: int, until: float) -> None:
    """The first, and `count` lines in which each process forks its heir, leaves the session and dies after 5 ms."""
    for line in range(count):
        if os.fork() == 0:
            while time.monotonic() < until:
                beat(folder, f"chain{line}")
                time.sleep(GENERATION)
                if os.fork() != 0:
                    os._exit(0)
                os.setsid()
            os._exit(0)
        time.sleep(GENERATION)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    live(folder, until)


def stubborn(folder: str, count: int, until: float) -> None:
    """As plain, deaf to everything that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    plain(folder, count, until)


def polite(folder: str, count: int, until: float) -> None:
    """As plain; at TERM each writes `PID.bye` and ends."""

    def leave(_number: int, _frame: object) -> None:
        beat(folder, f"{os.getpid()}.bye")
        os._exit(0)

    signal.signal(signal.SIGTERM, leave)
    plain(folder, count, until)


def zombies(folder: str, count: int, until: float) -> None:
    """The first, and `count` children that are dead and not reaped."""
    for _ in range(count):
        if os.fork() == 0:
            os._exit(0)
    live(folder, until)


def double(count: int) -> None:
    """Comes back in `count` processes, by forks of forks."""
    while count > 1:
        if os.fork() == 0:
            count //= 2
        else:
            count -= count // 2


def flood(folder: str, count: int, until: float) -> None:
    """Doubles itself until there are `count`; they beat more slowly, so that hundreds of them leave the machine to others."""
    global BEAT
    BEAT = max(BEAT, count / 2000)
    double(count)
    live(folder, until)


def bomb(folder: str, count: int, until: float) -> None:
    """Doubles itself until there are `count`, all spinning."""
    double(count)
    last = 0.0
    while (now := time.monotonic()) < until:
        if now - last > BEAT:
            beat(folder, str(os.getpid()))
            last = now


def mixed(folder: str, count: int, until: float) -> None:
    """`count` of every sort at once, deaf to TERM: children, daemons without session or environment, chains, a few that spin.

    Large trees beat more slowly, so that beating is not all that they do.
    """
    global BEAT
    BEAT = max(BEAT, count / 2000)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for member in sorted(range(count - 1), key=_restless):  # who takes the processor comes last: else the rest comes slowly
        if os.fork() == 0:
            _member(folder, member, until)
    live(folder, until)


def _restless(member: int) -> bool:
    """Whether it forks or spins without end."""
    return member % 20 == 3 or member % 100 == 4


def _member(folder: str, member: int, until: float) -> None:
    sort = member % 5
    if sort in (1, 2):  # daemonised, its parent gone
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
    left = str(max(1, round(until - time.monotonic())))
    if member % 50 == 1:
        os.execve(sys.executable, [sys.executable, "-I", "-S", __file__, "plain", folder, "1", left], {})
    elif member % 20 == 3:
        while time.monotonic() < until:  # a chain: each forks its heir and dies
            beat(folder, f"chain{member}")
            time.sleep(GENERATION * 4)
            if os.fork() != 0:
                os._exit(0)
            os.setsid()
    elif member % 100 == 4:
        bomb(folder, 4, until)
    live(folder, until)
    os._exit(0)


def migrant(folder: str, count: int, until: float) -> None:
    """The first, and one child that moves itself into the cgroup named in `FOLDER/elsewhere`."""
    if os.fork() == 0:
        with open(f"{folder}/elsewhere", encoding="utf-8") as file:
            target = file.read()
        with open(f"{target}/cgroup.procs", "w", encoding="utf-8") as file:
            file.write("0")
    live(folder, until)


KINDS = {
    "plain": plain,
    "daemons": daemons,
    "chains": chains,
    "stubborn": stubborn,
    "polite": polite,
    "zombies": zombies,
    "bomb": bomb,
    "flood": flood,
    "mixed": mixed,
    "migrant": migrant,
}

if __name__ == "__main__":
    KINDS[sys.argv[1]](sys.argv[2], int(sys.argv[3]), time.monotonic() + float(sys.argv[4]))
